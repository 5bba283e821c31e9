"""Event files, written with TensorBoard's own writer: no torch, no TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

_COUNTS = ("steps", "seconds")  # the axes, not curves
_open: dict[str, EventFileWriter] = {}


def open_run(path: str) -> None:
    """Begin an event file under the run's directory; a resumed run adds a second one."""
    _open[path] = EventFileWriter(str(Path(path) / "tensorboard"))


def add(path: str, steps: int, metrics: Mapping[str, float]) -> None:
    """Write each metric as a scalar at `steps`; names without a group stand under `run/`."""
    values = [
        Summary.Value(tag=name if "/" in name else f"run/{name}", simple_value=value)
        for name, value in metrics.items()
        if name not in _COUNTS
    ]
    event = Event(step=steps, wall_time=time.time(), summary=Summary(value=values))
    _open[path].add_event(event)


def close_run(path: str) -> None:
    """Write what is buffered and close the event file."""
    _open.pop(path).close()

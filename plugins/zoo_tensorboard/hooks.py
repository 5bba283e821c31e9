"""The hooks of the TensorBoard tracker; TensorBoard itself is imported when a run asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo import hookimpl


@hookimpl
def zoo_run_started(run: Mapping[str, Any]) -> None:
    if "tensorboard" in run["trackers"]:
        from zoo_tensorboard import writer

        writer.open_run(run["path"])


@hookimpl
def zoo_run_progress(run: Mapping[str, Any], steps: int, metrics: Mapping[str, float]) -> None:
    if "tensorboard" in run["trackers"]:
        from zoo_tensorboard import writer

        writer.add(run["path"], steps, metrics)


@hookimpl
def zoo_run_finished(run: Mapping[str, Any], outcome: str) -> None:
    if "tensorboard" in run["trackers"]:
        from zoo_tensorboard import writer

        writer.close_run(run["path"])

"""How many CPU threads torch computes with while a run trains."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.environments.compatibility import space_kind


def choose_threads(threads: int | None, observation_space: Any) -> int:
    """Return `threads`, or what suits the observations; 0 leaves torch as it is.

    Networks for vectors are so small that a second thread costs more than it brings, a great
    deal more on a busy machine, and one thread is what makes a resumed run equal bit for bit.
    Convolutions over images gain from every core.
    """
    if threads is not None:
        return threads
    parts = [observation_space, *getattr(observation_space, "values", tuple)()]
    return 0 if any(space_kind(part) == "image" for part in parts) else 1


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Have torch, where an algorithm has imported it, compute with `threads` in the block."""
    torch = sys.modules.get("torch")
    if not threads or torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)

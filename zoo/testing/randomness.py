"""The global generators of random, NumPy and torch: read, compared, put elsewhere for a while."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np


def global_randomness() -> dict[str, Any]:
    """Return the states of the global generators, of torch's only where it is imported."""
    states: dict[str, Any] = {"random": random.getstate(), "numpy.random": np.random.get_state()}
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = torch.get_rng_state()
    return states


def touched_since(before: Mapping[str, Any]) -> list[str]:
    """Return the names of the global generators that are not as they were."""
    after = global_randomness()
    return [name for name, state in before.items() if _value(state) != _value(after[name])]


@contextmanager
def seeded_globally(seed: int) -> Iterator[None]:
    """Seed the global generators, and put them back at the end."""
    before = global_randomness()
    torch = sys.modules.get("torch")
    random.seed(seed)
    np.random.seed(seed)
    if torch is not None:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before["random"])
        np.random.set_state(before["numpy.random"])
        if torch is not None:
            torch.set_rng_state(before["torch"])


def _value(state: Any) -> Any:
    """Return a generator's state as something that compares by value."""
    if isinstance(state, tuple):
        return tuple(_value(part) for part in state)
    if hasattr(state, "numpy"):
        state = state.numpy()
    return state.tobytes() if isinstance(state, np.ndarray) else state

"""What an algorithm raises, as one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.errors import ZooError

_NO_ROOM = (
    "array is too big",
    "Maximum allowed dimension exceeded",
    "out of memory",
    "can't allocate memory",
    "ALLOC_FAILED",
)
"""What NumPy, PyTorch and CUDA's libraries say where they do not raise a `MemoryError`."""


def fault(what: str, error: Exception, config: Mapping[str, Any]) -> ZooError:
    """Return what to raise in place of `error`: `what` says what went wrong, as in "ppo cannot be
    built", and `config`, as JSON, has the sizes to be lowered where memory has no room."""
    said = str(error).rstrip(".")
    if not isinstance(error, MemoryError) and not any(one in said for one in _NO_ROOM):
        return ZooError(
            f"{what}: {type(error).__name__}: {error}", "ZOO_DEBUG=1 shows where the error arose"
        )
    if "CUDA" in said or "CUBLAS" in said or "CUDNN" in said:
        return ZooError(
            f"{what}: the GPU's memory has no room: {said}",
            "Lower batch_size or the networks' sizes, or use --device cpu",
        )
    largest = sorted(_sizes(config), reverse=True)[:3]
    named = ", ".join(f"{key} {size:,}" for size, key in largest)
    return ZooError(
        f"{what}: memory has no room{f': {said}' if said else ''}",
        "Lower the sizes in its config" + (f", of which the largest are {named}" if named else ""),
    )


def _sizes(values: Any, key: str = "") -> Iterator[tuple[int, str]]:
    """Yield all whole numbers of a config with their dotted keys."""
    if isinstance(values, int) and not isinstance(values, bool):
        yield values, key
    elif isinstance(values, Mapping):
        for name, value in values.items():
            yield from _sizes(value, f"{key}.{name}" if key else name)
    elif isinstance(values, list) and values:
        yield from _sizes(max((one for one in values if type(one) is int), default=None), key)

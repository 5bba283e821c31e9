"""Checks of the arguments that a user gives an environment, each told in one line."""

from __future__ import annotations

import math
import os
from typing import Any

from zoo import ZooError, did_you_mean


def whole(environment: str, name: str, value: Any, *, at_least: int) -> int:
    """Return `value` as an int; `ZooError` unless it is a whole number of at least `at_least`.

    1e6 is taken for a million, as people write it on a command line.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value != int(value) or value < at_least:
        raise ZooError(
            f"{environment}: {name} must be a whole number of at least {at_least}, not {value!r}"
        )
    return int(value)


def number(
    environment: str, name: str, value: Any, *, low: float = -math.inf, high: float = math.inf
) -> float:
    """Return `value` as a float; `ZooError` unless it is a finite number from `low` to `high`."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        limits = f" from {low:g} to {high:g}" if math.isfinite(low + high) else ""
        if not limits and math.isfinite(low):
            limits = f" of at least {low:g}"
        raise ZooError(f"{environment}: {name} must be a number{limits}, not {value!r}")
    return float(value)


def numbers(
    environment: str, name: str, values: Any, *, low: float = -math.inf, high: float = math.inf
) -> tuple[float, ...]:
    """Return `values` as floats; `ZooError` unless they are a list of at least one such number."""
    if isinstance(values, str | bytes) or not hasattr(values, "__len__") or not len(values):
        raise ZooError(f"{environment}: {name} must be a list of numbers, not {values!r}")
    return tuple(number(environment, name, value, low=low, high=high) for value in values)


def flag(environment: str, name: str, value: Any) -> bool:
    """Return `value`; `ZooError` unless it is true or false."""
    if not isinstance(value, bool):
        raise ZooError(f"{environment}: {name} must be true or false, not {value!r}")
    return value


def choice(environment: str, name: str, value: Any, choices: tuple[str, ...]) -> str:
    """Return `value`; `ZooError` unless it is one of `choices`."""
    if value not in choices:
        hint = did_you_mean(str(value), choices, otherwise=f"Choose from: {', '.join(choices)}")
        raise ZooError(f"{environment}: {name} cannot be {value!r}", hint)
    return str(value)


def fits_into_memory(what: str, size: int) -> None:
    """Raise `ZooError` where `what`, of `size` bytes, would not leave half of the memory free."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not every system tells
        return
    if size > total / 2:
        raise ZooError(
            f"{what} would take {size / 2**30:.3g} GiB, but this machine has "
            f"{total / 2**30:.3g} GiB of memory",
            "Choose a smaller one",
        )

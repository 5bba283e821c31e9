"""Hyperparameters that change over a run: a constant, or a line that falls to zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from zoo.errors import ZooError

_PREFIX = "lin_"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A hyperparameter as a function of what is left of the training.

    `Schedule("constant", 3e-4)` is 3e-4 throughout; `Schedule("linear", 3e-4)` starts there and
    falls in proportion to `progress_remaining`, reaching 0 with the last step. Recipes write the
    first as a number and the second as `lin_3e-4`.
    """

    kind: Literal["constant", "linear"]
    initial: float

    @classmethod
    def parse(cls, value: str | float | Schedule) -> Schedule:
        """Read a number, `lin_NUMBER` or a number as text; anything else is a `ZooError`."""
        if isinstance(value, Schedule):
            return value
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ZooError(f"expected a number or lin_NUMBER, got {value!r}")
        if not isinstance(value, str):
            return cls("constant", _initial(float(value), value))
        prefix, separator, number = value.strip().rpartition("_")
        if separator and prefix != "lin":
            raise ZooError(
                f"unknown schedule {prefix!r} in {value!r}",
                f"Did you mean {_PREFIX}{number}? Schedules are a number or lin_NUMBER",
            )
        try:
            initial = float(number)
        except ValueError:
            raise ZooError(
                f"{value!r} is not a schedule", "Schedules are a number or lin_NUMBER"
            ) from None
        return cls("linear" if separator else "constant", _initial(initial, value))

    def __call__(self, progress_remaining: float) -> float:
        """Return the value when `progress_remaining`, from 1 (start) to 0 (end), is left."""
        if self.kind == "constant":
            return self.initial
        return progress_remaining * self.initial

    def __str__(self) -> str:
        return f"{_PREFIX if self.kind == 'linear' else ''}{self.initial!r}"

    def to_json(self) -> float | str:
        """Return what a recipe would say: the number itself, or `lin_NUMBER`."""
        return self.initial if self.kind == "constant" else str(self)


def _initial(number: float, written: object) -> float:
    """Return `number`, which must be finite and not negative."""
    if not math.isfinite(number) or number < 0:
        raise ZooError(f"a schedule starts at a finite number of at least 0, got {written!r}")
    return number

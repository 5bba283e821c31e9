"""Numbers that are not finite, refused as soon as they are seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zoo import ZooError

_MOST = float(np.finfo(np.float32).max)
"""Networks compute in float32."""


def check_finite(what: str, values: Any, when: str, first: int = 0) -> None:
    """Raise `ZooError` where an observation or reward has a NaN, or is infinite or too large for
    float32; the copies of the environment are those from `first` on."""
    if isinstance(values, dict):
        for key, value in values.items():
            check_finite(f"{what} {key!r}", value, when, first)
        return
    if values.dtype.kind != "f":
        return
    fine = np.isfinite(values) if values.dtype.itemsize <= 4 else abs(values) <= _MOST
    if not fine.all():
        copy = int(np.flatnonzero(~fine.reshape(len(values), -1).all(1))[0])
        bad = values[copy][~fine[copy]] if values.ndim > 1 else values[[copy]]
        too_large = ", too large for float32," if np.isfinite(bad.flat[0]) else ""
        raise ZooError(
            f"{bad.flat[0]}{too_large} in the {what} of copy {first + copy} of the environment "
            f"{when}",
            "The fault lies in the environment's code",
        )


def check_actions(actions: np.ndarray, steps: int) -> None:
    """Raise `ZooError` where a policy acts by a NaN or without bounds."""
    if actions.dtype.kind == "f" and not np.isfinite(actions).all():
        raise diverged(steps, f"an action is {actions[~np.isfinite(actions)][0]}")


def check_learnt(learnt: Any, steps: int) -> None:
    """Raise `ZooError` unless all floats of a state, or of metrics, are finite: what is not must
    not get into a checkpoint."""
    if isinstance(learnt, Mapping):
        learnt = list(learnt.values())
    if isinstance(learnt, (list, tuple)):
        for part in learnt:
            check_learnt(part, steps)
    elif isinstance(learnt, (float, np.generic, np.ndarray)):
        numbers = np.asarray(learnt)
        if numbers.dtype.kind == "f" and not (fine := np.isfinite(numbers)).all():
            raise diverged(steps, f"what it learnt holds {numbers[~fine].flat[0]}")


def diverged(steps: int, how: str, hint: str = "Lower learning_rate") -> ZooError:
    """Return the error that ends a training which has come to numbers that mean nothing."""
    return ZooError(f"training diverged at step {steps:,}: {how}", hint)

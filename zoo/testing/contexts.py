"""What probes show: a context, as an observation of any kind that an `AlgorithmSpec` can name."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

CONTEXTS = 3
"""How many different observations a probe shows."""
SIDE = 36
"""Height and width of the image observation: the least that SB3's `NatureCNN` takes."""

_CODES = np.eye(CONTEXTS, dtype=np.float32)
_DIGITS = np.array([[0, 0], [0, 1], [1, 0]])


def observation_space(kind: str) -> spaces.Space[Any]:
    """Return the space in which a probe shows its contexts as observations of `kind`."""
    made: dict[str, spaces.Space[Any]] = {
        "box": _unit_box(CONTEXTS),
        "image": spaces.Box(0, 255, (SIDE, SIDE, 1), np.uint8),
        "discrete": spaces.Discrete(CONTEXTS),
        "multi-discrete": spaces.MultiDiscrete([2, 2]),
        "multi-binary": spaces.MultiBinary(CONTEXTS),
        "dict": spaces.Dict({"a": _unit_box(2), "b": _unit_box(1)}),
        "tuple": spaces.Tuple([spaces.Discrete(2), spaces.Discrete(2)]),
    }
    return made[kind]


def _unit_box(size: int) -> spaces.Box:
    return spaces.Box(-1.0, 1.0, (size,), np.float32)


def encode(kind: str, context: int) -> Any:  # noqa: PLR0911 - one for each kind
    """Return the observation that stands for `context` in `observation_space(kind)`."""
    code = _CODES[context]
    if kind == "box":
        return code.copy()
    if kind == "image":
        image = np.zeros((SIDE, SIDE, 1), np.uint8)
        band = SIDE // CONTEXTS
        image[context * band : (context + 1) * band] = 255
        return image
    if kind == "discrete":
        return context
    if kind == "multi-discrete":
        return _DIGITS[context].astype(np.int64)
    if kind == "multi-binary":
        return code.astype(np.int8)
    if kind == "dict":
        return {"a": code[:2].copy(), "b": code[2:].copy()}
    return tuple(int(digit) for digit in _DIGITS[context])


def encode_batch(kind: str, contexts: Any) -> Any:
    """Return the observations of several contexts as a vector environment would batch them."""
    rows = [encode(kind, int(context)) for context in contexts]
    if kind == "dict":
        return {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    if kind == "tuple":
        return tuple(np.array(column) for column in zip(*rows, strict=True))
    return np.stack([np.asarray(row) for row in rows])

"""Gymnasium spaces as JSON and back: Box, Discrete, MultiDiscrete, MultiBinary, Tuple, Dict.

    {"type": "Box", "low": -1.0, "high": "inf", "shape": [3], "dtype": "float32"}
    {"type": "Discrete", "n": 4, "start": 0, "dtype": "int64"}

A bound that is the same everywhere is one number, otherwise the list of all in C order; a side
without a bound is "-inf" or "inf".
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo.errors import ZooError

_DTYPES = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
}  # fmt: skip
_MAX_SIZE = 1 << 24  # numbers in a space with all its parts; more is damage, not a space
_MAX_DIMENSIONS = 32  # the most that every NumPy has


def to_json(space: Space[Any]) -> dict[str, Any]:
    """Return `space` as JSON; `ZooError` for a kind that bundles do not know."""
    match space:
        case spaces.Box():
            return {
                "type": "Box",
                "low": _bound(space.low, space.bounded_below, "-inf"),
                "high": _bound(space.high, space.bounded_above, "inf"),
                "shape": list(space.shape),
                "dtype": _dtype_name(space),
            }
        case spaces.Discrete():
            n, start = int(space.n), int(space.start)
            return {"type": "Discrete", "n": n, "start": start, "dtype": _dtype_name(space)}
        case spaces.MultiDiscrete():
            nvec, start = space.nvec.tolist(), space.start.tolist()
            dtype = _dtype_name(space)
            return {"type": "MultiDiscrete", "nvec": nvec, "start": start, "dtype": dtype}
        case spaces.MultiBinary():
            return {"type": "MultiBinary", "n": space.n if _is_int(space.n) else list(space.shape)}
        case spaces.Tuple():
            return {"type": "Tuple", "spaces": [to_json(part) for part in space.spaces]}
        case spaces.Dict() if all(isinstance(key, str) for key in space.spaces):
            # pairs, because the order counts and JSON objects have none
            pairs = [[key, to_json(part)] for key, part in space.spaces.items()]
            return {"type": "Dict", "spaces": pairs}
    raise ZooError(
        f"{space} cannot be stored with an agent",
        "Wrap the environment so that its spaces are Box, Discrete, MultiDiscrete, MultiBinary, "
        "or a Tuple or Dict of these",
    )


def from_json(value: Any) -> Space[Any]:
    """Return the space that `to_json` wrote as `value`; `ZooError` where it cannot be one."""
    try:
        return _read(value, _Budget())
    except (AssertionError, TypeError, ValueError, OverflowError) as error:
        raise ZooError(
            f"a stored space is damaged: {error}", "Fetch or train the agent again"
        ) from error


class _Budget:
    """Lets shapes pass until they hold more numbers together than a space may: a few bytes of a
    stranger's JSON must not fill the memory."""

    def __init__(self) -> None:
        self.left = _MAX_SIZE

    def shape(self, sizes: list[Any]) -> tuple[int, ...]:
        fits = len(sizes) <= _MAX_DIMENSIONS and all(
            _is_int(size) and 0 <= size <= _MAX_SIZE for size in sizes
        )
        if not fits or math.prod(sizes) > self.left:
            raise ValueError(f"no shape, or too large: {str(sizes[:8])[:80]}")
        self.left -= math.prod(sizes)
        return tuple(sizes)


def _read(value: Any, budget: _Budget) -> Space[Any]:
    match value:
        case {"type": "Box", "low": low, "high": high, "shape": list(), "dtype": str(name)}:
            shape, dtype = budget.shape(value["shape"]), _dtype(name)
            lows, below = _array(low, shape, dtype, "-inf")
            highs, above = _array(high, shape, dtype, "inf")
            box = spaces.Box(lows, highs, shape, dtype)
            if dtype.kind == "i":  # there a missing bound does not show in the number
                box.bounded_below, box.bounded_above = below, above
            return box
        case {"type": "Discrete", "n": int(n), "start": int(start), "dtype": str(name)}:
            # only gymnasium's own default is accepted by all of its versions
            other = {} if name == "int64" else {"dtype": _dtype(name)}
            return spaces.Discrete(n, start=start, **other)  # type: ignore[call-overload]
        case {"type": "MultiDiscrete", "nvec": list(nvec), "start": start, "dtype": str(name)}:
            return spaces.MultiDiscrete(_integers(nvec), _dtype(name), start=_integers(start))
        case {"type": "MultiBinary", "n": int() | list() as n}:
            size = budget.shape(n if isinstance(n, list) else [n])
            return spaces.MultiBinary(list(size) if isinstance(n, list) else n)
        case {"type": "Tuple", "spaces": list(parts)}:
            return spaces.Tuple([_read(part, budget) for part in parts])
        case {"type": "Dict", "spaces": list(pairs)}:
            named = OrderedDict((str(key), _read(part, budget)) for key, part in pairs)
            if len(named) != len(pairs):
                raise ValueError("a key stands twice in a Dict")
            return spaces.Dict(named)
    raise ValueError(f"{str(value)[:80]} is no space of a known kind")


def _bound(values: np.ndarray, bounded: np.ndarray, unbounded: str) -> Any:
    numbers = [
        number if has_bound else unbounded
        for number, has_bound in zip(values.ravel().tolist(), bounded.ravel(), strict=True)
    ]
    same = len(numbers) > 0 and all(number == numbers[0] for number in numbers)
    return numbers[0] if same else numbers


def _array(
    bound: Any, shape: tuple[int, ...], dtype: np.dtype, unbounded: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return a bound's numbers and where there is one, both of `shape`."""
    numbers = bound if isinstance(bound, list) else [bound]
    bounded = np.array([number != unbounded for number in numbers], bool)
    if dtype.kind == "f":
        beyond: float = -math.inf if unbounded == "-inf" else math.inf
    elif dtype.kind == "i":
        info = np.iinfo(dtype)
        beyond = info.min if unbounded == "-inf" else info.max
    else:
        beyond = math.nan  # refused below: these types have no infinity
    filled = [beyond if number == unbounded else number for number in numbers]
    if not all(isinstance(number, int | float) for number in filled):
        raise TypeError("a bound is no number")
    exact = np.array(filled, dtype) if filled else np.zeros(0, dtype)
    if exact.tolist() != filled and dtype.kind != "f":
        raise ValueError(f"a bound is no {dtype}")
    if isinstance(bound, list):
        return exact.reshape(shape), bounded.reshape(shape)
    return np.full(shape, exact[0]), np.full(shape, bounded[0])


def _integers(values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise TypeError("a count is no integer")
    return array


def _dtype(name: str) -> np.dtype:
    if name not in _DTYPES:
        raise ValueError(f"no dtype of a space: {name[:40]!r}")
    return np.dtype(name)


def _dtype_name(space: Space[Any]) -> str:
    name = np.dtype(space.dtype).name
    if name not in _DTYPES:
        raise ZooError(f"{space} cannot be stored with an agent: its dtype is {name}")
    return name


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

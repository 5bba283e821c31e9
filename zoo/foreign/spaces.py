"""Spaces of gym and gymnasium out of inert records, whichever version pickled them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo.foreign.arrays import NotPlain, array, checked_shape, dtype, mapping, plain, shown
from zoo.foreign.records import Made, Name, is_made_by

_LIBRARIES = ("gym.spaces", "gymnasium.spaces")
_MAX_DEPTH = 8
_MAX_NUMBERS = 1 << 23
_LEAST = 1000
"""What a space counts for besides its numbers: a pickle may name one a million times."""


def space(value: Any, *, depth: int = _MAX_DEPTH) -> Space[Any]:
    """Return the space that a record stands for; `NotPlain` for anything else."""
    if depth == 0:
        raise NotPlain("a space is nested too deeply")
    for kind, read in _KINDS.items():
        if _is(value, kind):
            state = value.state if isinstance(value, Made) else None
            if isinstance(state, tuple) and len(state) == 2 and state[0] is None:
                state = state[1]
            if not isinstance(state, dict):
                raise NotPlain(f"a {kind} space has no attributes")
            try:
                return read(state, depth)
            except (AssertionError, KeyError, TypeError, ValueError, OverflowError) as error:
                said = " ".join(str(error).split())[:100]
                raise NotPlain(f"a {kind} space is not whole: {said}") from error
    raise NotPlain(f"{shown(value)} is no space")


def _is(value: Any, kind: str) -> bool:
    modules = {"MultiDiscrete": "multi_discrete", "MultiBinary": "multi_binary"}
    module = modules.get(kind, kind.lower())
    return is_made_by(
        value,
        *(f"{library}.{module}.{kind}" for library in _LIBRARIES),
        *(f"{library}.{kind}" for library in _LIBRARIES),
    )


def _box(state: Mapping[str, Any], depth: int) -> Space[Any]:
    low, high = array(state["low"]), array(state["high"])
    kind = _kind(state, low.dtype)
    if low.shape != high.shape or low.size > _MAX_NUMBERS:
        raise NotPlain("the bounds of a Box do not fit each other")
    return spaces.Box(low.astype(kind), high.astype(kind), low.shape, kind.type)


def _discrete(state: Mapping[str, Any], depth: int) -> Space[Any]:
    return spaces.Discrete(_integer(state["n"]), start=_integer(state.get("start", 0)))


def _multi_discrete(state: Mapping[str, Any], depth: int) -> Space[Any]:
    nvec = array(state["nvec"])
    start = array(state["start"]) if "start" in state else None
    return spaces.MultiDiscrete(nvec, _kind(state, np.dtype(np.int64)).type, start=start)


def _multi_binary(state: Mapping[str, Any], depth: int) -> Space[Any]:
    n = plain(state["n"])
    if isinstance(n, Made):
        raise NotPlain("a MultiBinary space has no size")
    if isinstance(n, np.ndarray):
        n = n.tolist()
    if isinstance(n, tuple | list):
        shape = checked_shape(n)
        if np.prod(shape, dtype=float) > _MAX_NUMBERS:
            raise NotPlain("a MultiBinary space is too large")
        return spaces.MultiBinary(list(shape))
    count = _integer(n)
    if count > _MAX_NUMBERS:
        raise NotPlain("a MultiBinary space is too large")
    return spaces.MultiBinary(count)


def _dict(state: Mapping[str, Any], depth: int) -> Space[Any]:
    inner = mapping(state["spaces"])
    if not all(isinstance(key, str) for key in inner):
        raise NotPlain("a key of a Dict space is no text")
    return spaces.Dict(OrderedDict(zip(inner, _parts(inner.values(), depth), strict=True)))


def _tuple(state: Mapping[str, Any], depth: int) -> Space[Any]:
    parts = state["spaces"]
    if not isinstance(parts, list | tuple):
        raise NotPlain("a Tuple space has no parts")
    return spaces.Tuple(_parts(parts, depth))


def _parts(values: Iterable[Any], depth: int) -> list[Space[Any]]:
    found, numbers = [], 0
    for value in values:
        found.append(space(value, depth=depth - 1))
        numbers += _numbers(found[-1])
        if numbers > _MAX_NUMBERS:
            raise NotPlain("a space is too large")
    return found


def _numbers(one: Space[Any]) -> int:
    if isinstance(one, spaces.Dict | spaces.Tuple):
        inner = one.spaces.values() if isinstance(one, spaces.Dict) else one.spaces
        return _LEAST + sum(map(_numbers, inner))
    return _LEAST + math.prod(one.shape or ())


_KINDS = {
    "Box": _box,
    "Discrete": _discrete,
    "MultiDiscrete": _multi_discrete,
    "MultiBinary": _multi_binary,
    "Dict": _dict,
    "Tuple": _tuple,
}


def _kind(state: Mapping[str, Any], otherwise: np.dtype) -> np.dtype:
    value = state.get("dtype")
    return dtype(value) if isinstance(value, Made | Name) else otherwise


def _integer(value: Any) -> int:
    number = plain(value)
    if isinstance(number, np.integer):
        return int(number)
    if type(number) is not int:
        raise NotPlain(f"{shown(value)} is no count")
    return number

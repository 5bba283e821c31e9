"""From inert records to plain values: NumPy arrays and scalars, types, ordered dictionaries."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.foreign.records import Made, Name, is_made_by

MAX_ARRAY_BYTES = 1 << 30
_MAX_DIMENSIONS = 32

_DTYPE = re.compile(r"[biuf][1248]|\?")
_TYPES = {
    "bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
}  # fmt: skip
_MULTIARRAY = ("numpy.core.multiarray.", "numpy._core.multiarray.")
_NUMERIC = ("numpy.core.numeric.", "numpy._core.numeric.")
_RECONSTRUCT = tuple(f"{module}_reconstruct" for module in _MULTIARRAY)
_SCALAR = tuple(f"{module}scalar" for module in _MULTIARRAY)
_FROM_BUFFER = tuple(f"{module}_frombuffer" for module in _NUMERIC)


class NotPlain(Exception):
    """A record is none of the shapes that are known; the text says in words what it is."""


def plain(value: Any) -> Any:
    """Return what a record stands for: a number, an array, a dtype or a dictionary.

    Plain values, and records of other kinds, come back as they are; what is inside of lists
    and dictionaries is left to the caller. Raises `NotPlain` where a record lies about itself.
    """
    if not isinstance(value, Made):
        return value
    if is_made_by(value, *_RECONSTRUCT, *_FROM_BUFFER):
        return array(value)
    if is_made_by(value, *_SCALAR):
        kind, data = _arguments(value, 2)
        return _filled(_bytes(data), dtype(kind), ())[()]
    if is_made_by(value, "numpy.dtype"):
        return dtype(value)
    return mapping(value) if is_made_by(value, "collections.OrderedDict") else value


def array(value: Any) -> np.ndarray:
    """Return the array that a record stands for, as a copy; `NotPlain` for anything else."""
    if is_made_by(value, *_RECONSTRUCT):
        _, shape, kind, is_fortran, data = _sequence(value.state, 5)
        order = "F" if is_fortran is True else "C"
        return _filled(_bytes(data), dtype(kind), shape, order)
    if is_made_by(value, *_FROM_BUFFER):
        has_axes = isinstance(value.arguments, tuple) and len(value.arguments) == 5  # NumPy 2.3
        data, kind, shape, order, *axes = _arguments(value, 5 if has_axes else 4)
        found = _filled(_bytes(data), dtype(kind), shape, "F" if order == "F" else "C")
        return _turned(found, axes[0]) if axes and order == "K" else found
    raise NotPlain(f"{shown(value)} is no array")


def npy(data: bytes) -> np.ndarray:
    """Return the array in a file of NumPy's `.npy` format; `NotPlain` for anything else."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0,
                   (2, 0): np.lib.format.read_array_header_2_0}  # fmt: skip
        shape, is_fortran, kind = readers[version](stream)
    except (
        ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError,
    ) as error:  # fmt: skip
        raise NotPlain("it is no array of NumPy") from error
    if kind.kind not in "biuf":
        raise NotPlain(f"arrays of {kind} are not read, only those of numbers")
    return _filled(data[stream.tell() :], kind, tuple(shape), "F" if is_fortran else "C")


def dtype(value: Any) -> np.dtype:
    """Return the type of numbers that a record stands for; no objects, texts or structures."""
    if isinstance(value, Name) and value.module == "numpy" and value.name in _TYPES:
        return np.dtype(value.name.rstrip("_"))
    if not is_made_by(value, "numpy.dtype"):
        raise NotPlain(f"{shown(value)} is no type of numbers")
    arguments = value.arguments if isinstance(value.arguments, tuple) else ()
    code = arguments[0] if arguments else None
    if not (isinstance(code, str) and _DTYPE.fullmatch(code)):
        raise NotPlain(f"arrays of {shown(code)} are not read, only those of numbers")
    state = value.state
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
    try:
        return np.dtype(order + code if order in ("<", ">") else code)
    except TypeError as error:
        raise NotPlain(f"there are no numbers of type {code!r}") from error


def mapping(value: Any) -> dict[Any, Any]:
    """Return a dictionary or an ordered one; `NotPlain` for anything else."""
    if isinstance(value, dict):
        return value
    if is_made_by(value, "collections.OrderedDict"):
        if value.entries or not value.arguments:
            return value.entries
        (pairs,) = _sequence(value.arguments, 1)
        return pairs_to_mapping(pairs)
    raise NotPlain(f"{shown(value)} is no dictionary")


def pairs_to_mapping(pairs: Any) -> dict[str, Any]:
    """Return a list of pairs, the first of each a text, as a dictionary."""
    if not isinstance(pairs, list | tuple):
        raise NotPlain(f"{shown(pairs)} is no list of pairs")
    found = {}
    for pair in pairs:
        key, item = _sequence(pair, 2)
        if not isinstance(key, str):
            raise NotPlain(f"{shown(key)} is no name")
        found[key] = item
    return found


def shown(value: Any) -> str:
    """Return a short name of any value for a message, without looking inside of it."""
    if isinstance(value, Made):
        return f"a call of {value.maker}" if isinstance(value.maker, Name) else "a call of a call"
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, str):
        return repr(value[:40])
    if value is None or isinstance(value, bool | float):
        return repr(value)
    return f"a value of type {type(value).__name__}"


def checked_shape(shape: Any) -> tuple[int, ...]:
    """Return the sizes of an array's dimensions; `NotPlain` where they are none."""
    if not isinstance(shape, tuple | list) or len(shape) > _MAX_DIMENSIONS:
        raise NotPlain("an array has no shape")
    sizes = [size for size in shape if type(size) is int and 0 <= size <= MAX_ARRAY_BYTES]
    if len(sizes) != len(shape):
        raise NotPlain("an array has no shape")
    return tuple(sizes)


def _filled(data: bytes, kind: np.dtype, shape: Any, order: Any = "C") -> np.ndarray:
    sizes = checked_shape(shape)
    if math.prod(sizes) * kind.itemsize != len(data) or len(data) > MAX_ARRAY_BYTES:
        raise NotPlain(f"an array of shape {sizes} and {kind} cannot have {len(data)} bytes")
    native = np.frombuffer(data, kind).astype(kind.newbyteorder("="))
    return native.reshape(sizes, order=order)


def _turned(value: np.ndarray, axes: Any) -> np.ndarray:
    if axes is None:
        return value
    order = checked_shape(axes)
    if sorted(order) != list(range(value.ndim)):
        raise NotPlain("the axes of an array are no order of them")
    return value.transpose(order)


def _bytes(value: Any) -> bytes:
    """Return bytes; those of protocols 0 to 2 are written as text of another encoding."""
    if isinstance(value, bytes):
        return value
    if is_made_by(value, "_codecs.encode"):
        text, encoding = _arguments(value, 2)
        if isinstance(text, str) and encoding in ("latin1", "latin-1"):
            try:
                return text.encode("latin-1")
            except UnicodeEncodeError:
                pass
    if is_made_by(value, "builtins.bytes", "__builtin__.bytes") and not value.arguments:
        return b""
    raise NotPlain("the numbers of an array are no bytes")


def _arguments(value: Made, count: int) -> Sequence[Any]:
    return _sequence(value.arguments, count)


def _sequence(value: Any, count: int) -> Sequence[Any]:
    if not isinstance(value, tuple | list) or len(value) != count:
        raise NotPlain(f"{shown(value)} has not the {count} parts that it needs")
    return value


def state_of(value: Any, *makers: str) -> Mapping[str, Any]:
    """Return the attributes of an object that one of `makers` would have made."""
    if not is_made_by(value, *makers):
        wanted = makers[0].rpartition(".")[2]
        raise NotPlain(f"{shown(value)} is no {wanted}")
    state = value.state
    if isinstance(state, tuple) and len(state) == 2 and state[0] is None:
        state = state[1]
    if not isinstance(state, dict):
        raise NotPlain(f"{shown(value)} has no attributes")
    return state


def explained(error: NotPlain, where: str) -> ZooError:
    """Return a `NotPlain` as what the user is told."""
    return ZooError(
        f"{where} cannot be read: {error}", "It is damaged or hostile; nothing in it was run"
    )

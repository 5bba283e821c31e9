"""A `State` on disk: its structure as `tree.json`, its arrays in `arrays.safetensors`.

The arrays are written one after the other, straight from their own memory, and large ones are
read by mapping the file, so that a replay buffer of gigabytes needs no second copy: not to be
saved, nor to be filled anew. Nothing is pickled.

In `tree.json` a plain value stands for itself; `{"$array": "7"}` is the array of that name,
`{"$float": "nan"}` a number that JSON lacks, `{"$int": "0x..."}` one that is too big for most
readers. A dict's own key that begins with `$` is written with one `$` more.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo.algorithm import State
from zoo.errors import ZooError
from zoo.storage import strict_json
from zoo.storage.files import explain

STRUCTURE = "tree.json"
ARRAYS = "arrays.safetensors"

# NumPy's name of a type -> its name in safetensors; all others are stored as bytes ("U8").
# https://github.com/huggingface/safetensors#format
_NAMES = {
    "|b1": "BOOL", "|i1": "I8", "|u1": "U8", "<i2": "I16", "<u2": "U16", "<i4": "I32",
    "<u4": "U32", "<i8": "I64", "<u8": "U64", "<f2": "F16", "<f4": "F32", "<f8": "F64",
}  # fmt: skip
_MAX_HEADER = 64 << 20
_PIECE = 16 << 20  # bytes that are copied at once where an array is not contiguous
_MAPPED = 16 << 20  # bytes from which on an array is mapped, not read

Digests = dict[str, dict[str, Any]]
"""By file name: `{"sha256": ..., "size": ...}`."""


def save_tree(directory: Path, state: State) -> Digests:
    """Write `state` into an existing directory and return the digests of its two files.

    Raises `ZooError`, naming the place in the tree, for a leaf that a `State` may not have.
    """
    arrays: list[np.ndarray] = []
    structure = _encode(state, "state", arrays, strict_json.MAX_DEPTH // 2)
    with _hashed(directory / STRUCTURE) as (write, tree_digest):
        write(strict_json.dumps(structure, compact=True))
    with _hashed(directory / ARRAYS) as (write, arrays_digest):
        write(_header(arrays))
        for array in arrays:
            for piece in _pieces(array):
                write(piece)
    return {STRUCTURE: tree_digest, ARRAYS: arrays_digest}


def load_tree(directory: Path, digests: Mapping[str, Mapping[str, Any]] | None = None) -> State:
    """Read what `save_tree` wrote; with `digests`, refuse files that do not match them.

    Raises `ZooError` for anything damaged. The arrays can be written to; large ones are the file's
    own bytes until then, and its deletion is no harm.
    """
    path = directory / STRUCTURE
    with explain(path, "read"):
        data = path.read_bytes()
    _check(path, len(data), hashlib.sha256(data).hexdigest(), digests)
    arrays = _read_arrays(directory / ARRAYS, digests)
    return _decode(strict_json.loads(data, str(path), max_bytes=1 << 30), arrays, path)


def _encode(value: Any, where: str, arrays: list[np.ndarray], depth: int) -> Any:
    if depth == 0:
        raise ZooError(f"{where} is nested too deeply", "Flatten the state, and avoid cycles in it")
    match value:
        case None | bool() | str() if type(value) in (type(None), bool, str):
            return value
        case int() if type(value) is int:
            return value if abs(value) < 1 << 63 else {"$int": hex(value)}
        case float() if type(value) is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        case list():
            return [_encode(v, f"{where}[{i}]", arrays, depth - 1) for i, v in enumerate(value)]
        case dict():
            return {
                _escaped(key, where): _encode(item, f"{where}[{key!r}]", arrays, depth - 1)
                for key, item in value.items()
            }
        case np.ndarray() if _is_storable(value):
            arrays.append(value)
            name, shape = str(len(arrays) - 1), list(value.shape)
            return {"$array": name, "dtype": value.dtype.str, "shape": shape}
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, np.ndarray):
        kind += f" of {value.dtype}"
    raise ZooError(
        f"{where} is a {kind}, which a state cannot hold",
        "Use None, bool, int, float, str, NumPy arrays of plain numbers, lists and dicts",
    )


def _is_storable(array: np.ndarray) -> bool:
    return _is_plain(array.dtype) and not isinstance(array, np.ma.MaskedArray)


def _is_plain(dtype: np.dtype) -> bool:
    return dtype.kind in "biufcmMSU" and dtype.itemsize > 0


def _escaped(key: Any, where: str) -> str:
    if type(key) is not str:
        raise ZooError(f"{where} has the key {key!r}, which is no string", "Use string keys")
    return "$" + key if key.startswith("$") else key


def _decode(value: Any, arrays: dict[str, np.ndarray], path: Path) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays, path) for item in value]
    if not isinstance(value, dict):
        return value
    try:
        match value:
            case {"$array": str(name), "dtype": str(dtype), "shape": list(shape)}:
                return _typed(arrays.pop(name), np.dtype(dtype), shape)
            case {"$float": "nan" | "inf" | "-inf" as number}:
                return float(number)
            case {"$int": str(number)}:
                return int(number, 16)
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(path, f"an entry does not fit {ARRAYS}") from error
    if any(key.startswith("$") and not key.startswith("$$") for key in value):
        raise _damaged(path, "an entry is of no known kind")
    return {
        key[1:] if key.startswith("$") else key: _decode(item, arrays, path)
        for key, item in value.items()
    }


def _typed(raw: np.ndarray, dtype: np.dtype, shape: list[int]) -> np.ndarray:
    """Return bytes (n,) as the array that they are; `ValueError` where the sizes disagree."""
    if not _is_plain(dtype) or raw.nbytes != math.prod(shape) * dtype.itemsize:
        raise ValueError(dtype)
    return raw.view(dtype).reshape(shape)


def _header(arrays: list[np.ndarray]) -> bytes:
    """Return the length-prefixed safetensors header."""
    entries, offset = {}, 0
    for index, array in enumerate(arrays):
        name = _NAMES.get(array.dtype.str)
        entries[str(index)] = {
            "dtype": name or "U8",
            "shape": list(array.shape) if name else [array.nbytes],
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _pieces(array: np.ndarray) -> Iterator[memoryview]:
    """Yield the array's bytes in C order, copying at most about `_PIECE` of them at a time."""
    if array.flags.c_contiguous:
        flat = np.asarray(array).reshape(-1).view(np.uint8)
        for start in range(0, flat.size, _PIECE):
            yield flat[start : start + _PIECE].data
        return
    rows = max(1, _PIECE * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), rows):
        yield from _pieces(np.ascontiguousarray(array[start : start + rows]))


def _read_arrays(
    path: Path, digests: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, np.ndarray]:
    """Return the content of each array as bytes (n,), reading and hashing the file once."""
    digest = hashlib.sha256()
    with explain(path, "read"), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(8)
        length = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or length > min(size - 8, _MAX_HEADER):
            raise _damaged(path, "its header is cut off")
        text = file.read(length)
        digest.update(prefix + text)
        arrays = {}
        for name, nbytes in _sizes(strict_json.loads(text, str(path)), size - 8 - length, path):
            arrays[name] = _next(file, nbytes, path)
            digest.update(arrays[name].data)
    _check(path, size, digest.hexdigest(), digests)
    return arrays


def _next(file: BinaryIO, nbytes: int, path: Path) -> np.ndarray:
    """Return the next bytes of the file as a writable array, which is no way to change the file."""
    if nbytes >= _MAPPED:
        begin = file.tell()
        mapped = np.memmap(file, np.uint8, "c", offset=begin, shape=(nbytes,))
        file.seek(begin + nbytes)
        return np.asarray(mapped)
    array = np.empty(nbytes, np.uint8)
    if file.readinto(array.data) != nbytes:  # type: ignore[attr-defined]
        raise _damaged(path, "it is cut off")
    return array


def _sizes(header: Any, available: int, path: Path) -> list[tuple[str, int]]:
    """Return (name, bytes) in the file's order, sure that together they are all that follows."""
    try:
        spans = sorted((tuple(entry["data_offsets"]), name) for name, entry in header.items())
        position = 0
        for (begin, end), _ in spans:
            if begin != position or end < begin:
                raise ValueError(begin)
            position = end
        if position != available:
            raise ValueError(position)
        return [(name, end - begin) for (begin, end), name in spans]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, "its header does not fit its size") from error


def _check(
    path: Path, size: int, digest: str, digests: Mapping[str, Mapping[str, Any]] | None
) -> None:
    if digests is not None and digests.get(path.name) != {"sha256": digest, "size": size}:
        raise _damaged(path, "its SHA-256 is not the one that was written down")


def _damaged(path: Path, reason: str) -> ZooError:
    return ZooError(f"{path} is damaged: {reason}", "Go back to an older checkpoint")


@contextmanager
def _hashed(path: Path) -> Iterator[tuple[Callable[[Any], None], dict[str, Any]]]:
    """Open a new file: gives its `write`, and its digest entry, filled when the block ends."""
    digest = hashlib.sha256()
    entry: dict[str, Any] = {"sha256": "", "size": 0}

    with explain(path), open(path, "xb") as file:

        def write(data: bytes | memoryview) -> None:
            digest.update(data)
            entry["size"] += len(data)
            file.write(data)

        yield write, entry
        file.flush()
        os.fsync(file.fileno())
    entry["sha256"] = digest.hexdigest()

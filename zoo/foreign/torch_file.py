"""What `torch.save` writes, read without torch: the zip format and the one before it.

https://github.com/pytorch/pytorch/blob/main/torch/serialization.py. A tensor is a record that
names a storage; the storages are plain bytes beside the pickle.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.foreign import pickles
from zoo.foreign.archive import Archive, is_zip
from zoo.foreign.arrays import NotPlain, checked_shape, explained, mapping, plain, shown
from zoo.foreign.records import Name, Persistent, is_made_by

MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES = {
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?",
}  # fmt: skip
_MAX_STORAGES = 20_000
_MAX_DEPTH = 4
_MAX_VALUES = 200_000
_MAX_BYTES = 1 << 30
"""Of all tensors together: many may name the same storage, and each becomes an array."""
_REBUILD = "torch._utils._rebuild_tensor_v2"
_PARAMETERS = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.nn.parameter.Parameter",
)

Storages = Callable[[str], np.ndarray]
"""From the key of a storage to its bytes (n,) uint8."""


def read(data: bytes, where: str) -> Any:
    """Return what a `.pth` file holds, with NumPy arrays for its tensors as far as they lie in
    dictionaries, lists and tuples, `_MAX_DEPTH` of them inside of each other.

    Raises `ZooError` for a file that is damaged, and for tensors that reach out of their
    storages. Other objects come back as inert records.
    """
    try:
        if is_zip(data):
            with Archive(data, where) as archive:
                value, storages = _zip_parts(archive, where)
                return _Filling(_Tensors(storages).make).fill(value, _MAX_DEPTH)
        value, storages = _legacy_parts(data, where)
        return _Filling(_Tensors(storages).make).fill(value, _MAX_DEPTH)
    except NotPlain as error:
        raise explained(error, where) from error


def read_state(data: bytes, where: str) -> dict[str, np.ndarray]:
    """Return a module's `state_dict`: arrays by name. What is no array is left out."""
    value = read(data, where)
    if not isinstance(value, Mapping):
        raise ZooError(
            f"{where} holds no dictionary of tensors but {shown(value)}",
            "Save a module's state_dict() with torch.save",
        )
    return {
        name: item
        for name, item in value.items()
        if isinstance(name, str) and isinstance(item, np.ndarray)
    }


def _zip_parts(archive: Archive, where: str) -> tuple[Any, Storages]:
    roots = [name for name in archive.names if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise NotPlain("it has no data.pkl, so torch did not write it")
    folder = roots[0].removesuffix("data.pkl")
    value = pickles.loads(archive.read(roots[0], pickles.MAX_BYTES), where)
    order = f"{folder}byteorder"
    if order in archive.names and archive.read(order, 16) != sys.byteorder.encode():
        raise NotPlain("its numbers are stored in the other order of bytes")

    @cache  # else a thousand tensors of one storage would unpack it a thousand times
    def storage(key: str) -> np.ndarray:
        name = f"{folder}data/{key}"
        if name not in archive.names:
            raise NotPlain(f"the numbers of storage {key[:40]!r} are missing")
        return np.frombuffer(archive.read(name), np.uint8)

    return value, storage


def _legacy_parts(data: bytes, where: str) -> tuple[Any, Storages]:
    """Read a magic number, a protocol, the system, the value, the keys and the storages."""
    magic, at = pickles.load_at(data, 0, where)
    protocol, at = pickles.load_at(data, at, where)
    if magic != MAGIC or protocol != _PROTOCOL:
        raise NotPlain("torch did not write it")
    system, at = pickles.load_at(data, at, where)
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise NotPlain("its numbers are stored in the other order of bytes")
    value, at = pickles.load_at(data, at, where)
    keys, at = pickles.load_at(data, at, where)
    if not isinstance(keys, list) or len(keys) > _MAX_STORAGES:
        raise NotPlain("it has no list of storages")
    sizes = _legacy_sizes(value)
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        if not isinstance(key, str) or key not in sizes or key in places:
            raise NotPlain("its list of storages does not fit its tensors")
        count, itemsize = sizes[key]
        if int.from_bytes(data[at : at + 8], "little") != count:
            raise NotPlain(f"storage {key[:40]!r} has another size than its tensors say")
        places[key] = (at + 8, at + 8 + count * itemsize)
        at = places[key][1]
        if at > len(data):
            raise NotPlain("it is cut off")

    def storage(key: str) -> np.ndarray:
        begin, end = places[key]
        return np.frombuffer(memoryview(data)[begin:end], np.uint8)

    return value, storage


def _legacy_sizes(value: Any) -> dict[str, tuple[int, int]]:
    """Return (count, bytes of one number) of each storage that the tensors name."""
    sizes = {}

    def note(tensor: Any) -> None:
        kind, key, count = _storage_facts(tensor.arguments[0])
        sizes[key] = (count, kind.itemsize)

    _Filling(note).fill(value, _MAX_DEPTH)
    return sizes


class _Filling:
    """Puts what `fill_tensor` makes of it in the place of each tensor.

    It counts the values that it meets: what a pickle holds once it may name a million times.
    """

    def __init__(self, fill_tensor: Callable[[Any], Any]) -> None:
        self.fill_tensor = fill_tensor
        self.values = 0

    def fill(self, value: Any, depth: int) -> Any:
        self.values += 1
        if self.values > _MAX_VALUES:
            raise NotPlain("it holds too many values")
        if (record := _tensor_record(value)) is not None:
            return self.fill_tensor(record)
        if depth == 0:
            return value
        if isinstance(value, list | tuple):
            return [self.fill(item, depth - 1) for item in value]
        if isinstance(value, dict) or is_made_by(value, "collections.OrderedDict"):
            return {key: self.fill(item, depth - 1) for key, item in mapping(value).items()}
        return plain(value)


def _tensor_record(value: Any) -> Any:
    """Return the record of a tensor, also of one that is a parameter; None for other values."""
    for _ in range(2):
        arguments = getattr(value, "arguments", None)
        if is_made_by(value, *_PARAMETERS) and isinstance(arguments, tuple) and arguments:
            value = arguments[0]
    if not is_made_by(value, _REBUILD):
        return None
    if not isinstance(value.arguments, tuple) or len(value.arguments) < 4:
        raise NotPlain("a tensor lacks its storage, its shape or its strides")
    return value


class _Tensors:
    """Makes arrays of the records of tensors, until they are too many bytes together."""

    def __init__(self, storages: Storages) -> None:
        self.storages = storages
        self.bytes = 0

    def make(self, record: Any) -> np.ndarray:
        view = _view(record, self.storages)
        self.bytes += view.nbytes
        if self.bytes > _MAX_BYTES:
            raise NotPlain("its tensors have too many bytes together")
        return view.copy()


def _view(record: Any, storages: Storages) -> np.ndarray:
    storage, offset, shape, strides = record.arguments[:4]
    kind, key, count = _storage_facts(storage)
    sizes, steps = checked_shape(shape), checked_shape(strides)
    numbers = storages(key)
    if numbers.nbytes != count * kind.itemsize:
        raise NotPlain(f"storage {key[:40]!r} has another size than its tensors say")
    if type(offset) is not int or offset < 0 or len(sizes) != len(steps):
        raise NotPlain("a tensor has no place in its storage")
    size = math.prod(sizes)
    last = offset + sum((n - 1) * step for n, step in zip(sizes, steps, strict=True))
    if size and (last >= count or size > count):
        raise NotPlain(f"a tensor of shape {sizes} reaches out of its storage of {count} numbers")
    flat = numbers.view(kind)[min(offset, count) :]
    if not size:
        return np.zeros(sizes, kind)
    byte_steps = tuple(step * kind.itemsize for step in steps)
    return np.lib.stride_tricks.as_strided(flat, sizes, byte_steps, writeable=False)


def _storage_facts(storage: Any) -> tuple[np.dtype, str, int]:
    """Return (type of numbers, key, count) of a storage that a tensor names."""
    facts = storage.id if isinstance(storage, Persistent) else None
    match facts:
        case ("storage", Name() as name, str(key), str(), int(count), *_):
            if name.module not in ("torch", "torch.storage") or name.name not in _STORAGES:
                raise NotPlain(f"tensors in a {name} are not read")
            if count < 0 or "/" in key or (len(facts) > 5 and facts[5] is not None):
                raise NotPlain("a storage is no whole list of numbers")
            return np.dtype(_STORAGES[name.name]), key, count
    raise NotPlain("a tensor names no storage")

"""An agent's numbers as safetensors: checked before they are believed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import safetensors
import safetensors.numpy

from zoo.errors import ZooError
from zoo.storage import strict_json

_DTYPES = {
    "BOOL", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "F16", "F32", "F64",
}  # fmt: skip
_MAX_HEADER = 16 << 20
_HINT = "Fetch or train the agent again"


def dumps(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Return named arrays in the safetensors format; `ZooError` for NaN or other than numbers."""
    plain = {}
    for name, tensor in tensors.items():
        array = np.asarray(tensor, order="C")
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise ZooError(f"the agent's {name!r} is of {array.dtype}, which is not stored")
        _refuse_nan(name, array, "the agent", "Training has diverged: try a lower learning rate")
        plain[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    return safetensors.numpy.save(plain)


def loads(data: bytes, where: str) -> dict[str, np.ndarray]:
    """Return the arrays in `data`; `where` names the file in the `ZooError` for damage or NaN."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, _MAX_HEADER):
        raise ZooError(f"{where} is damaged: its header is cut off", _HINT)
    header = strict_json.loads(data[8 : 8 + length], where)
    entries = header if isinstance(header, dict) else {"header": None}
    for name, entry in entries.items():
        if name != "__metadata__" and not (
            isinstance(entry, dict) and str(entry.get("dtype")) in _DTYPES
        ):
            raise ZooError(f"{where} is damaged: {name[:80]!r} is no array of numbers", _HINT)
    try:
        tensors = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ZooError(f"{where} is damaged: {error}", _HINT) from error
    for name, array in tensors.items():
        _refuse_nan(name, array, where, "The agent was damaged or its training diverged")
    return tensors


def _refuse_nan(name: str, array: np.ndarray, where: str, hint: str) -> None:
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ZooError(f"{where} has NaN in {name!r}", hint)

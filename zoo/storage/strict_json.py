"""JSON without its traps: no NaN, no duplicate keys, no bottomless nesting, limited size."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from zoo.errors import ZooError

MAX_DEPTH = 100
_HINT = "The file is damaged or was not written by the zoo; fetch or write it again"


def dumps(value: Any, *, compact: bool = False) -> bytes:
    """Return `value` as UTF-8 JSON with a final newline; NaN and infinity are refused.

    It is indented for readers unless `compact`, which is many times faster for long lists.
    """
    try:
        text = json.dumps(value, allow_nan=False, indent=None if compact else 2)
        return (text + "\n").encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ZooError(
            f"cannot be written as JSON: {error}",
            "Use dicts with string keys, lists, strings, booleans, None and finite numbers",
        ) from error


def loads(data: bytes, where: str, *, max_bytes: int = 64 << 20) -> Any:
    """Return the value in `data`; `where` names its file in the `ZooError` for anything odd."""
    if len(data) > max_bytes:
        raise ZooError(f"{where} is too large: {len(data)} of at most {max_bytes} bytes", _HINT)
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        _limit_depth(value, MAX_DEPTH)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ZooError(f"{where} is not valid JSON: {reason}", _HINT) from error
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is out of range")
    return number


def _limit_depth(value: Any, left: int) -> None:
    if left < 0:
        raise RecursionError
    if isinstance(value, dict):
        for item in value.values():
            _limit_depth(item, left - 1)
    elif isinstance(value, list):
        for item in value:
            _limit_depth(item, left - 1)

"""`--set key=value`: hyperparameters from the command line or a Python call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.config.yamlfile import parse_value
from zoo.errors import ZooError

SOURCE = "--set"


def parse_overrides(overrides: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    """Return `["gamma=0.9", "policy_kwargs.net_arch=[64,64]"]` as keys and values.

    Values are read as YAML: numbers, true, null, words, `[lists]` and `{mappings: too}`. A
    mapping is returned as it is. Raises `ZooError` where an item is not `key=value`.
    """
    if isinstance(overrides, Mapping):
        return {str(key): value for key, value in overrides.items()}
    items = [overrides] if isinstance(overrides, str) else overrides
    return dict(_parse(item) for item in items)


def _parse(item: str) -> tuple[str, Any]:
    key, separator, text = item.partition("=")
    key = key.strip()
    if not separator or not text.strip() or not all(key.split(".")):
        raise ZooError(f"{SOURCE} {item}: expected key=value", f"Write {SOURCE} gamma=0.99")
    return key, parse_value(text, f"{SOURCE} {item}")


def put(values: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return `values` with the value at a dotted key replaced; what stands beside it remains.

    Where the way leads through something that is no mapping (`normalize: true`), that is
    replaced by a mapping.
    """
    head, _, rest = key.partition(".")
    if not rest:
        return values | {head: value}
    inner = values.get(head)
    return values | {head: put(dict(inner) if isinstance(inner, Mapping) else {}, rest, value)}

"""What a repository's README.md says about it: the metadata between its first two `---` lines."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from zoo.config.yamlfile import parse_value
from zoo.errors import ZooError

README = "README.md"
_LONGEST = 64 << 10  # characters of metadata
_MARK = "---"


def metadata(text: str) -> dict[str, Any]:
    """Return the metadata in the text of a README.md, empty where there is none.

    Raises `ZooError` for metadata that is no mapping of plain values.
    """
    lines = text[: _LONGEST + 1].splitlines()
    if not lines or lines[0].strip() != _MARK:
        return {}
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == _MARK), None)
    if end is None:
        raise ZooError(f"the metadata of {README} has no end", f"Close it with a line {_MARK}")
    value = parse_value("\n".join(lines[1:end]), README)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ZooError(f"the metadata of {README} is no mapping", "Write lines such as `tags: []`")
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ZooError(f"the metadata of {README} cannot be written as JSON: {error}") from error


@lru_cache(maxsize=4096)
def card_of(path: Path) -> dict[str, Any]:
    """Return the metadata of the README.md in a blob, empty where it is damaged or none.

    A blob never changes, so what was read once holds.
    """
    try:
        return metadata(start_of(path))
    except ZooError:
        return {}


def start_of(path: Path) -> str:
    """Return the beginning of a text file, long enough for its metadata."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST + 1)
    except OSError:
        return ""

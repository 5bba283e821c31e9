"""What stands for the objects of a foreign file: records that can do nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Name:
    """What a pickle would have imported."""

    module: str
    name: str

    def __str__(self) -> str:
        return repr(f"{self.module}.{self.name}"[:100])[1:-1]  # one line, whatever it is


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """What a pickle asks its reader for, by any value that says which."""

    id: Any


class Made:
    """What a pickle would have got by calling `maker`; nothing has been called.

    `state` is what the object would be told about itself, `items` what would be appended to it
    and `entries` what would be put into it by keys.
    """

    __slots__ = ("arguments", "entries", "items", "keywords", "maker", "state")

    def __init__(self, maker: Any, arguments: Any, keywords: Any = None) -> None:
        self.maker, self.arguments, self.keywords = maker, arguments, keywords
        self.state: Any = None
        self.items: list[Any] = []
        self.entries: dict[Any, Any] = {}


def is_made_by(value: Any, *makers: str) -> bool:
    """Say whether `value` stands for a call of one of `makers`, given as `module.name`."""
    if not isinstance(value, Made) or not isinstance(value.maker, Name):
        return False
    return f"{value.maker.module}.{value.maker.name}" in makers

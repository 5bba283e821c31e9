"""YAML as data: read without executing anything, with the line of every value.

The file is composed into nodes by ruamel.yaml (YAML 1.2) and turned into dicts, lists and
scalars here, so that this module alone decides what a file can bring about: tags other than
YAML's own are refused, so are keys written twice and anchors that expand without end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from zoo.errors import ZooError

Keys = tuple[str | int, ...]
"""The way to a value: the keys of mappings and the indices of lists."""

_MAX_BYTES = 1_000_000
_MAX_VALUES = 100_000
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file's content and where each part of it was written.

    A value that came by an anchor has the line of its text, not that of the alias.
    """

    path: Path
    data: Any
    lines: dict[Keys, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The path as messages show it: relative to the working directory where it is inside."""
        return shown_path(self.path)

    def where(self, *keys: str | int) -> str:
        """Return `FILE:LINE` of the value at `keys`, or of the nearest part around it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return f"{self.name}:{self.lines.get(keys, 1)}"


def shown_path(path: Path) -> str:
    """Return `path` relative to the working directory where it is inside, else as it is."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def load_yaml(path: Path) -> YamlFile:
    """Read one YAML document; raise `ZooError` with `FILE:LINE` where it is not plain data."""
    name = shown_path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ZooError(f"{name} has more than {_MAX_BYTES} bytes", "Is it a recipe file?")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ZooError(f"cannot read {name}: {error.strerror}", "Check the path") from None
    except UnicodeDecodeError:
        raise ZooError(f"{name} is not a text file in UTF-8", "Is it a recipe file?") from None
    builder = _Builder(lambda line: f"{name}:{line}")
    return YamlFile(path, builder.read(text), builder.lines)


def parse_value(text: str, name: str) -> Any:
    """Return a value written in YAML's flow style, such as `[64, 64]`; `name` heads errors."""
    return _Builder(lambda line: name).read(text)


class _Builder:
    """Turns composed nodes into data, noting lines and counting what anchors multiply."""

    def __init__(self, place: Callable[[int], str]) -> None:
        self.place = place
        self.lines: dict[Keys, int] = {}
        self.under_way: set[int] = set()
        self.values = 0

    def read(self, text: str) -> Any:
        """Return the one document in `text`, None where it is empty."""
        try:
            node = YAML(typ="safe", pure=True).compose(text)
            return None if node is None else self.build(node, ())
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
            place = self.place(mark.line + 1 if mark else 1)
            raise ZooError(f"{place}: not valid YAML: {problem}") from None
        except RecursionError:
            raise ZooError(f"{self.place(1)}: nested too deeply") from None

    def build(self, node: Node, keys: Keys, *, line: int | None = None) -> Any:
        """Return the data of `node`, which stands at `keys`."""
        self.lines[keys] = line or node.start_mark.line + 1
        self._count(node, keys)
        if isinstance(node, ScalarNode):
            return self._scalar(node, keys)
        if id(node) in self.under_way:
            raise self._error(node, keys, "an anchor contains itself")
        self.under_way.add(id(node))
        kind = str(node.tag)
        if isinstance(node, MappingNode) and kind == f"{_TAG}map":
            data: Any = self._mapping(node, keys)
        elif isinstance(node, SequenceNode) and kind == f"{_TAG}seq":
            data = [self.build(item, (*keys, index)) for index, item in enumerate(node.value)]
        else:
            raise self._unknown_tag(node, keys)
        self.under_way.discard(id(node))
        return data

    def _mapping(self, node: MappingNode, keys: Keys) -> dict[str, Any]:
        """Return a mapping; its own keys win over merged ones, earlier merges over later."""
        merged: dict[str, tuple[Node, Node]] = {}
        for part in self._merges(node, keys):
            for key, (key_node, value_node) in self._own(part, keys).items():
                merged.setdefault(key, (key_node, value_node))
        pairs = merged | self._own(node, keys)
        return {
            key: self.build(value, (*keys, key), line=key_node.start_mark.line + 1)
            for key, (key_node, value) in pairs.items()
        }

    def _own(self, node: MappingNode, keys: Keys) -> dict[str, tuple[Node, Node]]:
        """Return the pairs that stand in a mapping itself, its merge keys resolved below it."""
        own: dict[str, tuple[Node, Node]] = {}
        for key_node, value_node in node.value:
            if str(key_node.tag) == _MERGE:
                continue
            if not isinstance(key_node, ScalarNode):
                raise self._error(key_node, keys, "a key must be a word, not a list or mapping")
            key = str(key_node.value)
            if key in own:
                raise self._error(key_node, keys, f"key {key!r} is written twice")
            own[key] = (key_node, value_node)
        return own

    def _merges(self, node: MappingNode, keys: Keys) -> Iterator[MappingNode]:
        """Yield the mappings that `<<` names, nearest first, each before those it merges."""
        self._count(node, keys)
        for key_node, value_node in node.value:
            if str(key_node.tag) != _MERGE:
                continue
            named = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            for part in named:
                if not isinstance(part, MappingNode) or id(part) in self.under_way:
                    raise self._error(key_node, keys, "<< must name another mapping")
                self.under_way.add(id(part))
                yield part
                yield from self._merges(part, keys)
                self.under_way.discard(id(part))

    def _scalar(self, node: ScalarNode, keys: Keys) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
        try:
            return _SCALARS[kind](text)
        except KeyError:
            raise self._unknown_tag(node, keys) from None
        except ValueError:
            raise self._error(node, keys, f"{text!r} is not a YAML {kind}") from None

    def _unknown_tag(self, node: Node, keys: Keys) -> ZooError:
        tag = str(node.tag).replace(_TAG, "!!")
        return self._error(node, keys, f"the tag {tag} is not allowed", "Write plain YAML values")

    def _count(self, node: Node, keys: Keys) -> None:
        self.values += 1
        if self.values > _MAX_VALUES:
            raise self._error(node, keys, f"anchors expand to more than {_MAX_VALUES} values")

    def _error(self, node: Node, keys: Keys, what: str, hint: str = "") -> ZooError:
        entry = f"{keys[0]}: " if keys else ""
        return ZooError(f"{self.place(node.start_mark.line + 1)}: {entry}{what}", hint)


def _bool(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _int(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits, 0 if digits.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else 10)


def _float(text: str) -> float:
    return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Any] = {
    "str": str,
    "timestamp": str,
    "null": lambda text: None,
    "bool": _bool,
    "int": _int,
    "float": _float,
}

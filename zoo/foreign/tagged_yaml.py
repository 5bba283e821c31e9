"""YAML with Python's tags, as RL Zoo writes it, read without making anything that they name.

Ordered dictionaries and tuples become dictionaries and lists; every other tag leaves a `Tagged`,
which says what stood there and does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from zoo.errors import ZooError
from zoo.foreign.arrays import NotPlain, pairs_to_mapping

MAX_BYTES = 200_000
_MAX_VALUES = 50_000
_MAX_DEPTH = 40
_CORE = "tag:yaml.org,2002:"
_PYTHON = f"{_CORE}python/"
_PAIRS = (
    f"{_PYTHON}object/apply:collections.OrderedDict",
    f"{_PYTHON}object:collections.OrderedDict",
)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value whose tag is not read."""

    tag: str


def loads(data: bytes, where: str) -> Any:
    """Return the one document in `data`; `where` names its file in the `ZooError`."""
    if len(data) > MAX_BYTES:
        raise ZooError(f"{where} has more than {MAX_BYTES} bytes", "Is it the right file?")
    try:
        node = YAML(typ="safe", pure=True).compose(data.decode())
        return None if node is None else _Builder().build(node, _MAX_DEPTH)
    except (YAMLError, ValueError, RecursionError, NotPlain) as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        reason = problem or "it is nested too deeply"
        raise ZooError(f"{place} cannot be read as YAML: {reason[:200]}") from error


class _Builder:
    """Turns composed nodes into data, counting what anchors multiply."""

    def __init__(self) -> None:
        self.values = 0

    def build(self, node: Node, depth: int) -> Any:
        self.values += 1
        if depth == 0 or self.values > _MAX_VALUES:
            raise NotPlain("it is nested too deeply, or its anchors expand too far")
        tag = str(node.tag)
        if isinstance(node, ScalarNode):
            return _scalar(tag.removeprefix(_CORE), _text(node))
        if tag in _PAIRS and isinstance(node, SequenceNode):
            parts = [self.build(item, depth - 1) for item in node.value]
            return pairs_to_mapping(parts[0]) if parts else {}
        if tag in (f"{_CORE}seq", f"{_PYTHON}tuple", f"{_PYTHON}list", f"{_CORE}set"):
            return [self.build(item, depth - 1) for item in node.value]
        if isinstance(node, MappingNode) and tag in (f"{_CORE}map", f"{_PYTHON}dict", *_PAIRS):
            return {
                _text(key): self.build(value, depth - 1)
                for key, value in node.value
                if isinstance(key, ScalarNode)
            }
        return Tagged(tag[:200])


def _text(node: ScalarNode) -> str:
    text = str(node.value)
    text.encode()  # half a surrogate pair could never be written or shown again
    return text


def _scalar(kind: str, text: str) -> Any:
    match kind:
        case "null" | "python/none":
            return None
        case "bool" | "python/bool":
            return text.lower() in ("true", "yes", "on")
        case "int" | "python/int" | "python/long":
            return int(text.replace("_", "")[:100])
        case "float" | "python/float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        case "str" | "timestamp" | "python/str" | "python/unicode":
            return text
    return Tagged(f"!!{kind}"[:200])

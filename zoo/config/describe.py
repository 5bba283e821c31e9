"""Configs in words: what a type is called, and one row of documentation for each field."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from zoo.components.schedules import Schedule

_NAMES: dict[Any, str] = {
    int: "int",
    float: "number",
    bool: "bool",
    str: "text",
    type(None): "null",
    Any: "any",
    Schedule: "number or lin_NUMBER",
}
_PLAIN = re.compile(
    r"(?!(?:true|false|null|yes|no|on|off|y|n)$)[a-z](?:[\w./-]|:(?=\w))*", re.IGNORECASE | re.ASCII
)
"""Text that needs no quotes in YAML, in any version of it."""
_BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """One documented key: all four are text as a person would read it.

    The name of a field inside a mapping is dotted: `normalize.clip_obs`.
    """

    name: str
    type: str
    default: str
    description: str


def describe(config_class: type[BaseModel]) -> list[FieldDoc]:
    """Return the documentation of every key of a config, in the order of its definition."""
    return list(_rows(config_class, ""))


def _rows(config_class: type[BaseModel], prefix: str) -> Iterable[FieldDoc]:
    for name, field in config_class.model_fields.items():
        description = " ".join((field.description or "").split())
        yield FieldDoc(prefix + name, field_type(field), _default(field), description)
        for nested in nested_configs(field.annotation):
            yield from _rows(nested, f"{prefix}{name}.")


def field_type(field: FieldInfo) -> str:
    """Return a field's type with its bounds: `int >= 1 or null`."""
    rendered, bounds = render_type(field.annotation), _bounds(field.metadata)
    bare = rendered.removesuffix(" or null")
    return bare + bounds + rendered[len(bare) :]


def render_type(annotation: Any) -> str:
    """Return the name of a type as the documentation and the errors write it."""
    if annotation in _NAMES:
        return _NAMES[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return render_type(arguments[0]) + _bounds(arguments[1:])
    if origin in (Union, types.UnionType, Literal):
        return _alternatives(_members(annotation))
    container = origin or annotation
    return _container(container, arguments) if isinstance(container, type) else str(annotation)


def _members(annotation: Any) -> Iterable[str]:
    """Yield the names of what a union or a Literal allows, as one flat list."""
    if get_origin(annotation) is Literal:
        yield from (render_value(argument) for argument in get_args(annotation))
    elif get_origin(annotation) in (Union, types.UnionType):
        yield from (name for part in get_args(annotation) for name in _members(part))
    else:
        yield render_type(annotation)


def _container(container: type, arguments: tuple[Any, ...]) -> str:
    known = bool(arguments) and arguments[-1] is not Any
    if issubclass(container, (BaseModel, Mapping)):
        return f"mapping of {render_type(arguments[-1])}" if known else "mapping"
    if container is tuple and known and Ellipsis not in arguments:
        return f"[{', '.join(render_type(argument) for argument in arguments)}]"
    if issubclass(container, (Sequence, set, frozenset)):
        return f"list of {render_type(arguments[0])}" if known else "list"
    return container.__name__


def nested_configs(annotation: Any) -> list[type[BaseModel]]:
    """Return the configs that a type may hold directly: `bool | Normalize` holds `Normalize`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        return [found for part in get_args(annotation) for found in nested_configs(part)]
    return []


def render_value(value: Any) -> str:
    """Return a value in YAML's flow style, on one line."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        items = (f"{render_value(str(key))}: {render_value(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(render_value(item) for item in value) + "]"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return f'"{"".join(map(_escaped, value))}"'
    return str(value)


def _escaped(character: str) -> str:
    """Return a character inside double quotes; JSON's way is YAML's up to U+FFFF."""
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else json.dumps(character)[1:-1]


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    return "required" if default is PydanticUndefined else render_value(default)


def _bounds(metadata: Iterable[Any]) -> str:
    """Return ` >= 1, < 5` for pydantic's constraint objects."""
    found = [
        f"{symbol} {getattr(item, name):g}"
        for item in metadata
        for name, symbol in _BOUNDS
        if getattr(item, name, None) is not None
    ]
    return f" {', '.join(found)}" if found else ""


def _alternatives(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} or {unique[-1]}"

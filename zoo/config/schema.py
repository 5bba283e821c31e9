"""What a config is: a typed, documented, frozen mapping, with errors that a person can act on."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from zoo.components.schedules import Schedule
from zoo.config.describe import FieldDoc, describe, nested_configs, render_type, render_value
from zoo.errors import ZooError, did_you_mean

__all__ = ["Config", "Field", "FieldDoc", "ScheduleValue", "describe", "to_json", "validate"]


class Config(BaseModel):
    """The base of every config: unknown keys refused, types strict, values frozen.

    A subclass documents each field:

        class QLearningConfig(Config):
            gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")

    Types are taken at their word: a bool is no int and text is no number. Two things written in
    YAML are fitted: a whole number such as 1e6 where an int is wanted, a list where a tuple is.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _fit_yaml(cls, value: Any, info: ValidationInfo) -> Any:
        return _fit(cls.model_fields[str(info.field_name)].annotation, value)


def _fit(annotation: Any, value: Any) -> Any:
    """Return `value` with whole floats as ints and lists as tuples where the type wants those."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _fit(arguments[0], value)
    if origin in (Union, types.UnionType):
        return _fit(_alternative(arguments, value), value)
    if annotation is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict) and origin is dict:
        return {key: _fit(arguments[1], item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and origin in (list, tuple, Sequence):
        fixed = origin is tuple and Ellipsis not in arguments and len(arguments) == len(value)
        kinds = arguments if fixed else (arguments[0],) * len(value)
        items = [_fit(kind, item) for kind, item in zip(kinds, value, strict=True)]
        return items if origin is list else tuple(items)
    return value


def _alternative(alternatives: Sequence[Any], value: Any) -> Any:
    """Return the member of a union that `value` is meant for, as far as its shape tells."""
    bare = [get_args(one)[0] if get_origin(one) is Annotated else one for one in alternatives]
    wanted: tuple[Any, ...] = ()
    if isinstance(value, float) and float not in bare:
        wanted = (int,)
    elif isinstance(value, dict):
        wanted = (dict,)
    elif isinstance(value, (list, tuple)):
        wanted = (list, tuple, Sequence)
    return next((one for one in bare if (get_origin(one) or one) in wanted), None)


def _to_schedule(value: Any) -> Schedule:
    try:
        return Schedule.parse(value)
    except ZooError as error:
        raise PydanticCustomError("schedule", "{message}", {"message": str(error)}) from None


ScheduleValue = Annotated[
    Schedule,
    PlainValidator(_to_schedule, json_schema_input_type=float | str),
    PlainSerializer(Schedule.to_json, return_type=float | str),
]
"""A field that recipes write as `0.001` or `lin_0.001` and algorithms read as a `Schedule`."""

C = TypeVar("C", bound=BaseModel)


def validate(
    config_class: type[C],
    values: Mapping[str, Any],
    where: Callable[[str], str] = lambda key: "",
    *,
    also_known: Iterable[str] = (),
) -> C:
    """Return `values` as a `config_class`, or raise a `ZooError` about the first wrong one.

    `where("policy_kwargs.net_arch")` says where that key was written, such as
    `hyperparams/q-learning.yml:12: FrozenLake-v1`; it heads the message. `also_known` are keys
    that belong elsewhere, offered as suggestions only.
    """
    try:
        return config_class.model_validate(dict(values))
    except ZooError as error:  # a plugin's own validator
        prefix = where("")
        raise ZooError(f"{prefix}: {error.message}" if prefix else error.message, error.hint) from (
            None
        )
    except ValidationError as error:
        key, what, hint = _explain(config_class, values, error.errors(), also_known)
    prefix = where(key)
    named = f"key '{key}': {what}" if key else what
    raise ZooError(f"{prefix}: {named}" if prefix else named, hint)


def to_json(config: BaseModel) -> dict[str, Any]:
    """Return a config as JSON data, from which `validate` makes an equal one."""
    return config.model_dump(mode="json")


def _explain(
    config_class: type[BaseModel],
    values: Mapping[str, Any],
    errors: Sequence[ErrorDetails],
    also_known: Iterable[str],
) -> tuple[str, str, str]:
    """Return (dotted key, what is wrong, hint) for the most telling of pydantic's errors."""
    unknown = [item for item in errors if item["type"] == "extra_forbidden"]
    first = (unknown or list(errors))[0]
    about = [item for item in errors if item["loc"][:1] == first["loc"][:1]]
    # A union reports every alternative; the one that got deepest into the value is what was meant.
    item = max(about, key=lambda one: len(_path(one, values)))
    path = _path(item, values)
    if item["type"] == "extra_forbidden":
        known = _fields_at(config_class, path[:-1]) + ([] if path[1:] else list(also_known))
        hint = did_you_mean(path[-1], known, otherwise=f"Known keys: {', '.join(sorted(known))}")
        return ".".join(path), "unknown key", hint
    missing = item["type"] == "missing"
    if missing and isinstance(item["loc"][-1], str):
        return ".".join([*path, item["loc"][-1]]), "missing", "Give it a value"
    alternatives = {one["type"] for one in about if _path(one, values) == path}
    if not path and item["loc"]:
        return str(item["loc"][0]), f"the default is wrong: {_told(item)}", "Tell the author"
    key, value, annotation = _known_part(config_class, path, values)
    if (
        missing
        or len(alternatives) > 1
        or item["type"].endswith(("_type", "literal_error", "too_long"))
    ):
        what = f"expected {render_type(annotation)}, got {_shown(value)}"
        return key, what, _type_hint(annotation, value)
    return key, _told(item), ""


def _told(item: ErrorDetails) -> str:
    """Return what is wrong with a value whose type is right."""
    if item["type"] == "schedule":
        return str(item.get("ctx", {}).get("message", item["msg"]))
    if item["type"] == "value_error":
        return str(item.get("ctx", {}).get("error", item["msg"])).rstrip(".")
    said = item["msg"].removeprefix("Input should be ").removeprefix("Value should be ")
    said = said if said == item["msg"] else f"must be {said}"
    return f"{said}, got {_shown(item['input'])}"


def _shown(value: Any) -> str:
    shown = repr(value) if isinstance(value, str) else render_value(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _type_hint(annotation: Any, value: Any) -> str:
    """Return a suggestion for text where something else, or another word, was wanted."""
    if not isinstance(value, str):
        return ""
    try:
        float(value)
    except ValueError:
        return did_you_mean(value, _choices(annotation))
    return "Remove the quotes"


def _choices(annotation: Any) -> list[str]:
    """Return the words that a type allows."""
    if get_origin(annotation) is Literal:
        return [choice for choice in get_args(annotation) if isinstance(choice, str)]
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _path(item: ErrorDetails, values: Any) -> list[str]:
    """Return the keys that lead to the error, without a union's alternatives or list indices."""
    path: list[str] = []
    for part in item["loc"]:
        if isinstance(values, Mapping) and part in values:
            values = values[part]
            path.append(str(part))
    return path


def _known_part(
    config_class: type[BaseModel], path: Sequence[str], value: Any
) -> tuple[str, Any, Any]:
    """Return the dotted key, the value and the type as deep along `path` as fields are known."""
    annotation: Any = config_class
    keys: list[str] = []
    for part in path:
        fields = {k: f for c in nested_configs(annotation) for k, f in c.model_fields.items()}
        if part not in fields:
            break
        keys.append(part)
        value, annotation = value[part], fields[part].annotation
    return ".".join(keys), value, annotation


def _fields_at(config_class: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Return the keys known to the config that `path` leads to."""
    annotation: Any = config_class
    for part in path:
        fields = {k: f for c in nested_configs(annotation) for k, f in c.model_fields.items()}
        annotation = fields[part].annotation if part in fields else None
    return [name for config in nested_configs(annotation) for name in config.model_fields]

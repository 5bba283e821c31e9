from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.config.describe import FieldDoc, describe, render_type, render_value
from zoo.config.schema import Config, Field, ScheduleValue
from zoo.config.yamlfile import parse_value


class Inner(Config):
    clip: float = Field(10.0, gt=0, description="Limit.")


class Outer(Config):
    gamma: float = Field(0.99, ge=0, le=1, description="Discount\n    factor.")
    rate: ScheduleValue = Field("lin_0.001", description="Step size.")
    kind: Literal["a", "b"] = Field("a", description="Kind.")
    size: int = Field(description="No default.")
    normalize: bool | Inner = Field(False, description="Either.")
    limit: int | None = Field(None, ge=1, description="Optional.")


def test_every_key_has_its_row_and_mappings_have_rows_below_theirs() -> None:
    assert describe(Outer) == [
        FieldDoc("gamma", "number >= 0, <= 1", "0.99", "Discount factor."),
        FieldDoc("rate", "number or lin_NUMBER", "lin_0.001", "Step size."),
        FieldDoc("kind", "a or b", "a", "Kind."),
        FieldDoc("size", "int", "required", "No default."),
        FieldDoc("normalize", "bool or mapping", "false", "Either."),
        FieldDoc("normalize.clip", "number > 0", "10.0", "Limit."),
        FieldDoc("limit", "int >= 1 or null", "null", "Optional."),
    ]


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (dict[str, Any], "mapping"),
        (dict[str, int], "mapping of int"),
        (list[int], "list of int"),
        (tuple[int, ...], "list of int"),
        (tuple[int, Literal["step", "episode"]], "[int, step or episode]"),
        (list[int] | dict[str, list[int]], "list of int or mapping of list of int"),
        (Literal[1, True, "auto"], "1, true or auto"),
        (Literal["a", "b"] | None, "a, b or null"),
        (int | Literal["auto"], "int or auto"),
        (list, "list"),
        (Any, "any"),
    ],
)
def test_types_have_names_that_are_not_pythons(annotation: Any, name: str) -> None:
    assert render_type(annotation) == name


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_a_rendered_value_is_yaml_that_reads_back(value: Any) -> None:
    rendered = render_value(value)
    assert "\n" not in rendered
    assert parse_value(f"[{rendered}]", "here") == [value]


@pytest.mark.parametrize(
    "word", ["true", "No", "null", "1e5", "0x1", "~", "a: b", "<<", "", "lin_"]
)
def test_words_that_yaml_would_read_otherwise_are_quoted(word: str) -> None:
    assert parse_value(f"[{render_value(word)}]", "here") == [word]

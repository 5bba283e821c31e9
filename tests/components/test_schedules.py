from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.components.schedules import Schedule
from zoo.errors import ZooError


def test_a_constant_is_the_same_throughout() -> None:
    schedule = Schedule.parse(3e-4)
    assert [schedule(left) for left in (1.0, 0.5, 0.0)] == [3e-4, 3e-4, 3e-4]


def test_a_line_falls_to_zero_in_proportion_to_what_is_left() -> None:
    schedule = Schedule.parse("lin_0.2")
    assert [schedule(left) for left in (1.0, 0.25, 0.0)] == [0.2, 0.05, 0.0]


@pytest.mark.parametrize(
    ("written", "kind", "initial"),
    [
        (0, "constant", 0.0),
        (1, "constant", 1.0),
        ("0.001", "constant", 0.001),
        ("1e-3", "constant", 0.001),
        ("lin_1e-3", "linear", 0.001),
        ("lin_7.3e-4", "linear", 7.3e-4),
        (" lin_0.5 ", "linear", 0.5),
    ],
)
def test_what_recipes_write_is_read(written: object, kind: str, initial: float) -> None:
    assert Schedule.parse(written) == Schedule(kind, initial)  # type: ignore[arg-type]


@given(
    st.sampled_from(["constant", "linear"]),
    st.floats(min_value=0, allow_nan=False, allow_infinity=False),
)
def test_text_and_json_are_read_back_to_the_same_schedule(kind: str, initial: float) -> None:
    schedule = Schedule(kind, initial)  # type: ignore[arg-type]
    assert Schedule.parse(str(schedule)) == schedule
    assert Schedule.parse(schedule.to_json()) == schedule


def test_a_constant_is_a_plain_number_in_json() -> None:
    assert Schedule.parse("0.5").to_json() == 0.5
    assert Schedule.parse("lin_0.5").to_json() == "lin_0.5"


@pytest.mark.parametrize("written", ["cosine_0.1", "linear_0.1", "LIN_0.1", "_0.1"])
def test_an_unknown_schedule_is_refused_with_the_known_one(written: str) -> None:
    with pytest.raises(ZooError, match="unknown schedule") as refusal:
        Schedule.parse(written)
    assert "Did you mean lin_0.1?" in refusal.value.hint


@pytest.mark.parametrize(
    "written",
    [
        *("fast", "", "lin_", "lin_fast", "-1", "lin_-1", "nan", "lin_inf"),
        *(True, None, [0.1], -0.1, math.nan, math.inf),
    ],
)
def test_what_is_no_schedule_is_refused(written: object) -> None:
    with pytest.raises(ZooError):
        Schedule.parse(written)  # type: ignore[arg-type]

from __future__ import annotations

from typing import Any

import pytest

from zoo.config.overrides import parse_overrides, put
from zoo.errors import ZooError


@pytest.mark.parametrize(
    ("item", "key", "value"),
    [
        ("gamma=0.9", "gamma", 0.9),
        ("n_timesteps=1e6", "n_timesteps", 1e6),
        ("learning_rate=lin_3e-4", "learning_rate", "lin_3e-4"),
        ("normalize=true", "normalize", True),
        ("target_kl=null", "target_kl", None),
        ("policy_kwargs.net_arch=[64,64]", "policy_kwargs.net_arch", [64, 64]),
        ("policy_kwargs={net_arch: {pi: [8]}}", "policy_kwargs", {"net_arch": {"pi": [8]}}),
        (" gamma = 0.9", "gamma", 0.9),
        ("name=a=b", "name", "a=b"),
    ],
)
def test_values_are_read_as_yaml(item: str, key: str, value: Any) -> None:
    assert parse_overrides([item]) == {key: value}


@pytest.mark.parametrize(
    "item", ["gamma", "=1", "gamma=", ".a=1", "a..b=1", "gamma=[1", "gamma=!!python/name:os.system"]
)
def test_what_is_no_assignment_is_refused_and_quoted(item: str) -> None:
    with pytest.raises(ZooError, match="--set") as refusal:
        parse_overrides([item])
    assert item in refusal.value.message


def test_the_last_of_two_wins_and_one_string_is_one_item() -> None:
    assert parse_overrides(["gamma=0.1", "gamma=0.2"]) == {"gamma": 0.2}
    assert parse_overrides("gamma=0.1") == {"gamma": 0.1}


def test_put_reaches_into_mappings_and_leaves_the_rest() -> None:
    values = {"kwargs": {"a": 1, "b": {"c": 2}}, "d": True}
    assert put(values, "kwargs.b.c", 3) == {"kwargs": {"a": 1, "b": {"c": 3}}, "d": True}
    assert put(values, "kwargs.new.x", 3)["kwargs"] == {"a": 1, "b": {"c": 2}, "new": {"x": 3}}
    assert put(values, "d.x", 1)["d"] == {"x": 1}
    assert values == {"kwargs": {"a": 1, "b": {"c": 2}}, "d": True}

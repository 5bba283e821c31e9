"""A spec refuses what cannot be right at the moment when it is made."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from zoo import AgentSpec, AlgorithmSpec, EnvironmentSpec, ModelSpec, WrapperSpec, ZooError

ALGORITHM: dict[str, Any] = {
    "name": "lab-q",
    "target": "zoo_lab.q:Learner",
    "summary": "Learns",
    "observations": ("box", "tuple"),
    "actions": ("discrete",),
}


def test_a_sound_spec_is_frozen() -> None:
    spec = AlgorithmSpec(**ALGORITHM)
    assert spec.needs == "environment"
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "../../lab", "name must be made of letters"),
        ("name", "", "name must be made of letters"),
        ("name", "lab q", "name must be made of letters"),
        ("name", 3, "name must be a string, not 3"),
        ("target", "zoo_lab.q.Learner", "target must have the form package.module:Class"),
        ("target", "zoo_lab/q.py:Learner", "target must have the form"),
        ("summary", None, "summary must be a string"),
        ("observations", ["box"], "observations must be a tuple of space kinds"),
        ("observations", ("boxes",), "observations cannot be 'boxes'. Did you mean box"),
        ("actions", "discrete", "actions must be a tuple of space kinds, not 'discrete'"),
        ("actions", (), "actions must be a tuple"),
        ("needs", "modell", "needs cannot be 'modell'. Did you mean model?"),
    ],
)
def test_an_algorithm_spec_refuses(field: str, value: object, message: str) -> None:
    with pytest.raises(ZooError, match=message.replace("?", r"\?")):
        AlgorithmSpec(**{**ALGORITHM, field: value})


def test_the_other_specs_refuse_too() -> None:
    with pytest.raises(ZooError, match="AgentSpec: kind"):
        AgentSpec("a b", "m:C", "")
    with pytest.raises(ZooError, match="WrapperSpec: target"):
        WrapperSpec("wrap", "m", "")
    with pytest.raises(ZooError, match=r"wrap: makes cannot be 'boxes'.*Did you mean box"):
        WrapperSpec("wrap", "m:C", "", takes="dict", makes="boxes")
    with pytest.raises(ZooError, match="EnvironmentSpec: id must have the form Name-v0"):
        EnvironmentSpec("Lab", "m:C", "")
    with pytest.raises(ZooError, match="ModelSpec: target must have the form"):
        ModelSpec("Lab-v0", "m.f", "")
    assert EnvironmentSpec("lab/Bench-v12", "m:C", "").max_episode_steps is None

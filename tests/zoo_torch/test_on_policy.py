"""What on-policy algorithms advise where a training has diverged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo.plugin.registry import get_registry

VECTOR = spaces.Box(-1, 1, (3,), np.float32)
IMAGE = spaces.Box(0, 255, (12, 12, 1), np.uint8)
NORMALIZE = "normalize: true"


def advice(name: str, space: spaces.Space[Any], **settings: Any) -> str:
    """Return what is said to do where the norm of a gradient is not finite."""
    kind = get_registry().algorithm_class(name)
    algorithm: Any = kind(kind.Config(**settings), space, spaces.Discrete(2), seed=0)
    with pytest.raises(ZooError, match="the gradient's norm is nan, after 0 updates") as said:
        algorithm.check_norm(np.nan)
    return str(said.value.hint)


@pytest.mark.parametrize("name", ["a2c", "ppo", "trpo"])
def test_where_the_value_function_has_no_rate_of_its_own_none_is_named(name: str) -> None:
    assert advice(name, VECTOR) == f"Lower learning_rate, or set {NORMALIZE}"


@pytest.mark.parametrize("name", ["vpg", "reinforce", "td-actor-critic", "q-actor-critic"])
def test_where_it_has_one_both_are(name: str) -> None:
    assert advice(name, VECTOR) == f"Lower learning_rate or vf_learning_rate, or set {NORMALIZE}"


@pytest.mark.parametrize(
    ("space", "settings"),
    [
        (IMAGE, {"policy_kwargs": {"encoder": "minatar"}}),
        (IMAGE, {"policy_kwargs": {"encoder": "flatten"}}),
        (spaces.Discrete(4), {}),
        (spaces.Dict({"kind": spaces.Discrete(4), "place": VECTOR}), {}),
        (VECTOR, {"normalize": True}),
        (VECTOR, {"normalize": {"norm_obs": False}}),
    ],
)
def test_what_cannot_be_normalised_or_is_already_gets_no_such_advice(
    space: spaces.Space[Any], settings: dict[str, Any]
) -> None:
    assert advice("ppo", space, **settings) == "Lower learning_rate"

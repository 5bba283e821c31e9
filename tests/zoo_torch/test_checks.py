"""What is not finite is refused with the place where it was seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo import ZooError
from zoo_torch.chain import Chain, batch_norm_layers
from zoo_torch.checks import check_actions, check_finite, check_learnt


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([1.0, np.nan]), "nan in the reward of copy 5 of the environment at step 7"),
        (np.array([[0, 1], [np.inf, 1]], np.float32), "inf in the reward of copy 5"),
        (np.array([1e39, 0.0]), "1e[+]39, too large for float32, in the reward of copy 4"),
        (np.array([[0.0, -1e300]]), "-1e[+]300, too large for float32, in the reward of copy 4"),
        ({"eye": np.array([[np.nan]])}, "nan in the reward 'eye' of copy 4"),
    ],
)
def test_what_the_networks_cannot_compute_with_is_refused(values: Any, words: str) -> None:
    with pytest.raises(ZooError, match=words):
        check_finite("reward", values, "at step 7", first=4)


@pytest.mark.parametrize(
    "values", [np.array([3.4e38, -3.4e38]), np.array([3, 4]), {"eye": np.zeros((2, 3), np.uint8)}]
)
def test_everything_else_is_not(values: Any) -> None:
    check_finite("observation", values, "at a reset")


def test_a_policy_that_acts_by_nan_has_diverged() -> None:
    check_actions(np.array([0, 1]), 3)
    check_actions(np.array([[1e30]], np.float32), 3)
    with pytest.raises(ZooError, match="diverged at step 1,234: an action is -inf"):
        check_actions(np.array([[0.0], [-np.inf]], np.float32), 1234)


def test_a_state_is_searched_to_its_bottom() -> None:
    fine = {"a": {"b": np.zeros(3), "t": 4, "rng": {"state": "x"}}, "none": None, "f": 0.5,
            "list": [{}, {"mean": np.ones(2)}, "word"], "pair": (np.ones(2), 1.5)}  # fmt: skip
    check_learnt(fine, 1)
    nan = np.array([0, np.nan], np.float32)
    for bad in (
        {"b": nan},
        {"b": float("inf")},
        [{}, {"mean": nan}],
        (1, [nan]),
        np.float32("inf"),
    ):
        with pytest.raises(ZooError, match=r"diverged at step 9: what it learnt holds (nan|inf)"):
            check_learnt(fine | {"a": bad}, 9)


@pytest.mark.parametrize("buffer", ["mean", "variance"])
def test_running_moments_are_among_it(buffer: str) -> None:
    settings = {"momentum": 0.1, "eps": 1e-5, "warmup": 0}
    chain = Chain(batch_norm_layers(2, (3, 4, 1), "relu", settings), np.random.default_rng(0))
    check_learnt(chain.state(), 9)
    chain.layers[0].buffers()[buffer][1, 0, 2] = np.inf
    with pytest.raises(ZooError, match=r"diverged at step 9: what it learnt holds inf"):
        check_learnt(chain.state(), 9)

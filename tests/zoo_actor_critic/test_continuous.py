"""Actions between -1 and 1 inside, and between their own bounds outside."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo_actor_critic.continuous import Bounds, least_slopes, mean_slopes, regression
from zoo_actor_critic.sac import SAC, SACConfig

LOW, HIGH = np.array([[-1.0], [0.0]], np.float32), np.array([[1.0], [10.0]], np.float32)


def test_actions_fill_their_bounds() -> None:
    bounds = Bounds(spaces.Box(LOW, HIGH))
    found = bounds(np.float32([[-1, -1], [1, 1], [0, 0.5]]))
    assert found.shape == (3, 2, 1)
    assert found[:, :, 0].tolist() == [[-1, 0], [1, 10], [0, 7.5]]


def test_actions_are_members_of_the_space_in_its_type() -> None:
    space = spaces.Box(-0.4, 0.3, (2,), np.float64)
    for action in Bounds(space)(np.random.default_rng(0).uniform(-1, 1, (50, 2)).astype("f")):
        assert space.contains(action)
    edges = np.float32([[1, -1]])
    assert space.contains(Bounds(space)(edges)[0])


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        (spaces.Box(-np.inf, np.inf, (2,)), "bounded"),
        (spaces.Box(-1, np.inf, (2,)), "bounded"),
        (spaces.Box(-3.4e38, 3.4e38, (2,)), "bounded"),
        (spaces.Box(0, 5, (2,), np.int64), "real numbers"),
        (spaces.Discrete(3), "real numbers"),
        (spaces.Box(-1, 1, (0,)), r"nothing to choose .* shape is \(0,\)"),
        (spaces.Box(-1, 1, (2, 0)), r"nothing to choose .* shape is \(2, 0\)"),
    ],
)
def test_other_actions_are_refused_in_a_line(space: spaces.Space, complaint: str) -> None:
    with pytest.raises(ZooError, match=complaint) as refused:
        SAC(SACConfig(), spaces.Box(-1, 1, (3,)), space, seed=0)
    assert refused.value.hint


def test_squared_errors_and_their_derivatives() -> None:
    Q, y = np.float32([[[1], [2]], [[0], [5]]]), np.float32([1, 3])
    by_Q, loss = regression(Q, y)
    assert loss == pytest.approx((0 + 1 + 1 + 4) / 2)
    assert by_Q[..., 0].tolist() == [[0, -1], [-1, 2]]


def test_policies_ascend_the_least_of_the_critics_or_their_mean() -> None:
    Q = np.float32([[[1], [2]], [[0], [5]]])
    assert least_slopes(Q)[..., 0].tolist() == [[0, -0.5], [-0.5, 0]]
    assert mean_slopes(Q)[..., 0].tolist() == [[-0.25, -0.25], [-0.25, -0.25]]


def test_random_actions_are_spread_over_the_whole_range() -> None:
    learner = SAC(SACConfig(), spaces.Box(-1, 1, (3,)), spaces.Box(LOW, HIGH), seed=0)
    actions = learner.in_space(learner.anything(4000))[:, :, 0]
    assert actions.mean(0) == pytest.approx([0, 5], abs=0.2)
    assert actions.std(0) == pytest.approx(np.array([2, 10]) / np.sqrt(12), rel=0.03)

"""The dueling network learns by double DQN's loss."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo_dqn import test_dqn
from tests.zoo_dqn.plainly import ACTIONS, BOX, check_update
from tests.zoo_dqn.test_double_dqn import loss
from zoo_dqn.dueling_dqn import DuelingDQN, DuelingDQNConfig
from zoo_dqn.learner import ValueLearner

ROW, RATE = np.ones((1, 3), np.float32), np.float32(0.05)


def learner() -> DuelingDQN:
    config = DuelingDQNConfig(policy_kwargs={"net_arch": [8, 6]})
    return DuelingDQN(config, BOX, ACTIONS, seed=0)


def test_the_gradient_is_that_of_the_loss_by_autograd() -> None:
    check_update(learner(), loss, dueling=True)


def moved_by_the_last_layer(learner: ValueLearner) -> np.ndarray:
    """Return how Q(s, .) (4,) changes when Q(s, 0) alone is to fall, and only the last layer is
    moved: what lies below is common to all actions in any network."""
    online = learner.online
    before = online.forward(ROW)[0].copy()
    online.backward(np.array([[1, 0, 0, 0]], np.float32))
    for parameters, slopes in zip(online._means[-1], online._slopes[-1], strict=True):
        np.subtract(parameters, RATE * slopes, out=parameters)
    return online.forward(ROW)[0] - before


def test_an_update_of_one_action_moves_the_value_and_with_it_the_other_actions() -> None:
    """What the paper promises of the value's stream: it learns in every update."""
    dueling, h = learner(), ROW
    for weight, bias in dueling.online._means[:-1]:
        h = np.maximum(h @ weight + bias, 0)
    h_V, h_A = np.split(h[0], 2)
    moved = moved_by_the_last_layer(dueling)
    V = -RATE * (h_V @ h_V + 1)  # advantages less their mean are 0 in the mean
    assert moved.mean() == pytest.approx(V, rel=1e-4)
    # by advantages: 3/4 of the action taken, and -1/4 of each other one
    A = -RATE * np.array([3, -1, -1, -1]) / 4 * (h_A @ h_A + 1)
    assert moved == pytest.approx(V + A, rel=1e-4)
    assert np.abs(moved[1:]).min() > 1e-3

    alone = moved_by_the_last_layer(test_dqn.learner())
    assert alone[0] < 0
    assert not alone[1:].any()

"""The dueling network learns by double DQN's loss."""

from __future__ import annotations

import numpy as np

from tests.zoo_dqn.plainly import ACTIONS, BOX, check_update
from tests.zoo_dqn.test_double_dqn import loss
from zoo_dqn.dueling_dqn import DuelingDQN, DuelingDQNConfig


def learner() -> DuelingDQN:
    config = DuelingDQNConfig(policy_kwargs={"net_arch": [8, 6]})
    return DuelingDQN(config, BOX, ACTIONS, seed=0)


def test_the_gradient_is_that_of_the_loss_by_autograd() -> None:
    check_update(learner(), loss, dueling=True)


def test_an_update_of_one_action_moves_the_value_of_the_others() -> None:
    """What the paper promises of the value's stream: it learns in every update."""
    dueling = learner()
    rows = np.ones((1, 3), np.float32)
    dueling.online.forward(rows)
    dueling.online.backward(np.array([[1, 0, 0, 0]], np.float32))
    before = dueling.online.forward(rows)[0].copy()
    dueling.online.parameters -= np.float32(0.05) * dueling.online.gradient
    moved = dueling.online.forward(rows)[0] - before
    assert moved[0] < 0
    of_V = dueling.online.gradient[-5]  # the bias of V: the sum over actions
    assert of_V == 1.0

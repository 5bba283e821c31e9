"""n-step DQN against returns worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo_dqn.plainly import ACTIONS, BOX, check_update
from tests.zoo_dqn.test_dqn import loss
from zoo_dqn.n_step_dqn import NStepDQN, NStepDQNConfig


def learner() -> NStepDQN:
    config = NStepDQNConfig(policy_kwargs={"net_arch": [8]}, gamma=0.5, buffer_size=10)
    return NStepDQN(config, BOX, ACTIONS, seed=0)


def test_the_gradient_is_that_of_the_loss_by_autograd() -> None:
    check_update(learner(), loss)


def test_the_memory_gives_it_returns_of_three_steps() -> None:
    replay = learner().make_replay(1)
    for t in range(5):  # rewards 1, 2, 4, 8, 16; terminated with the last
        row, following = np.full((2, 1, 3), [[[t]], [[t + 1]]], np.float32)
        end = np.array([t == 4])
        replay.add(row, np.array([t % 4]), np.array([2.0**t]), end, ~end & False, following)
    batch = replay.sample(np.random.default_rng(0), 200)
    found = {
        int(row[0]): (reward, discount, following[0])
        for row, reward, discount, following in zip(
            batch.rows, batch.rewards, batch.discounts, batch.next_rows, strict=True
        )
    }
    assert found[0] == pytest.approx((1 + 2 / 2 + 4 / 4, 0.125, 3))
    assert found[2] == pytest.approx((4 + 8 / 2 + 16 / 4, 0, 5))
    assert found[4] == pytest.approx((16, 0, 5))

"""DQN's loss against autograd and by hand, and what it learns."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.zoo_dqn.plainly import ACTIONS, BOX, Network, check_update, huber
from zoo_dqn.dqn import DQN, DQNConfig
from zoo_torch.replay import Batch


def learner(**settings: object) -> DQN:
    config = DQNConfig(policy_kwargs={"net_arch": [8, 6]}, **settings)
    return DQN(config, BOX, ACTIONS, seed=0)


def loss(online: Network, target: Network, b: SimpleNamespace) -> torch.Tensor:
    y = b.r + b.gamma * target(b.next_rows).max(1).values
    return (b.w * huber(online(b.rows)[b.i, b.a] - y)).mean()


def test_the_gradient_is_that_of_the_loss_by_autograd() -> None:
    slopes = check_update(learner(), loss)
    assert (slopes.errors > 1).any()  # where the Huber loss is linear
    assert (slopes.errors < 1).any()


def test_the_target_worked_out_by_hand() -> None:
    dqn = learner()
    for network, bias in ((dqn.online, [1, 2, 3, 4]), (dqn.target, [10, 40, 20, 30])):
        network.parameters[:] = 0
        network._mlp.parameters[-1][1][:] = bias
    zeros = np.zeros((3, 3), np.float32)
    rewards, discounts = np.float32([1, -5, 2.5]), np.float32([0.5, 0, 0])
    batch = Batch(
        zeros, np.array([0, 1, 2]), rewards, zeros, discounts, np.arange(3), np.float32([1, 1, 0.5])
    )
    slopes = dqn.slopes(batch)
    # y = 1 + 0.5 * 40 = 21, then the rewards alone; deltas 1 - 21, 2 + 5, 3 - 2.5
    assert slopes.errors == pytest.approx([20, 7, 0.5])
    assert slopes.loss == pytest.approx((19.5 + 6.5 + 0.5 * 0.125) / 3)
    by_outputs = [[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.25, 0]]
    assert slopes.by_outputs == pytest.approx(np.array(by_outputs) / 3)

"""Double DQN's loss against autograd, and where it differs from DQN's."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.zoo_dqn.plainly import ACTIONS, BOX, Network, check_update, huber
from zoo_dqn.double_dqn import DoubleDQN, DoubleDQNConfig
from zoo_torch.replay import Batch


def learner() -> DoubleDQN:
    return DoubleDQN(DoubleDQNConfig(policy_kwargs={"net_arch": [8]}), BOX, ACTIONS, seed=0)


def loss(online: Network, target: Network, b: SimpleNamespace) -> torch.Tensor:
    with torch.no_grad():
        chosen = online(b.next_rows).argmax(1)
        y = b.r + b.gamma * target(b.next_rows)[b.i, chosen]
    return (b.w * huber(online(b.rows)[b.i, b.a] - y)).mean()


def test_the_gradient_is_that_of_the_loss_by_autograd() -> None:
    check_update(learner(), loss)


def test_the_online_network_chooses_and_the_target_says_what_it_is_worth() -> None:
    double = learner()
    for network, bias in ((double.online, [1, 2, 9, 4]), (double.target, [10, 40, 20, 30])):
        network.parameters[:] = 0
        network._mlp.parameters[-1][1][:] = bias
    one = np.zeros((1, 3), np.float32)
    half, weight = np.float32([0.5]), np.float32([1])
    slopes = double.slopes(Batch(one, np.array([3]), weight, one, half, np.array([0]), weight))
    # y = 1 + 0.5 * 20, not 1 + 0.5 * 40
    assert slopes.errors == pytest.approx([11 - 4])

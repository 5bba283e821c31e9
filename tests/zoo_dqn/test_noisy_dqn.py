"""Noisy DQN against autograd, and what its noise is for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo_dqn.plainly import ACTIONS, BOX, batch_of, check_update
from tests.zoo_dqn.test_dqn import loss
from zoo_dqn.noisy_dqn import NoisyDQN, NoisyDQNConfig

ROW = np.ones((1, 3), np.float32)


def learner(sigma: float = 0.5, **settings: Any) -> NoisyDQN:
    config = NoisyDQNConfig(policy_kwargs={"net_arch": [8, 6]}, sigma=sigma, **settings)
    return NoisyDQN(config, BOX, ACTIONS, seed=0)


def test_the_gradient_by_the_means_is_that_of_the_loss_by_autograd() -> None:
    check_update(learner(), loss)


@pytest.mark.parametrize("which", ["online", "target"])
def test_the_noise_of_each_network_is_drawn_anew_for_each_update(which: str) -> None:
    noisy, batch = learner(), batch_of()
    networks = {"online": noisy.online, "target": noisy.target}
    noise = networks.pop(which).noise
    (other,) = networks.values()
    other.noise.s[:] = 0  # so that all that changes is up to the one
    one, two = (noisy.slopes(batch) for _ in range(2))
    assert one.loss != pytest.approx(two.loss, rel=1e-3)
    noise.s[:] = 0
    one, two = (noisy.slopes(batch) for _ in range(2))
    assert one.loss == two.loss


def test_the_networks_draw_independently() -> None:
    noisy = learner()
    assert np.array_equal(noisy.target.parameters, noisy.online.parameters)
    noisy.slopes(batch_of())
    eps = [one.noise.weights - one.noise.mu for one in (noisy.online, noisy.target)]
    assert abs(np.corrcoef(eps)[0, 1]) < 0.3


def test_it_explores_by_its_weights_alone() -> None:
    noisy = learner()
    chosen = {int(noisy.explore(ROW, 0.0)[0]) for _ in range(200)}
    assert len(chosen) == 4
    assert noisy.epsilon(1.0) == 0.0
    calm = learner(sigma=1e-6)
    assert len({int(calm.explore(ROW, 0.0)[0]) for _ in range(50)}) == 1


def test_its_agent_acts_by_the_means() -> None:
    noisy = learner()
    mu = np.split(noisy.online.parameters, 2)[0]
    noisy.online.noise.weights[:] = mu
    expected = int(noisy.online.forward(ROW).argmax())
    agent = noisy.agent()
    assert {int(agent.act(ROW, deterministic=False)[0]) for _ in range(20)} == {expected}


def test_deviations_are_learnt() -> None:
    """Where noise does harm, as at values that are known, it shrinks."""
    noisy = learner()
    s = noisy.online.noise.s
    before = float(np.abs(s).mean())
    batch = batch_of(64)._replace(discounts=np.zeros(64, np.float32), rewards=np.ones(64, "f"))
    noisy.config = noisy.config.model_copy(
        update={"learning_rate": type(noisy.config.learning_rate).parse(3e-3)}
    )
    for _ in range(1500):
        noisy.update(batch, 1.0)
    assert float(np.abs(s).mean()) < 0.6 * before
    assert noisy.online.forward(batch.rows).mean() == pytest.approx(1, abs=0.2)

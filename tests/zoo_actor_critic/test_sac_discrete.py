"""Soft actor-critic over discrete actions, against autograd of its equations written plainly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from zoo import ZooError
from zoo_actor_critic.sac_discrete import (
    SACDiscrete,
    SACDiscreteConfig,
    actor_slopes,
    critic_slopes,
    soft_values,
)
from zoo_torch.distributions import Categorical


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_soft_values_are_expectations_under_the_policy() -> None:
    pi = Categorical(np.log(np.array([[0.25, 0.75]], np.float32)))
    V = soft_values(pi, np.array([[4.0, 8.0]], np.float32), alpha=0.5)
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    expected = 0.25 * 4 + 0.75 * 8 + 0.5 * entropy
    assert V[0] == pytest.approx(expected, rel=1e-6)


def test_the_critics_regress_on_the_actions_taken_and_no_others(rng: np.random.Generator) -> None:
    Q = rng.standard_normal((2, 5, 3)).astype(np.float32)
    actions, y = rng.integers(3, size=5), rng.standard_normal(5).astype(np.float32)
    by_Q, loss = critic_slopes(Q, actions, y)
    leaf = torch.tensor(Q, requires_grad=True)
    taken = leaf[:, torch.arange(5), torch.tensor(actions)]
    expected = ((taken - torch.tensor(y)) ** 2).mean(1).sum()
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(by_Q, leaf.grad.numpy(), rtol=1e-5, atol=1e-7)


def test_the_actor_descends_along_equation_12(rng: np.random.Generator) -> None:
    logits = rng.standard_normal((6, 4)).astype(np.float32)
    Q, alpha = rng.standard_normal((6, 4)).astype(np.float32), 0.3
    leaf = torch.tensor(logits, requires_grad=True)
    log_p = torch.log_softmax(leaf, 1)
    (log_p.exp() * (alpha * log_p - torch.tensor(Q))).sum(1).mean().backward()
    found = actor_slopes(Categorical(logits.copy()), Q, alpha)
    np.testing.assert_allclose(found, leaf.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_the_entropy_aimed_at_is_a_share_of_the_largest() -> None:
    learner = SACDiscrete(SACDiscreteConfig(), spaces.Box(-1, 1, (2,)), spaces.Discrete(4), seed=0)
    assert learner.temperature.target == pytest.approx(0.98 * math.log(4))


def test_continuous_actions_are_refused_in_one_line() -> None:
    with pytest.raises(ZooError, match="needs Discrete actions") as refused:
        SACDiscrete(SACDiscreteConfig(), spaces.Box(-1, 1, (2,)), spaces.Box(-1, 1, (1,)), seed=0)
    assert "Use sac" in str(refused.value.hint)

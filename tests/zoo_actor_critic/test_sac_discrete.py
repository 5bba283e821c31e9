"""Soft actor-critic over discrete actions, against autograd of its equations written plainly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from gymnasium import spaces

from tests.zoo_actor_critic.softly import N, Plain, make_batch
from zoo import ZooError
from zoo_actor_critic.sac_discrete import (
    SACDiscrete,
    SACDiscreteConfig,
    actor_slopes,
    critic_slopes,
    soft_values,
)
from zoo_torch.distributions import Categorical
from zoo_torch.replay import Batch

K = 4
"""Actions."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def learner(**settings: object) -> SACDiscrete:
    config = SACDiscreteConfig(policy_kwargs={"net_arch": {"pi": [8], "qf": [16, 8]}}, **settings)
    algorithm = SACDiscrete(config, spaces.Box(-1, 1, (3,)), spaces.Discrete(K), seed=0)
    algorithm.critics.target.parameters *= 1.3
    return algorithm


def batch() -> Batch:
    return make_batch()._replace(actions=np.array([0, 3, 1, 2, 3, 0]))


def test_an_update_follows_the_gradients_of_the_paper_s_losses() -> None:
    algorithm, data, alpha = learner(ent_coef="auto_0.3", learning_rate=0.01), batch(), 0.3
    actor, critics = Plain(algorithm.actor.online), Plain(algorithm.critics.online)
    rows, next_rows = torch.tensor(data.rows), torch.tensor(data.next_rows)
    with torch.no_grad():
        log_p = torch.log_softmax(actor(next_rows)[0], 1)
        least = Plain(algorithm.critics.target)(next_rows).min(0).values
        V = (log_p.exp() * (least - alpha * log_p)).sum(1)
        y = torch.tensor(data.rewards) + torch.tensor(data.discounts) * V
    Q = critics(rows)
    J_Q = (Q[:, torch.arange(N), torch.tensor(data.actions)] - y).square().mean(1).sum()
    by_critics = critics.by_leaves(J_Q)

    loss = algorithm.update(data, 1.0)
    Q = Plain(algorithm.critics.online)(rows)  # the policy follows the critics after their step
    log_p = torch.log_softmax(actor(rows)[0], 1)
    J_pi = (log_p.exp() * (alpha * log_p - Q.detach().min(0).values)).sum(1).mean()
    by_actor = actor.by_leaves(J_pi)
    assert loss == pytest.approx(J_Q.item(), rel=1e-5)
    assert algorithm.critics.online.gradient == pytest.approx(by_critics, abs=1e-4)
    assert algorithm.actor.online.gradient == pytest.approx(by_actor, abs=1e-5)
    # Adam's first step is the learning rate, whatever the gradient
    entropy = -(log_p.exp() * log_p).sum(1).mean().item()
    sign = np.sign(entropy - 0.98 * math.log(K))
    assert np.log(algorithm.temperature.alpha / alpha) == pytest.approx(-0.01 * sign, rel=1e-3)


def test_targets_follow_the_critics_by_their_share_as_often_as_asked() -> None:
    algorithm, data = learner(tau=0.25, target_update_interval=2), batch()
    target = algorithm.critics.target.parameters
    before = target.copy()
    algorithm.update(data, 1.0)
    followed = 0.75 * before + 0.25 * algorithm.critics.online.parameters
    assert target == pytest.approx(followed, abs=1e-6)
    before = target.copy()
    algorithm.updates = 1
    algorithm.update(data, 1.0)
    assert np.array_equal(target, before)


def test_steps_are_as_long_as_the_schedule_says() -> None:
    algorithm, data = learner(learning_rate="lin_0.01"), batch()
    for network in (algorithm.actor.online, algorithm.critics.online):
        before = network.parameters.copy()
        algorithm.update(data, 0.0)
        assert np.array_equal(network.parameters, before)
        algorithm.update(data, 1.0)
        assert not np.array_equal(network.parameters, before)


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

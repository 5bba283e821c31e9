"""CrossQ's update by autograd of its losses, its joint pass, and its agent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.zoo_actor_critic.softly import (
    ACTIONS,
    BOX,
    N,
    Plain,
    both,
    fixed_noise,
    make_batch,
    policy,
)
from zoo_actor_critic.crossq import CrossQ, CrossQConfig
from zoo_torch.batch_norm import BatchRenorm


def learner(**settings: object) -> CrossQ:
    kwargs = {"net_arch": {"pi": [8, 8], "qf": [16, 16]}, **settings.pop("policy_kwargs", {})}
    config = CrossQConfig(policy_kwargs=kwargs, ent_coef=0.3, **settings)
    return CrossQ(config, BOX, ACTIONS, seed=0)


def test_an_update_follows_the_gradients_of_the_paper_s_losses() -> None:
    algorithm, batch = learner(policy_delay=1), make_batch()
    eps, next_eps = fixed_noise(algorithm)[::-1]
    actor, critics = Plain(algorithm.actor.network), Plain(algorithm.critics.network)
    with torch.no_grad():
        a, log_prob = policy(actor(torch.tensor(batch.next_rows)), next_eps)
    together = torch.cat([both(batch.rows, batch.actions), both(batch.next_rows, a)])
    Q, next_Q = critics(together, training=True)[..., 0].split(N, dim=1)
    V = next_Q.detach().min(0).values - 0.3 * log_prob
    y = torch.tensor(batch.rewards) + torch.tensor(batch.discounts) * V
    L = (Q - y).square().mean(1).sum()

    loss = algorithm.update(batch, 1.0)
    assert loss == pytest.approx(L.item(), rel=1e-4)
    by_critics = algorithm.critics.network.gradient
    assert by_critics == pytest.approx(critics.by_leaves(L), rel=1e-3, abs=1e-3)

    a, log_prob = policy(actor(torch.tensor(batch.rows), training=True), eps)
    Q = Plain(algorithm.critics.network)(both(batch.rows, a))  # by the running moments
    J_pi = (0.3 * log_prob - Q.min(0).values[:, 0]).mean()
    by_actor = algorithm.actor.network.gradient
    assert by_actor == pytest.approx(actor.by_leaves(J_pi), rel=1e-3, abs=1e-4)


def test_the_moments_are_those_of_both_halves_together() -> None:
    algorithm, batch = learner(policy_kwargs={"batch_norm_momentum": 1.0}), make_batch()
    next_rows, next_actions = batch.next_rows + 10, batch.actions
    algorithm.critics.jointly(batch.rows, batch.actions, next_rows, next_actions)
    first = algorithm.critics.network.layers[0]
    assert isinstance(first, BatchRenorm)
    x = np.concatenate([batch.rows, next_rows])
    assert first.mean[0, 0, :3] == pytest.approx(x.mean(0), rel=1e-5)
    assert first.variance[0, 0, :3] == pytest.approx(x.var(0), rel=1e-5)
    assert algorithm.critics.optimizer.betas == (0.5, 0.999)


def test_acting_and_judging_leave_the_running_moments_as_they_are() -> None:
    algorithm, batch = learner(policy_delay=2), make_batch()
    before = algorithm.actor.state(), algorithm.critics.state()
    algorithm.explore(batch.rows, 1.0)
    algorithm.critics(batch.rows, batch.actions)
    after = algorithm.actor.state(), algorithm.critics.state()
    for one, other in zip(before, after, strict=True):
        for left, right in zip(one["network"]["buffers"], other["network"]["buffers"], strict=True):
            assert all(np.array_equal(left[name], right[name]) for name in left)
    algorithm.update(batch, 1.0)
    assert algorithm.critics.network.layers[0].batches == 1
    assert algorithm.actor.network.layers[0].batches == 0
    algorithm.updates = 1
    algorithm.update(batch, 1.0)
    assert algorithm.actor.network.layers[0].batches == 1


def test_the_agent_is_the_actor_with_its_normalisation_folded_in() -> None:
    algorithm, batch = learner(policy_delay=1), make_batch()
    for update in range(30):
        algorithm.updates = update
        algorithm.update(batch, 1.0)
    rows = np.random.default_rng(4).uniform(-1, 1, (20, 3)).astype(np.float32)
    agent = algorithm.agent()
    mean, log_std = np.split(algorithm.actor(rows), 2, axis=1)
    assert agent.act(rows) == pytest.approx(2 * np.tanh(mean), abs=1e-4)
    assert len(agent.layers) == 3
    latent = rows
    for layer in agent.layers[:-1]:
        latent = np.maximum(latent @ layer.weight.T + layer.bias, 0)
    head = agent.head.log_std
    assert latent @ head.weight.T + head.bias == pytest.approx(log_std, abs=1e-4)


def test_batch_normalisation_can_be_left_out() -> None:
    algorithm, batch = learner(policy_kwargs={"batch_norm": False}), make_batch()
    assert not any(isinstance(one, BatchRenorm) for one in algorithm.critics.network.layers)
    before = algorithm.critics.network.parameters.copy()
    algorithm.update(batch, 1.0)
    assert not np.array_equal(algorithm.critics.network.parameters, before)
    rows = batch.rows
    mean, _ = np.split(algorithm.actor(rows), 2, axis=1)
    clipped = np.clip(rows, -1, 1)
    assert algorithm.agent().act(clipped).shape == mean.shape

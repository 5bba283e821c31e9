"""Deep deterministic policy gradient: its update, and batch normalisation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from zoo_actor_critic.ddpg import DDPG, DDPGConfig
from zoo_torch.replay import Batch

BOX, ACTIONS = spaces.Box(-1, 1, (3,)), spaces.Box(-2, 2, (2,))


def learner(**config: object) -> DDPG:
    settings = {"policy_kwargs": {"net_arch": [8, 8]}, "learning_rate": 0.01, **config}
    return DDPG(DDPGConfig(**settings), BOX, ACTIONS, seed=0)


def batch(n: int = 16) -> Batch:
    rng = np.random.default_rng(1)

    def numbers(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return Batch(
        numbers(n, 3), np.tanh(numbers(n, 2)), numbers(n), numbers(n, 3),
        np.full(n, 0.9, np.float32) * (rng.random(n) > 0.3), np.arange(n), np.ones(n, np.float32),
    )  # fmt: skip


def modules(learner: DDPG) -> tuple[nn.Module, nn.Module]:
    """Return the actor and the critic as they are, in PyTorch."""
    return tuple(
        nn.Sequential(
            *[part for i, (w, b) in enumerate(layers) for part in (linear(w, b), nn.ReLU())][:-1]
        )
        for layers in (
            learner.mu.online.members[0].parameters,
            learner.Q.online.members[0].parameters,
        )
    )


def linear(weight: np.ndarray, bias: np.ndarray) -> nn.Linear:
    layer = nn.Linear(*weight.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight.T.copy()))
        layer.bias.copy_(torch.tensor(bias.copy()))
    return layer


def test_an_update_is_that_of_the_algorithm_written_plainly() -> None:
    ours, data = learner(), batch()
    actor, critic = modules(ours)
    rows, actions, rewards, next_rows, discounts = (torch.tensor(one) for one in data[:5])
    with torch.no_grad():
        following = torch.tanh(actor(next_rows))
        y = rewards + discounts * critic(torch.cat([next_rows, following], 1))[:, 0]
    by_Q = torch.optim.Adam(critic.parameters(), 0.01)
    loss = ((critic(torch.cat([rows, actions], 1))[:, 0] - y) ** 2).mean()
    loss.backward()
    by_Q.step()
    by_mu = torch.optim.Adam(actor.parameters(), 0.01)
    (-critic(torch.cat([rows, torch.tanh(actor(rows))], 1)).mean()).backward()
    by_mu.step()

    assert ours.update(data, remaining=1.0) == pytest.approx(loss.item(), rel=1e-5)
    for mine, theirs in zip(modules(ours), (actor, critic), strict=True):
        for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(one.detach(), other.detach(), atol=2e-5)


def test_targets_follow_by_their_share() -> None:
    ours = learner(tau=0.25)
    before = ours.Q.target.parameters.copy()
    ours.update(batch(), remaining=1.0)
    after = 0.75 * before + 0.25 * ours.Q.online.parameters
    np.testing.assert_allclose(ours.Q.target.parameters, after, atol=1e-6)


def test_with_batch_norm_the_agent_acts_as_the_network_does_by_running_moments() -> None:
    ours = learner(batch_norm=True)
    for _ in range(20):
        ours.update(batch(), remaining=1.0)
    rows = np.random.default_rng(2).uniform(-1, 1, (7, 3)).astype(np.float32)
    expected = ours.in_space(np.tanh(ours.mu(rows)))
    np.testing.assert_allclose(ours.agent().act(rows), expected, atol=1e-5)
    assert not np.allclose(ours.mu(rows), ours.mu.training(rows))


def test_with_batch_norm_targets_take_over_the_running_moments_too() -> None:
    ours = learner(batch_norm=True, tau=1.0)
    ours.update(batch(), remaining=1.0)
    for target, online in zip(ours.mu.target.vectors(), ours.mu.network.vectors(), strict=True):
        np.testing.assert_allclose(target, online, atol=1e-6)
    count = ours.mu.target.layers[0].buffers()["batches"]
    assert (count, ours.mu.network.layers[0].buffers()["batches"]) == (0, 1)  # it is no share


def test_with_batch_norm_targets_are_loaded_that_followed_the_count_of_batches_too() -> None:
    saved, resumed = learner(batch_norm=True, tau=0.5), learner(batch_norm=True, tau=0.5)
    for _ in range(3):
        saved.update(batch(), remaining=1.0)
    state = saved.parts()["actor"].state()
    state["target"]["buffers"][0]["batches"] = np.array(2)
    resumed.mu.load_state(state)
    saved.mu.follow(0.5)
    resumed.mu.follow(0.5)
    for mine, its in zip(resumed.mu.target.vectors(), saved.mu.target.vectors(), strict=True):
        assert np.array_equal(mine, its)
    rows = batch().rows
    assert np.array_equal(resumed.mu.of_target(rows), saved.mu.of_target(rows))


def test_with_batch_norm_the_scale_of_observations_does_not_matter_to_learning() -> None:
    ours, rows = learner(batch_norm=True), batch(64).rows
    np.testing.assert_allclose(ours.mu.training(rows), ours.mu.training(100 * rows), atol=1e-3)

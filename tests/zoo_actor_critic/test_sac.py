"""SAC's update by autograd of its losses, its temperature, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zoo
from tests.zoo_actor_critic.softly import (
    ACTIONS,
    BOX,
    Plain,
    both,
    fixed_noise,
    make_batch,
    policy,
)
from zoo_actor_critic.sac import SAC, SACConfig
from zoo_torch.replay import Batch


def learner(**settings: object) -> SAC:
    return SAC(SACConfig(policy_kwargs={"net_arch": [8, 8]}, **settings), BOX, ACTIONS, seed=0)


@pytest.mark.parametrize("n_critics", [2, 3])
def test_an_update_follows_the_gradients_of_the_paper_s_losses(n_critics: int) -> None:
    batch = make_batch()
    kwargs = {"net_arch": {"pi": [8], "qf": [16, 8]}, "n_critics": n_critics}
    algorithm = SAC(SACConfig(policy_kwargs=kwargs, ent_coef="auto_0.3"), BOX, ACTIONS, seed=0)
    algorithm.critics.target.parameters *= 1.3
    eps, next_eps = fixed_noise(algorithm)[::-1]
    actor, critics = Plain(algorithm.actor.online), Plain(algorithm.critics.online)
    target = Plain(algorithm.critics.target)
    with torch.no_grad():
        a, log_prob = policy(actor(torch.tensor(batch.next_rows)), next_eps)
        V = target(both(batch.next_rows, a)).min(0).values[:, 0] - 0.3 * log_prob
        y = torch.tensor(batch.rewards) + torch.tensor(batch.discounts) * V
    J_Q = (critics(both(batch.rows, batch.actions))[..., 0] - y).square().mean(1).sum()

    loss = algorithm.update(batch, 1.0)
    assert loss == pytest.approx(J_Q.item(), rel=1e-5)
    assert algorithm.critics.online.gradient == pytest.approx(critics.by_leaves(J_Q), abs=1e-4)

    a, log_prob = policy(actor(torch.tensor(batch.rows)), eps)
    improved = Plain(algorithm.critics.online)
    Q = improved(both(batch.rows, a)).min(0).values[:, 0]
    J_pi = (0.3 * log_prob - Q).mean()
    assert algorithm.actor.online.gradient == pytest.approx(actor.by_leaves(J_pi), abs=1e-5)
    # Adam's first step is the learning rate, whatever the gradient
    sign = np.sign(-(log_prob.mean().item() - 2))
    assert np.log(algorithm.temperature.alpha / 0.3) == pytest.approx(-3e-4 * sign, rel=1e-3)


def test_targets_follow_the_critics_by_their_share_as_often_as_asked() -> None:
    algorithm, batch = learner(tau=0.25, target_update_interval=2), make_batch()
    target = algorithm.critics.target.parameters
    before = target.copy()
    algorithm.update(batch, 1.0)
    followed = 0.75 * before + 0.25 * algorithm.critics.online.parameters
    assert target == pytest.approx(followed, abs=1e-6)
    before = target.copy()
    algorithm.updates = 1
    algorithm.update(batch, 1.0)
    assert np.array_equal(target, before)


def test_actions_explore_as_the_agent_does_when_it_is_not_deterministic() -> None:
    algorithm = learner()
    rows = np.zeros((4000, 3), np.float32)
    explored = algorithm.in_space(algorithm.explore(rows, 1.0))
    acted = algorithm.agent().act(rows, deterministic=False)
    assert explored.std(0) == pytest.approx(acted.std(0), rel=0.05)
    assert explored.mean(0) == pytest.approx(acted.mean(0), abs=0.1)
    mode = algorithm.agent().act(rows[:1])
    mean = algorithm.actor(rows[:1])[:, :2]
    assert mode == pytest.approx(2 * np.tanh(mean), abs=1e-6)


def test_gradients_stay_those_of_the_losses_when_units_have_been_rearranged() -> None:
    """The same run with units in their first order is the reference."""

    def run(every: int, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
        monkeypatch.setattr("zoo_actor_critic.networks.ARRANGE_EVERY", every)
        kwargs = {"net_arch": [256, 256]}
        algorithm = SAC(SACConfig(policy_kwargs=kwargs), BOX, ACTIONS, seed=0)
        batch = Batch(*(np.concatenate([part] * 20) for part in make_batch()))
        for _ in range(7):
            algorithm.update(batch, 1.0)
        rows = np.random.default_rng(5).standard_normal((9, 3)).astype(np.float32)
        return np.concatenate([algorithm.actor(rows), algorithm.critics(rows, rows[:, :2])[0]], 1)

    with pytest.MonkeyPatch.context() as monkeypatch:
        np.testing.assert_allclose(run(2, monkeypatch), run(1000, monkeypatch), atol=1e-3)


@pytest.mark.slow
def test_it_learns_to_swing_a_pendulum_up() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("Pendulum-v1"), 1, seed=0)
    config = SACConfig(learning_rate=2e-3, policy_kwargs={"net_arch": [64, 64]})
    algorithm = SAC(config, env.single_observation_space, env.single_action_space, seed=0)
    for _ in algorithm.train(env, 6000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:5]) < -900
    assert np.mean(returns[-10:]) > -300

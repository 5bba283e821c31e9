"""TD3's update by autograd of its losses, and the three things that it adds to DDPG."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zoo
from tests.zoo_actor_critic.softly import ACTIONS, BOX, N, Plain, both, fixed_noise, make_batch
from zoo_actor_critic.td3 import TD3, TD3Config


def learner(**settings: object) -> TD3:
    return TD3(TD3Config(policy_kwargs={"net_arch": [8, 8]}, **settings), BOX, ACTIONS, seed=0)


def test_an_update_follows_the_gradients_of_the_paper_s_losses() -> None:
    algorithm, batch = learner(policy_delay=1), make_batch()
    algorithm.critics.target.parameters *= 1.3
    algorithm.actor.target.parameters *= 3.0  # so that the bounds of the actions play a part
    eps = fixed_noise(algorithm)[0]
    actor, critics = Plain(algorithm.actor.online), Plain(algorithm.critics.online)
    next_actor, next_critics = Plain(algorithm.actor.target), Plain(algorithm.critics.target)
    with torch.no_grad():
        a = next_actor(torch.tensor(batch.next_rows))[0].tanh()
        noise = (0.2 * eps).clamp(-0.5, 0.5)
        Q = next_critics(both(batch.next_rows, (a + noise).clamp(-1, 1)))
        y = torch.tensor(batch.rewards) + torch.tensor(batch.discounts) * Q.min(0).values[:, 0]
    L = (critics(both(batch.rows, batch.actions))[..., 0] - y).square().mean(1).sum()

    assert algorithm.update(batch, 1.0) == pytest.approx(L.item(), rel=1e-5)
    assert algorithm.critics.online.gradient == pytest.approx(critics.by_leaves(L), abs=1e-4)
    a = actor(torch.tensor(batch.rows))[0].tanh()
    improved = Plain(algorithm.critics.online)
    J = improved(both(batch.rows, a))[0].mean()
    assert algorithm.actor.online.gradient == pytest.approx(-actor.by_leaves(J), abs=1e-6)


def test_actor_and_targets_wait_for_some_updates_of_the_critics() -> None:
    algorithm, batch = learner(policy_delay=3), make_batch()
    watched = [algorithm.actor.online, algorithm.actor.target, algorithm.critics.target]
    moved = []
    for _ in range(6):
        before = [one.parameters.copy() for one in watched]
        critics = algorithm.critics.online.parameters.copy()
        algorithm.update(batch, 1.0)
        algorithm.updates += 1
        assert not np.array_equal(algorithm.critics.online.parameters, critics)
        moved.append(
            {not np.array_equal(b, one.parameters) for b, one in zip(before, watched, strict=True)}
        )
    assert moved == [{False}, {False}, {True}] * 2


def test_the_least_of_the_critics_and_clipped_noise_make_the_targets() -> None:
    batch = make_batch()

    def targets(**settings: object) -> np.ndarray:
        algorithm = learner(**settings)
        members = algorithm.critics.target.members
        members[0].parameters[-1][1][:] += 5.0
        algorithm.normal = lambda n: np.full((n, 2), 10, np.float32)  # type: ignore[method-assign]
        return algorithm._targets(batch)

    plain = targets(target_policy_noise=0.0)
    assert targets(target_noise_clip=0.0) == pytest.approx(plain)
    noisy = targets(target_policy_noise=0.1, target_noise_clip=0.3)
    assert noisy != pytest.approx(plain, abs=1e-3)
    # 10 deviations of 0.2 are cut off at the same 0.3
    assert targets(target_policy_noise=0.2, target_noise_clip=0.3) == pytest.approx(noisy)
    ends = batch.discounts == 0
    assert plain[ends] == pytest.approx(batch.rewards[ends])
    alone = TD3Config(policy_kwargs={"net_arch": [8, 8], "n_critics": 1})
    with_one = TD3(alone, BOX, ACTIONS, seed=0)
    with_one.critics.target.parameters[:] = 0
    assert with_one._targets(batch) == pytest.approx(batch.rewards)


def test_it_explores_with_the_noise_that_is_asked_for_and_the_agent_without() -> None:
    rows = np.zeros((4000, 3), np.float32)
    silent, noisy = learner(), learner(noise_type="normal", noise_std=0.1)
    a = silent.explore(rows, 1.0)
    assert np.ptp(a, axis=0).max() == 0
    assert noisy.explore(rows, 1.0).std(0) == pytest.approx(0.1, rel=0.05)
    acted = noisy.agent().act(rows[:N], deterministic=False)
    assert acted == pytest.approx(2 * a[:N], abs=1e-6)


@pytest.mark.slow
def test_it_learns_to_swing_a_pendulum_up() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("Pendulum-v1"), 1, seed=0)
    config = TD3Config(
        policy_kwargs={"net_arch": [64, 64]}, learning_rate=2e-3, gamma=0.98, learning_starts=1000,
        noise_type="normal",
    )  # fmt: skip
    algorithm = TD3(config, env.single_observation_space, env.single_action_space, seed=0)
    for _ in algorithm.train(env, 10_000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:5]) < -900
    assert np.mean(returns[-10:]) > -300

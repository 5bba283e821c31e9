"""Bandits: what they pay, and the regret that they report."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_tabular.environments.bandits import BernoulliBandit, GaussianBandit, LinearBandit


def pull(env, arm: int, times: int) -> tuple[np.ndarray, set[float]]:
    """Return the rewards and the regrets of pulling one arm."""
    rewards, regrets = np.empty(times), set()
    env.reset(seed=0)
    for i in range(times):
        _, rewards[i], terminated, truncated, info = env.step(arm)
        assert terminated
        assert not truncated
        regrets.add(info["regret"])
        env.reset()
    return rewards, regrets


@pytest.mark.parametrize("arm", [0, 1, 2])
def test_bernoulli_arms_pay_their_probability(arm: int) -> None:
    p = [0.0, 0.9, 0.25]
    rewards, regrets = pull(BernoulliBandit(probabilities=p), arm, 3000)
    assert set(rewards.tolist()) <= {0.0, 1.0}
    assert rewards.mean() == pytest.approx(p[arm], abs=0.03)
    assert regrets == {0.9 - p[arm]}


def test_gaussian_arms_pay_their_mean_and_noise() -> None:
    rewards, regrets = pull(GaussianBandit(means=[-1, 3.0], deviation=2), 0, 4000)
    assert rewards.mean() == pytest.approx(-1, abs=0.15)
    assert rewards.std() == pytest.approx(2, abs=0.1)
    assert regrets == {4.0}


def test_the_seed_draws_the_arms_and_not_the_rewards() -> None:
    assert np.array_equal(GaussianBandit(seed=3).means, GaussianBandit(seed=3).means)
    assert not np.array_equal(GaussianBandit(seed=3).means, GaussianBandit(seed=4).means)
    assert len(BernoulliBandit().means) == 10
    assert len(BernoulliBandit(arms=3).means) == 3


def test_linear_arms_pay_the_product_with_the_context() -> None:
    env = LinearBandit(arms=3, dimension=4, noise=0.0, seed=1)
    context, _ = env.reset(seed=0)
    assert np.linalg.norm(context) == pytest.approx(1)
    worth = env.theta @ context
    for arm in range(3):
        _, reward, terminated, _, info = env.step(arm)
        assert reward == pytest.approx(worth[arm])
        assert info["regret"] == pytest.approx(worth.max() - worth[arm])
        assert terminated
    assert not np.array_equal(env.reset()[0], context)


def test_contexts_point_everywhere_alike() -> None:
    env = LinearBandit(dimension=3)
    env.reset(seed=0)
    contexts = np.array([env.reset()[0] for _ in range(3000)])
    assert np.allclose(contexts.mean(axis=0), 0, atol=0.05)
    assert np.allclose(contexts.T @ contexts / len(contexts), np.eye(3) / 3, atol=0.03)

"""LinUCB and LinTS: ridge regression by hand, how uncertainty enters, and regret."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo_tabular.bandits.lints import LinTS, LinTSConfig
from zoo_tabular.bandits.linucb import LinUCB, LinUCBConfig


def learner(algorithm: Any, config: Any, *, size: int = 2, arms: int = 2, seed: int = 0) -> Any:
    space = spaces.Box(-1.0, 1.0, (size,), np.float32)
    return algorithm(config, space, spaces.Discrete(arms), seed=seed)


def linucb(**kwargs: Any) -> LinUCB:
    return learner(LinUCB, LinUCBConfig(**{"intercept": False} | kwargs))


def test_estimates_and_bounds_by_hand() -> None:
    """A = diag(2 + 1, 1): after one pull at x = (1, 0) and ridge 2 that paid 3, theta = (1, 0)
    and the variance of (0, 1) is 1/2, of (1, 0) is 1/3."""
    bandit = linucb(alpha=2.0, ridge=2.0)
    bandit.learn(np.array([1.0, 0.0]), 0, 3.0)
    assert np.allclose(bandit.arrays["inverse"][0], [[1 / 3, 0], [0, 1 / 2]])
    assert np.allclose(bandit.theta(), [[1, 0], [0, 0]])
    seen: list[np.ndarray] = []
    bandit.scores = lambda mean, deviation: seen.append(mean + 2 * deviation) or seen[-1]
    assert bandit.choose(np.array([1.0, 0.0])) == 0
    assert np.allclose(seen[0], [1 + 2 * np.sqrt(1 / 3), 2 * np.sqrt(1 / 2)])


@pytest.mark.parametrize("intercept", [False, True])
def test_many_pulls_give_the_ridge_regression_of_each_arm(intercept: bool) -> None:
    rng = np.random.default_rng(0)
    bandit = learner(LinUCB, LinUCBConfig(ridge=0.7, intercept=intercept), size=4, arms=3)
    x = bandit.contexts(rng.uniform(-1, 1, (600, 4)).astype(np.float32))
    arms, rewards = rng.integers(3, size=600), rng.normal(size=600)
    for row, arm, reward in zip(x, arms.tolist(), rewards.tolist(), strict=True):
        bandit.learn(row, arm, reward)
    for arm in range(3):
        mine = x[arms == arm]
        gram = mine.T @ mine + 0.7 * np.eye(4 + intercept)
        expected = np.linalg.solve(gram, mine.T @ rewards[arms == arm])
        assert np.allclose(bandit.theta()[arm], expected, atol=1e-10)
        assert np.allclose(bandit.arrays["inverse"][arm], np.linalg.inv(gram), atol=1e-12)


def test_the_agent_pulls_the_largest_product() -> None:
    bandit = learner(LinUCB, LinUCBConfig(), size=3, arms=2)
    rng = np.random.default_rng(1)
    for row in bandit.contexts(rng.uniform(-1, 1, (300, 3)).astype(np.float32)):
        bandit.learn(row, 0, float(row[0] + 0.5))
        bandit.learn(row, 1, float(row[1]))
    agent = bandit.agent()
    assert agent.kind == "mlp"
    assert len(agent.layers) == 1
    observations = rng.uniform(-1, 1, (200, 3)).astype(np.float32)
    clear = np.abs(observations[:, 0] + 0.5 - observations[:, 1]) > 0.05
    best = (observations[:, 1] > observations[:, 0] + 0.5).astype(int)
    assert np.array_equal(agent.act(observations)[clear], best[clear])


def test_scores_of_lints_are_drawn_as_a_whole_parameter_vector_would_be() -> None:
    """theta~ . x of vectors drawn from N(theta, v^2 A^-1) has this mean and this deviation."""
    bandit = learner(LinTS, LinTSConfig(v=0.5, intercept=False), size=3, arms=1)
    rng = np.random.default_rng(0)
    for row in rng.uniform(-1, 1, (5, 3)):
        bandit.learn(row, 0, float(row.sum()))
    x = np.array([0.3, -0.8, 0.5])
    inverse, theta = bandit.arrays["inverse"][0], bandit.theta()[0]
    vectors = rng.multivariate_normal(theta, 0.25 * inverse, size=20_000) @ x
    deviation = np.sqrt(x @ inverse @ x)
    scores = [bandit.scores(np.array([theta @ x]), np.array([deviation]))[0] for _ in range(20_000)]
    assert np.mean(scores) == pytest.approx(vectors.mean(), abs=0.01)
    assert np.std(scores) == pytest.approx(vectors.std(), rel=0.03)


@pytest.mark.parametrize(
    ("algorithm", "config"),
    [
        (LinUCB, LinUCBConfig(alpha=0.3, intercept=False)),
        (LinTS, LinTSConfig(v=0.1, intercept=False)),
    ],
)
def test_regret_is_sublinear(algorithm: Any, config: Any) -> None:
    """The second half of the pulls adds a small part of what the first half did; a straight
    line would add as much. Random pulls lose 0.4 each."""
    pulls, arms, size = 3000, 5, 8
    rng = np.random.default_rng(4)
    theta = rng.standard_normal((arms, size))
    theta /= np.linalg.norm(theta, axis=1, keepdims=True)
    bandit = learner(algorithm, config, size=size, arms=arms)
    regret, at_random = np.empty(pulls), 0.0
    for t in range(pulls):
        x = rng.standard_normal(size)
        x /= np.linalg.norm(x)
        worth = theta @ x
        arm = bandit.choose(x)
        bandit.learn(x, arm, float(rng.normal(worth[arm], 0.1)))
        regret[t] = worth.max() - worth[arm]
        at_random += worth.max() - worth.mean()
    assert regret[pulls // 2 :].sum() < 0.15 * regret[: pulls // 2].sum()
    assert regret.sum() < 0.05 * at_random


def test_images_and_texts_are_refused() -> None:
    for space in (spaces.Box(0, 255, (8, 8, 3), np.uint8), spaces.Text(3)):
        with pytest.raises(ZooError):
            LinUCB(LinUCBConfig(), space, spaces.Discrete(2), seed=0)

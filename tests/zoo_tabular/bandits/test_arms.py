"""Algorithms that know nothing of an arm but what it paid: posteriors by hand, and regret."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo_tabular.bandits.epsilon_greedy import EpsilonGreedyBandit, EpsilonGreedyConfig
from zoo_tabular.bandits.thompson import ThompsonConfig, ThompsonSampling
from zoo_tabular.bandits.ucb1 import UCB1, UCB1Config

MEANS = np.array([0.9, 0.8, 0.5])
GAPS = MEANS.max() - MEANS


def learner(algorithm: Any, config: Any, *, arms: int = 3, contexts: int = 1, seed: int = 0) -> Any:
    return algorithm(config, spaces.Discrete(contexts), spaces.Discrete(arms), seed=seed)


def thompson(seed: int = 0, **kwargs: Any) -> ThompsonSampling:
    return learner(ThompsonSampling, ThompsonConfig(**kwargs), seed=seed)


def regrets(algorithm: Any, pulls: int, seed: int) -> np.ndarray:
    """Pull Bernoulli arms with `MEANS` and return the regret after each pull, (pulls,)."""
    luck = np.random.default_rng([seed, 1]).random(pulls)
    arms = np.empty(pulls, np.int64)
    for t in range(pulls):
        arms[t] = algorithm.choose(0)
        algorithm.learn(0, int(arms[t]), float(luck[t] < MEANS[arms[t]]))
    return np.cumsum(GAPS[arms])


def mean_regret(make: Any, pulls: int, seeds: int = 4) -> np.ndarray:
    return np.mean([regrets(make(seed), pulls, seed) for seed in range(seeds)], axis=0)


def test_sample_averages_and_constant_steps_by_hand() -> None:
    averages = learner(EpsilonGreedyBandit, EpsilonGreedyConfig(initial_value=5.0))
    constant = learner(EpsilonGreedyBandit, EpsilonGreedyConfig(alpha=0.5, initial_value=4.0))
    for reward in (1.0, 0.0, 5.0):
        averages.learn(0, 1, reward)
        constant.learn(0, 1, reward)
    assert averages.action_values().tolist() == [[5.0, 2.0, 5.0]]
    # 4 -> 2.5 -> 1.25 -> 3.125
    assert constant.action_values().tolist() == [[4.0, 3.125, 4.0]]


def test_epsilon_says_how_often_any_arm_is_pulled() -> None:
    bandit = learner(EpsilonGreedyBandit, EpsilonGreedyConfig(epsilon=0.3))
    bandit.learn(0, 2, 1.0)
    others = np.mean([bandit.choose(0) != 2 for _ in range(4000)])
    assert others == pytest.approx(0.3 * 2 / 3, abs=0.03)
    falling = learner(EpsilonGreedyBandit, EpsilonGreedyConfig(epsilon=0.8, epsilon_power=0.5))
    assert falling.epsilon(0) == 0.8
    for _ in range(3):
        falling.learn(0, 0, 0.0)
    assert falling.epsilon(0) == 0.4


def test_upper_bounds_by_hand() -> None:
    bandit = learner(UCB1, UCB1Config(reward_range=3.0))
    for arm, reward in ((0, 1.0), (0, 0.0), (1, 0.25)):
        bandit.learn(0, arm, reward)
    log_n = math.log(3)
    expected = [0.5 + 3 * math.sqrt(2 * log_n / 2), 0.25 + 3 * math.sqrt(2 * log_n), math.inf]
    assert np.allclose(bandit.bounds(0), expected)
    assert bandit.choose(0) == 2


def test_every_arm_is_tried_before_any_is_tried_again() -> None:
    bandit = learner(UCB1, UCB1Config(), arms=7)
    tried = set()
    for _ in range(7):
        arm = bandit.choose(0)
        bandit.learn(0, arm, 0.0)
        tried.add(arm)
    assert tried == set(range(7))


def test_beta_posterior_by_hand() -> None:
    bandit = thompson(rewards="bernoulli", prior_successes=2.0, prior_failures=3.0)
    for reward in (1.0, 1.0, 0.0, 1.0):
        bandit.learn(0, 1, reward)
    alpha, beta = bandit.beta(0)
    assert np.allclose(alpha, [2, 5, 2])
    assert np.allclose(beta, [3, 4, 3])
    assert np.allclose(bandit.action_values(), [[0.4, 5 / 9, 0.4]])


def test_gaussian_posterior_by_hand() -> None:
    """Prior N(1, 2^2), noise 1: after rewards 3 and 5 the precision is 1/4 + 2 and the mean
    (1/4 + 8) / (9/4) = 11/3."""
    bandit = thompson(prior_mean=1.0, prior_deviation=2.0)
    for reward in (3.0, 5.0):
        bandit.learn(0, 0, reward)
    mean, deviation = bandit.normal(0)
    assert np.allclose(mean, [11 / 3, 1, 1])
    assert np.allclose(deviation, [2 / 3, 2, 2])


def test_thompson_pulls_an_arm_as_often_as_it_is_the_best() -> None:
    """Beta(2, 1) is above an independent Beta(1, 1) with probability E[x] = 2/3."""
    bandit = learner(ThompsonSampling, ThompsonConfig(rewards="bernoulli"), arms=2)
    bandit.learn(0, 0, 1.0)
    share = np.mean([bandit.choose(0) == 0 for _ in range(5000)])
    assert share == pytest.approx(2 / 3, abs=0.025)


def test_rewards_between_0_and_1_are_decided_by_a_coin() -> None:
    bandit = thompson(rewards="bernoulli")
    for _ in range(4000):
        bandit.learn(0, 0, 0.3)
    assert bandit.arrays["values"][0, 0] == pytest.approx(0.3, abs=0.03)
    alpha, _ = bandit.beta(0)
    assert alpha[0] == pytest.approx(round(alpha[0]))


def test_rewards_outside_of_the_family_are_refused() -> None:
    with pytest.raises(ZooError, match=r"got 1\.5\. Set rewards: gaussian"):
        thompson(rewards="bernoulli").learn(0, 0, 1.5)


def test_ucb1_keeps_the_bound_of_its_theorem_and_grows_like_the_logarithm() -> None:
    """Theorem 1: 8 sum ln n / gap + (1 + pi^2 / 3) sum gap; linear growth would double."""
    n = 10_000
    regret = mean_regret(lambda seed: learner(UCB1, UCB1Config(), seed=seed), n)
    gaps = GAPS[GAPS > 0]
    bound = 8 * np.sum(np.log(n) / gaps) + (1 + math.pi**2 / 3) * gaps.sum()
    assert regret[-1] < bound
    assert regret[-1] < 0.1 * n * GAPS.mean()  # pulling at random
    late, early = regret[-1] - regret[n // 2 - 1], regret[n // 2 - 1] - regret[n // 4 - 1]
    assert late < 1.5 * early  # over twice as many pulls; ln gives 1, a line 2
    assert late < 0.4 * regret[n // 2 - 1]


def test_thompson_sampling_stays_near_the_lower_bound_of_lai_and_robbins() -> None:
    """No consistent algorithm does better, as n grows, than ln n times the sum of
    gap / kl(mean, best): 3.04 here."""
    n = 10_000
    regret = mean_regret(lambda seed: thompson(seed, rewards="bernoulli"), n, seeds=3)
    worse = MEANS[GAPS > 0]
    kl = worse * np.log(worse / 0.9) + (1 - worse) * np.log((1 - worse) / 0.1)
    lower = float(np.sum(GAPS[GAPS > 0] / kl))
    assert lower == pytest.approx(3.04, abs=0.01)
    assert regret[-1] < 2 * lower * math.log(n)
    assert regret[-1] - regret[n // 2 - 1] < 3 * lower * math.log(2) + 1


def test_a_constant_epsilon_pays_for_ever() -> None:
    n = 6000
    regret = mean_regret(lambda s: learner(EpsilonGreedyBandit, EpsilonGreedyConfig(), seed=s), n)
    late = regret[-1] - regret[n // 2 - 1]
    assert late == pytest.approx(0.1 * GAPS.mean() * n / 2, rel=0.3)


def test_each_context_is_a_bandit_of_its_own() -> None:
    bandit = learner(UCB1, UCB1Config(), contexts=4, arms=2)
    bandit.learn(3, 1, 1.0)
    assert bandit.arrays["pulls"].sum(axis=1).tolist() == [0, 0, 0, 1]
    assert bandit.agent().act(np.array([3]))[0] == 1


@pytest.mark.parametrize(
    ("algorithm", "config"),
    [
        (UCB1, UCB1Config()),
        (ThompsonSampling, ThompsonConfig()),
        (EpsilonGreedyBandit, EpsilonGreedyConfig()),
    ],
)
def test_another_seed_pulls_other_arms(algorithm: Any, config: Any) -> None:
    def pulled(seed: int) -> list[int]:
        bandit = learner(algorithm, config, arms=6, seed=seed)
        luck = np.random.default_rng(0).random(40)
        arms = []
        for u in luck:
            arms.append(bandit.choose(0))
            bandit.learn(0, arms[-1], float(u < 0.5))
        return arms

    assert pulled(1) == pulled(1)
    assert pulled(1) != pulled(2)

"""Noise on actions: its size, its memory, and its bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gymnasium import spaces

from zoo.plugin.registry import get_registry
from zoo_actor_critic.continuous import ContinuousAlgorithm
from zoo_actor_critic.exploration import DT, THETA, Noise


def noise_of(kind: str | None, std: float = 0.2, copies: int = 2) -> Noise:
    noise = Noise(kind, std, 3)
    noise.began(np.ones(copies, np.bool_))
    return noise


def series(noise: Noise, steps: int, copies: int = 2) -> np.ndarray:
    rng, zeros = np.random.default_rng(0), np.zeros((copies, 3), np.float32)
    return np.array([noise(zeros, rng) for _ in range(steps)])


def test_none_leaves_actions_and_random_numbers_alone() -> None:
    rng = np.random.default_rng(0)
    before, actions = rng.bit_generator.state, np.ones((2, 3), np.float32)
    assert noise_of(None)(actions, rng) is actions
    assert rng.bit_generator.state == before


def test_gaussian_noise_is_independent_from_step_to_step() -> None:
    x = series(noise_of("normal"), 4000).reshape(4000, -1)
    assert x.std() == pytest.approx(0.2, rel=0.03)
    assert np.corrcoef(x[:-1, 0], x[1:, 0])[0, 1] == pytest.approx(0, abs=0.05)
    assert np.corrcoef(x.T) == pytest.approx(np.eye(6), abs=0.06)


def test_an_ornstein_uhlenbeck_process_follows_its_equation() -> None:
    x, draws = series(noise_of("ornstein-uhlenbeck"), 4), np.random.default_rng(0)
    expected = np.zeros((2, 3), np.float32)
    for found in x:
        N = draws.standard_normal((2, 3), np.float32)
        expected = expected - THETA * expected * DT + 0.2 * math.sqrt(DT) * N
        assert found == pytest.approx(expected, abs=1e-6)


def test_its_deviation_comes_to_what_the_config_says() -> None:
    x = series(noise_of("ornstein-uhlenbeck", std=0.1, copies=500), 3000, copies=500)
    assert x[0].std() == pytest.approx(0.1 * math.sqrt(DT), rel=0.1)
    assert x[-1].std() == pytest.approx(0.1 / math.sqrt(2 * 0.15), rel=0.05)


def test_it_begins_at_0_with_each_episode_and_goes_on_in_other_copies() -> None:
    noise = noise_of("ornstein-uhlenbeck", std=1.0)
    x = series(noise, 50)[-1]
    noise.began(np.array([True, False]))
    noise.std = 0.0
    following = noise(np.zeros((2, 3), np.float32), np.random.default_rng(0))
    assert following == pytest.approx(np.stack([np.zeros(3), x[1] * (1 - THETA * DT)]))


def test_actions_stay_within_their_bounds() -> None:
    noise = noise_of("normal", std=5.0)
    actions = noise(np.zeros((2, 3), np.float32), np.random.default_rng(0))
    assert np.abs(actions).max() == 1


def test_it_goes_on_from_its_state() -> None:
    one, other = noise_of("ornstein-uhlenbeck"), noise_of("ornstein-uhlenbeck")
    series(one, 5)
    other.load_state(one.state())
    other.began(np.zeros(2, np.bool_))
    assert np.array_equal(series(one, 5), series(other, 5))


def test_every_algorithm_adds_the_noise_that_is_asked_for_to_what_its_policy_would_do() -> None:
    rows, names = np.zeros((4000, 3), np.float32), []
    for name, spec in get_registry().algorithms.items():
        if not spec.target.startswith("zoo_actor_critic."):
            continue
        cls = get_registry().algorithm_class(name)
        if not issubclass(cls, ContinuousAlgorithm):
            continue
        names.append(name)

        def explored(std: float, cls: type[ContinuousAlgorithm] = cls) -> np.ndarray:
            config = cls.Config(policy_kwargs={"net_arch": [8]}, noise_type="normal", noise_std=std)
            actions = spaces.Box(-2, 2, (2,))
            return cls(config, spaces.Box(-1, 1, (3,)), actions, seed=0).explore(rows, 1.0)

        silent, noisy = explored(0.0), explored(0.05)
        within = np.abs(silent) < 0.75  # where no bound is in reach
        assert within.mean() > 0.3, name
        assert (noisy - silent)[within].std() == pytest.approx(0.05, rel=0.05), name
        assert np.abs(noisy).max() <= 1
    assert {"ddpg", "td3", "sac", "tqc", "redq", "droq", "crossq"} <= set(names)

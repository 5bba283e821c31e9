"""Noise on actions: its size, its memory, and its bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

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

"""Advantages by hand, and against the sums of their definition."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_torch.advantages import generalized_advantages, normalized


def test_three_steps_worked_out_by_hand() -> None:
    rewards = np.array([[1.0], [2.0], [3.0]], np.float32)
    values = np.array([[0.5], [1.0], [1.5]], np.float32)
    dones = np.zeros((3, 1), np.bool_)
    last = np.array([2.0], np.float32)
    # deltas: 1 + .5*1 - .5 = 1; 2 + .5*1.5 - 1 = 1.75; 3 + .5*2 - 1.5 = 2.5; decay .5*.5
    expected = [[1 + 0.25 * (1.75 + 0.25 * 2.5)], [1.75 + 0.25 * 2.5], [2.5]]
    found = generalized_advantages(rewards, values, last, dones, gamma=0.5, lambda_=0.5)
    assert found == pytest.approx(np.array(expected))


@pytest.mark.parametrize("lambda_", [0.0, 0.9, 1.0])
def test_they_are_the_sums_of_the_paper_cut_at_the_ends_of_episodes(lambda_: float) -> None:
    rng = np.random.default_rng(0)
    T, n, gamma = 30, 3, 0.97
    rewards, values = (rng.standard_normal((T, n)).astype(np.float32) for _ in range(2))
    last = rng.standard_normal(n).astype(np.float32)
    dones = rng.random((T, n)) < 0.15
    found = generalized_advantages(rewards, values, last, dones, gamma=gamma, lambda_=lambda_)
    for i in range(n):
        for t in range(T):
            total, weight = 0.0, 1.0
            for k in range(t, T):
                after = last[i] if k == T - 1 else values[k + 1, i]
                after = 0.0 if dones[k, i] else float(after)
                total += weight * (rewards[k, i] + gamma * after - values[k, i])
                if dones[k, i]:
                    break
                weight *= gamma * lambda_
            assert found[t, i] == pytest.approx(total, rel=1e-4, abs=1e-5)


def test_normalised_advantages_have_mean_0_and_deviation_1() -> None:
    found = normalized(np.float32([2, -4, 5]))
    assert found.mean() == pytest.approx(0, abs=1e-6)
    assert found.std(ddof=1) == pytest.approx(1)
    assert normalized(np.float32([3])).tolist() == [3]

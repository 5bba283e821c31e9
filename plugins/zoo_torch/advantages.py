"""Advantages and returns out of a rollout, in NumPy."""

from __future__ import annotations

import math

import numpy as np


def generalized_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    last_values: np.ndarray,
    dones: np.ndarray,
    *,
    gamma: float,
    lambda_: float,
) -> np.ndarray:
    """Return A_t (T, n) by eqs. 11 and 16 of https://arxiv.org/abs/1506.02438, cut off at T
    as in eqs. 11 and 12 of https://arxiv.org/abs/1707.06347.

    `rewards`, `values` V(s_t) and `dones` are (T, n), float32 and bool; `last_values` (n,) is
    V(s_T). Where `dones`, the episode ended with step t and nothing is bootstrapped: the value
    of the state in which an episode was truncated has to be in its last reward already.
    """
    next_values = np.concatenate([values[1:], last_values[None]])
    continues = ~dones
    deltas = rewards + np.float32(gamma) * next_values * continues - values
    decay = np.float32(gamma * lambda_) * continues
    advantages = np.empty_like(deltas)
    advantage = np.zeros_like(last_values)
    for t in range(len(rewards) - 1, -1, -1):
        advantage = deltas[t] + decay[t] * advantage
        advantages[t] = advantage
    return advantages


def normalized(A: np.ndarray) -> np.ndarray:
    """Return advantages (n,) with mean 0 and deviation 1; a single one is left as it is."""
    if len(A) == 1:
        return A
    centred = A - A.mean()
    deviation = math.sqrt(np.dot(centred, centred) / (len(A) - 1))
    return centred / np.float32(deviation + 1e-8)

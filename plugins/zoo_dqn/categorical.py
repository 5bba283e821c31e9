"""Distributions of returns on fixed atoms: https://arxiv.org/abs/1707.06887."""

from __future__ import annotations

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities (..., N) that logits (..., N) stand for."""
    shifted = logits - logits.max(-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(-1, keepdims=True))
    return shifted


def project(p: np.ndarray, rewards: np.ndarray, discounts: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, N) on atoms z (N,) of r + gamma Z, where Z has p (n, N).

    Equation 7 and algorithm 1 of the paper: what an atom moves to is shared by its neighbours in
    proportion to how near they are, within the bounds. The atoms have equal distances.
    """
    n, N = p.shape
    delta = (z[-1] - z[0]) / np.float32(N - 1)
    Tz = rewards[:, None] + discounts[:, None] * z
    b = np.clip((Tz - z[0]) / delta, 0, N - 1)
    lower = b.astype(np.int64)
    share = b - lower  # of the upper neighbour; 0 where an atom is hit, as the last one may be
    upper = np.minimum(lower + 1, N - 1)
    first = np.arange(0, n * N, N)[:, None]
    m = np.bincount((first + lower).ravel(), (p * (1 - share)).ravel(), n * N)
    m += np.bincount((first + upper).ravel(), (p * share).ravel(), n * N)
    return m.reshape(n, N).astype(np.float32)

"""Distributions of returns on fixed atoms: https://arxiv.org/abs/1707.06887."""

from __future__ import annotations

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, ..., N) of logits (n, ..., N)."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return p


def project(p: np.ndarray, rewards: np.ndarray, discounts: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the probabilities (n, N) on atoms z (N,) of r + gamma Z, where Z has p (n, N).

    Equation 7 and algorithm 1 of the paper: each atom's probability goes, where it lands, to both
    neighbours in proportion to how near it is. The atoms have equal distances.
    """
    n, N = p.shape
    delta = (z[-1] - z[0]) / np.float32(N - 1)
    Tz = np.clip(rewards[:, None] + discounts[:, None] * z, z[0], z[-1])
    b = np.clip((Tz - z[0]) / delta, 0, N - 1)
    lower = np.floor(b).astype(np.int64)
    share = b - lower  # of the upper neighbour; 0 where an atom is hit, or the last one
    upper = np.minimum(lower + 1, N - 1)
    first = np.arange(n)[:, None] * N
    m = np.bincount((first + lower).ravel(), (p * (1 - share)).ravel(), n * N)
    m += np.bincount((first + upper).ravel(), (p * share).ravel(), n * N)
    return m.reshape(n, N).astype(np.float32)

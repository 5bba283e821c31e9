"""Distributions over actions, with their derivatives worked out by hand.

pi.log_prob(actions)      (n,) for a row of actions for each row of outputs
pi.entropy()              (n,)
pi.gradient(...)          how both depend on what the policy network put out
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_HALF = np.float32(0.5)
_NO_STDS = np.zeros(0, np.float32)


class Distribution(ABC):
    """A distribution for each of n rows."""

    @abstractmethod
    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        """Return (n,) for actions (n, *row)."""

    @abstractmethod
    def entropy(self) -> np.ndarray:
        """Return (n,), in nats."""

    @abstractmethod
    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradient of `sum(by_log_prob * log_prob(actions) + by_entropy * entropy())`
        by the outputs (n, outputs), and by log_std (stds,)."""


class Categorical(Distribution):
    """One choice in proportion to the exponentials of logits (n, k)."""

    def __init__(self, logits: np.ndarray) -> None:
        shifted = logits - logits.max(1, keepdims=True)
        p = np.exp(shifted)
        total = p.sum(1, keepdims=True)
        self.p = np.divide(p, total, out=p)
        self.log_p = np.subtract(shifted, np.log(total), out=shifted)
        self._rows = np.arange(len(logits))

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        return self.log_p[self._rows, actions]

    def entropy(self) -> np.ndarray:
        return -(self.p * self.log_p).sum(1)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """d log p_a / d logit_j = [j = a] - p_j, and d H / d logit_j = -p_j (log p_j + H)."""
        by_logits = self.p * -by_log_prob[:, None]
        by_logits[self._rows, actions] += by_log_prob
        if by_entropy:
            H = self.entropy()[:, None]
            by_logits -= np.float32(by_entropy) * self.p * (self.log_p + H)
        return by_logits, _NO_STDS


class Product(Distribution):
    """Independent choices, each by a categorical distribution; actions are (n, choices)."""

    def __init__(self, parts: Sequence[Categorical]) -> None:
        self.parts = parts

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        return np.sum([p.log_prob(actions[:, i]) for i, p in enumerate(self.parts)], axis=0)

    def entropy(self) -> np.ndarray:
        return np.sum([part.entropy() for part in self.parts], axis=0)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        each = [
            part.gradient(actions[:, i], by_log_prob, by_entropy)[0]
            for i, part in enumerate(self.parts)
        ]
        return np.concatenate(each, axis=1), _NO_STDS


class Bernoulli(Distribution):
    """Independent bits (n, k), each a one with the probability sigmoid(logit)."""

    def __init__(self, logits: np.ndarray) -> None:
        self.logits = logits
        self.p = _HALF * np.tanh(_HALF * logits) + _HALF

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        return (actions * self.logits - self._softplus()).sum(1)

    def entropy(self) -> np.ndarray:
        return (self._softplus() - self.logits * self.p).sum(1)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """d log p / d logit = bit - p, and d H / d logit = -logit p (1 - p)."""
        by_logits = (actions - self.p) * by_log_prob[:, None]
        if by_entropy:
            by_logits -= np.float32(by_entropy) * self.logits * self.p * (1 - self.p)
        return by_logits, _NO_STDS

    def _softplus(self) -> np.ndarray:
        return np.logaddexp(self.logits, np.float32(0))


class DiagonalGaussian(Distribution):
    """A Gaussian around `mean` (n, k) whose components deviate by `exp(log_std)` (k,)."""

    def __init__(self, mean: np.ndarray, log_std: np.ndarray) -> None:
        self.mean, self.log_std = mean, log_std
        self._precision = np.exp(-log_std)

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        z = (actions - self.mean) * self._precision
        constant = self.log_std.sum() + np.float32(HALF_LOG_TWO_PI * len(self.log_std))
        return -_HALF * (z * z).sum(1) - constant

    def entropy(self) -> np.ndarray:
        """Return (n,) of equal numbers: it is the same in all rows."""
        entropy = self.log_std.sum() + (0.5 + HALF_LOG_TWO_PI) * len(self.log_std)
        return np.full(len(self.mean), entropy, np.float32)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """With z = (a - mean) / std: d log p / d mean = z / std, d log p / d log_std = z^2 - 1,
        and d H / d log_std = 1."""
        z = (actions - self.mean) * self._precision
        by_mean = z * by_log_prob[:, None]
        by_log_std = (by_mean * z).sum(0) - by_log_prob.sum()
        by_mean *= self._precision
        return by_mean, by_log_std + np.float32(by_entropy * len(z))

"""Distributions over actions, with their derivatives worked out by hand.

pi.log_prob(actions)      (n,) for a row of actions for each row of outputs
pi.entropy()              (n,)
pi.gradient(...)          how both depend on what the policy network put out
pi.kl_from(old)           (n,): how far the distributions have moved from others of their kind
pi.kl_gradient(old, ...)  how that depends on what the policy network put out
pi.fisher(...)            the metric that the divergence is, up to second order, half the square of

`old` has to be of the same family and must not share memory that has changed since: an algorithm
copies `pi.outputs` and log_std, and makes it of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_HALF = np.float32(0.5)
_NO_STDS = np.zeros(0, np.float32)


class Distribution(ABC):
    """A distribution for each of n rows."""

    @property
    @abstractmethod
    def outputs(self) -> np.ndarray:
        """Numbers (n, outputs) of which, with log_std, its family makes the same again."""

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

    @abstractmethod
    def kl_from(self, old: Any) -> np.ndarray:
        """Return KL(old, self) (n,), in nats."""

    @abstractmethod
    def kl_gradient(self, old: Any, by_kl: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradient of `sum(by_kl * kl_from(old))` by the outputs (n, outputs), and by
        log_std (stds,)."""

    @abstractmethod
    def fisher(self, outputs: np.ndarray, log_std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the Fisher information of the n rows times a change of the outputs (n, outputs)
        and of log_std (stds,): it is the Hessian of `sum(kl_from(old))` where old is self."""


class Categorical(Distribution):
    """One choice in proportion to the exponentials of logits (n, k).

    Probabilities `p` and their logarithms `log_p` (n, k) are views of arrays (k, n): there are
    few choices and many rows, and NumPy is twice as fast along the many.
    """

    def __init__(self, logits: np.ndarray) -> None:
        shifted = logits.T.copy()
        shifted -= shifted.max(0)
        p = np.exp(shifted)
        total = p.sum(0)
        self._p = np.divide(p, total, out=p)
        self._log_p = np.subtract(shifted, np.log(total), out=shifted)
        self.p, self.log_p = self._p.T, self._log_p.T
        self._rows = np.arange(len(logits))

    @property
    def outputs(self) -> np.ndarray:
        """The logarithms of the probabilities, which are logits too."""
        return self.log_p

    def log_prob(self, actions: np.ndarray) -> np.ndarray:
        return self._log_p[actions, self._rows]

    def entropy(self) -> np.ndarray:
        return -(self._p * self._log_p).sum(0)

    def gradient(
        self, actions: np.ndarray, by_log_prob: np.ndarray, by_entropy: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """d log p_a / d logit_j = [j = a] - p_j, and d H / d logit_j = -p_j (log p_j + H)."""
        by_logits = self._p * -by_log_prob
        by_logits[actions, self._rows] += by_log_prob
        if by_entropy:
            by_logits -= np.float32(by_entropy) * self._p * (self._log_p + self.entropy())
        return by_logits.T, _NO_STDS

    def kl_from(self, old: Categorical) -> np.ndarray:
        return (old._p * (old._log_p - self._log_p)).sum(0)

    def kl_gradient(self, old: Categorical, by_kl: float) -> tuple[np.ndarray, np.ndarray]:
        """d KL / d logit_j = p_j - p_old_j."""
        return (self.p - old.p) * np.float32(by_kl), _NO_STDS

    def fisher(self, outputs: np.ndarray, log_std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F = diag(p) - p p^T."""
        return self.p * (outputs - (self.p * outputs).sum(1, keepdims=True)), _NO_STDS


class Product(Distribution):
    """Independent choices, each by a categorical distribution; actions are (n, choices)."""

    def __init__(self, parts: Sequence[Categorical]) -> None:
        self.parts = parts

    @property
    def outputs(self) -> np.ndarray:
        return np.concatenate([part.outputs for part in self.parts], axis=1)

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

    def kl_from(self, old: Product) -> np.ndarray:
        pairs = zip(self.parts, old.parts, strict=True)
        return np.sum([part.kl_from(other) for part, other in pairs], axis=0)

    def kl_gradient(self, old: Product, by_kl: float) -> tuple[np.ndarray, np.ndarray]:
        pairs = zip(self.parts, old.parts, strict=True)
        each = [part.kl_gradient(other, by_kl)[0] for part, other in pairs]
        return np.concatenate(each, axis=1), _NO_STDS

    def fisher(self, outputs: np.ndarray, log_std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The choices are independent, so F has a block for each."""
        ends = np.cumsum([part.p.shape[1] for part in self.parts])[:-1]
        pairs = zip(self.parts, np.split(outputs, ends, axis=1), strict=True)
        return np.concatenate([p.fisher(block, log_std)[0] for p, block in pairs], 1), _NO_STDS


class Bernoulli(Distribution):
    """Independent bits (n, k), each a one with the probability sigmoid(logit)."""

    def __init__(self, logits: np.ndarray) -> None:
        self.logits = logits
        self.p = _HALF * np.tanh(_HALF * logits) + _HALF

    @property
    def outputs(self) -> np.ndarray:
        return self.logits

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

    def kl_from(self, old: Bernoulli) -> np.ndarray:
        """p_old (l_old - l) + softplus(l) - softplus(l_old) for each bit."""
        gaps = self._softplus() - old._softplus()
        return (old.p * (old.logits - self.logits) + gaps).sum(1)

    def kl_gradient(self, old: Bernoulli, by_kl: float) -> tuple[np.ndarray, np.ndarray]:
        """d KL / d logit = p - p_old."""
        return (self.p - old.p) * np.float32(by_kl), _NO_STDS

    def fisher(self, outputs: np.ndarray, log_std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F = p (1 - p) for each bit."""
        return self.p * (1 - self.p) * outputs, _NO_STDS

    def _softplus(self) -> np.ndarray:
        return np.logaddexp(self.logits, np.float32(0))


class DiagonalGaussian(Distribution):
    """A Gaussian around `mean` (n, k) whose components deviate by `exp(log_std)` (k,)."""

    def __init__(self, mean: np.ndarray, log_std: np.ndarray) -> None:
        self.mean, self.log_std = mean, log_std
        self._precision = np.exp(-log_std)

    @property
    def outputs(self) -> np.ndarray:
        return self.mean

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

    def kl_from(self, old: DiagonalGaussian) -> np.ndarray:
        """log(std / std_old) + (std_old^2 + (mean - mean_old)^2) / (2 std^2) - 1/2 for each
        component."""
        moved, ratio = self._moved(old)
        each = moved * moved + ratio - 1
        return _HALF * each.sum(1) + (self.log_std - old.log_std).sum()

    def kl_gradient(self, old: DiagonalGaussian, by_kl: float) -> tuple[np.ndarray, np.ndarray]:
        """With d = (mean - mean_old) / std: d KL / d mean = d / std, and d KL / d log_std =
        1 - (std_old / std)^2 - d^2."""
        moved, ratio = self._moved(old)
        by_log_std = (1 - ratio - moved * moved).sum(0)
        return moved * self._precision * np.float32(by_kl), by_log_std * np.float32(by_kl)

    def fisher(self, outputs: np.ndarray, log_std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F = 1 / std^2 for each component of a mean, and 2 in each row for each of log_std."""
        rows = np.float32(2 * len(self.mean))
        return outputs * self._precision * self._precision, rows * log_std

    def _moved(self, old: DiagonalGaussian) -> tuple[np.ndarray, np.ndarray]:
        """Return (mean - mean_old) / std (n, k), and (std_old / std)^2 (k,)."""
        return (self.mean - old.mean) * self._precision, np.exp(2 * (old.log_std - self.log_std))

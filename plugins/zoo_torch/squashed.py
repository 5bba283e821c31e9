"""Gaussians squashed by tanh: the policies of SAC, with their derivatives by hand.

    a = tanh(u),  u = mean + exp(log_std) eps,  eps ~ N(0, 1)

(https://arxiv.org/abs/1812.05905, appendix C). `1 - tanh(u)^2` is computed so that neither it nor
its logarithm is 0 where tanh(u) is rounded to 1; nothing has to be added to it.
"""

from __future__ import annotations

import math

import numpy as np

from zoo_torch.distributions import HALF_LOG_TWO_PI

LOG_STD = (-20.0, 2.0)
"""Bounds of log_std, at which it is cut off."""
_TWO, _HALF, _LOG_TWO = np.float32(2), np.float32(0.5), np.float32(math.log(2))


class SquashedGaussian:
    """One draw from the distribution of each of n rows, with its log-probability.

    `actions` (n, k) are in [-1, 1], `log_prob` (n,) is the logarithm of their density there.
    """

    def __init__(self, outputs: np.ndarray, eps: np.ndarray) -> None:
        """Take what the policy network put out (n, 2 k), means before log_stds, and k standard
        normal numbers `eps` (n, k) for each row."""
        k = eps.shape[1]
        mean, raw = outputs[:, :k], outputs[:, k:]
        log_std = np.minimum(np.maximum(raw, LOG_STD[0]), LOG_STD[1])
        self._free = raw == log_std
        self._spread = np.exp(log_std)
        self._spread *= eps
        u = mean + self._spread
        self.actions = np.tanh(u)
        size = np.abs(u)
        tail = np.exp(-_TWO * size)
        # log cosh u = |u| + log(1 + exp(-2 |u|)) - log 2, and 1 - tanh(u)^2 = 1 / cosh(u)^2
        log_cosh = np.log1p(tail)
        log_cosh += size
        log_cosh -= _LOG_TWO
        self._slope = np.exp(-_TWO * log_cosh)
        # eq. 26: log pi(a) = log N(u) - sum log(1 - tanh(u)^2)
        each = _TWO * log_cosh
        each -= log_std
        each -= _HALF * eps * eps
        self.log_prob = each.sum(1)
        self.log_prob -= np.float32(HALF_LOG_TWO_PI * k)

    def gradient(self, by_actions: np.ndarray, by_log_prob: np.ndarray) -> np.ndarray:
        """Return the gradient by the outputs (n, 2 k) of a scalar that depends on the actions
        and their log-probabilities, given that by the actions (n, k) and by `log_prob` (n,), or
        one number for all; eps is held fast.

        da / du = 1 - a^2;  d log pi / du = 2 a;  du / d log_std = u - mean, and log_std makes
        log pi less by itself besides. By a log_std that was cut off the gradient is 0.
        """
        k = self.actions.shape[1]
        by_log_prob = np.reshape(by_log_prob, (-1, 1))
        by_outputs = np.empty((len(self.actions), 2 * k), np.float32)
        by_u, by_log_std = by_outputs[:, :k], by_outputs[:, k:]
        np.multiply(by_actions, self._slope, out=by_u)
        by_u += _TWO * by_log_prob * self.actions
        np.multiply(by_u, self._spread, out=by_log_std)
        by_log_std -= by_log_prob
        by_log_std *= self._free
        return by_outputs


def draw(outputs: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """Return the actions (n, k) of `SquashedGaussian(outputs, eps)`, for acting."""
    k = eps.shape[1]
    log_std = np.minimum(np.maximum(outputs[:, k:], LOG_STD[0]), LOG_STD[1])
    return np.tanh(outputs[:, :k] + np.exp(log_std) * eps)

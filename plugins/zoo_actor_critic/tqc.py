"""Truncated quantile critics: Kuznetsov et al. (2020), https://arxiv.org/abs/2005.04269.

Algorithm 1 of the paper, with its names: N critics put out M atoms theta each, quantiles of the
return. The targets are made of the kN least of the NM atoms at (s', a'), where k = M - d: leaving
the largest ones out holds overestimation down by as much as one likes. The policy is that of soft
actor-critic. Widths and defaults are those of sb3-contrib, whose tuned hyperparameters then carry
over: 2 critics of [256, 256], where the paper has 5 of [512, 512, 512].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import ZooError
from zoo_actor_critic.configuration import (
    KWARGS,
    ActionNoise,
    ActorCriticKwargs,
    EntropyConfig,
)
from zoo_actor_critic.continuous import mean_slopes
from zoo_actor_critic.networks import Critics
from zoo_actor_critic.soft import SoftAlgorithm
from zoo_torch.quantiles import midpoints
from zoo_torch.replay import Batch

ROWS = 16
"""Rows of a batch that are compared at a time: the differences then fit into the cache."""


class QuantileKwargs(ActorCriticKwargs):
    """How the networks are built."""

    n_critics: int = Field(2, ge=1, description="Critics, N.")
    n_quantiles: int = Field(25, ge=1, description="Quantiles that each critic puts out, M.")


class TQCConfig(ActionNoise, EntropyConfig):
    """Truncated quantile critics."""

    policy_kwargs: QuantileKwargs = Field(QuantileKwargs(), description=KWARGS)
    top_quantiles_to_drop_per_net: int = Field(
        2, ge=0, description="Largest quantiles that targets leave out, for each critic, d."
    )


class TQC(SoftAlgorithm):
    """Algorithm 1."""

    Config = TQCConfig
    critics: Critics

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces that there are no networks for, and to drop all."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        kwargs, self.d = config.policy_kwargs, config.top_quantiles_to_drop_per_net
        M = kwargs.n_quantiles
        if self.d >= M:
            raise ZooError(
                f"top_quantiles_to_drop_per_net is {self.d}, and leaves none of {M} quantiles",
                f"Drop fewer than policy_kwargs.n_quantiles, {M}; 2 of 25 are usual",
            )
        self.critics = Critics(
            self.inputs, self.k, kwargs.critic_units, members=kwargs.n_critics, outputs=M,
            activation=kwargs.activation_fn, rng=self.rng,
        )  # fmt: skip
        self.tau = midpoints(M)
        """(M,): tau_m = (2 m - 1) / (2 M)"""

    def update(self, batch: Batch, remaining: float) -> float:
        config: TQCConfig = self.config
        rate = config.learning_rate(remaining)
        y = self._targets(batch)
        theta = self.critics(batch.rows, batch.actions)
        by_theta, loss = quantile_huber(theta, y, self.tau)
        self.critics.descend(by_theta, rate)

        # eq. 15: J_pi = mean(alpha log pi(a | s) - mean_n,m theta_n^m(s, a))
        pi = self.pi(batch.rows)
        by_theta = mean_slopes(self.critics(batch.rows, pi.actions))
        self.improve(pi, self.critics.by_actions(by_theta), rate)
        if self.updates % config.target_update_interval == 0:
            self.critics.follow(config.tau)
        return loss

    def _targets(self, batch: Batch) -> np.ndarray:
        """eq. 11: the kN atoms of Y(s, a), in any order, (n, kN)

        y_i = r + gamma (z_(i)(s', a') - alpha log pi(a' | s')),    a' ~ pi(. | s')
        """
        pi = self.pi(batch.next_rows)
        z = truncated(self.critics.of_targets(batch.next_rows, pi.actions), self.d)
        z -= (np.float32(self.temperature.alpha) * pi.log_prob)[:, None]
        return batch.rewards[:, None] + batch.discounts[:, None] * z


def truncated(theta: np.ndarray, d: int) -> np.ndarray:
    """Return z_(1) to z_(kN), (n, kN) in any order: of all atoms theta (N, n, M) of a row, pooled,
    without the d N largest (eq. 10 and 11)."""
    N, n, M = theta.shape
    pooled, kN = theta.transpose(1, 0, 2).reshape(n, N * M), (M - d) * N
    return np.partition(pooled, kN - 1)[:, :kN] if d else pooled


def quantile_huber(theta: np.ndarray, y: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the derivatives (N, n, M) of the loss by theta (N, n, M), and the loss, eq. 14 for
    each of N critics, summed over them and averaged over n rows:

        L = 1 / (kN M) sum_m sum_i rho_tau_m(y_i - theta^m),   y (n, kN)
        rho_tau(u) = |tau - [u < 0]| huber(u)                  (huber turns linear at 1)

    With sums P of huber's slope and S of huber itself over the targets above an atom, and Q and T
    over those below, that is (tau S + (1 - tau) T), and by theta -(tau P - (1 - tau) Q). (The loss
    of QR-DQN is the same but for its sums: that is of one network's rows, each with a weight of its
    own; this is of NM atoms against kN at once, a few rows at a time.)
    """
    _, n, M = theta.shape
    by_theta, total = np.empty_like(theta), 0.0
    for begin in range(0, n, ROWS):
        rows = slice(begin, begin + ROWS)
        u = y[rows, None, :] - theta[:, rows, :, None]
        P, S = _sums(u, 0)
        all_slopes, all_losses = _sums(u, -1)
        Q, T = P - all_slopes, all_losses - S
        by_theta[:, rows] = (1 - tau) * Q - tau * P
        total += float((tau * S + (1 - tau) * T).sum())
    scale = 1 / (n * M * y.shape[1])
    by_theta *= np.float32(scale)
    return by_theta, total * scale


def _sums(u: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sums over the last axis of c, u between `least` and 1, and of c (u - c / 2)."""
    ones = np.ones(u.shape[-1], np.float32)
    c = np.clip(u, np.float32(least), np.float32(1))
    slopes = np.matmul(c, ones)
    huber = c * np.float32(-0.5)
    huber += u
    huber *= c
    return slopes, np.matmul(huber, ones)

"""Proximal policy optimisation, the clipped form: https://arxiv.org/abs/1707.06347.

Algorithm 1 of the paper, with its names: r the ratio of probabilities, A the advantages, epsilon
the clip range. What the paper leaves open is as in Stable-Baselines3, whose tuned hyperparameters
then carry over: separate networks, advantages normalised in each minibatch, a clipped gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue
from zoo_torch.advantages import generalized_advantages
from zoo_torch.configuration import OnPolicyConfig
from zoo_torch.distributions import Distribution
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import Adam
from zoo_torch.rollout import Rollout, Shuffle

Samples = dict[str, Any]


class PPOConfig(OnPolicyConfig):
    """Proximal policy optimisation."""

    learning_rate: ScheduleValue = Field(Schedule.parse(3e-4), description="Step size of Adam.")
    batch_size: int = Field(64, ge=1, description="Samples in a minibatch.")
    n_epochs: int = Field(10, ge=1, description="Passes over the samples in each update.")
    clip_range: ScheduleValue = Field(
        Schedule.parse(0.2), description="How far the probability ratio may be from 1."
    )
    clip_range_vf: ScheduleValue | None = Field(
        None, description="How far a value may move in an update; null: as far as it will."
    )
    normalize_advantage: bool = Field(
        True, description="Give the advantages of each minibatch mean 0 and deviation 1."
    )
    target_kl: float | None = Field(
        None,
        gt=0,
        description="Stop an update early when the policy has moved 1.5 times this far; "
        "null: never.",
    )


class Clip(NamedTuple):
    """How far the ratio, and the values if at all, may move at a moment of the training."""

    epsilon: float
    epsilon_vf: float | None

    @classmethod
    def at(cls, config: PPOConfig, remaining: float) -> Clip:
        """Return the ranges when `remaining`, from 1 to 0, is left of the training."""
        vf = config.clip_range_vf
        return cls(config.clip_range(remaining), None if vf is None else vf(remaining))


class PPO(OnPolicyAlgorithm):
    """Algorithm 1: run the old policy, then optimise the surrogate for K epochs."""

    Config = PPOConfig

    def make_optimizer(self) -> Adam:
        return Adam(self.model.theta, eps=1e-5)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: PPOConfig = self.config
        shuffle: Shuffle | None = None
        with self.experience(env) as collector:
            while self.steps < steps:
                rollout = collector.collect(self.rng, self.steps)
                self.count(collector)
                samples = self._samples(rollout)
                shuffle = shuffle or Shuffle(samples, config.batch_size)
                remaining = max(1 - self.steps / steps, 0.0)
                rate = config.learning_rate(remaining)
                clip = Clip.at(config, remaining)
                self._optimize(samples, shuffle, rate, clip)
                yield self.progress(
                    {"train/learning_rate": rate, **self._measure(samples, clip.epsilon)}
                )

    def _samples(self, rollout: Rollout) -> Samples:
        """Return the arrays (T * n, ...) that the loss is made of."""
        config: PPOConfig = self.config
        advantages = generalized_advantages(
            rollout.rewards, rollout.values, rollout.last_values, rollout.dones,
            gamma=config.gamma, lambda_=config.gae_lambda,
        )  # fmt: skip
        pi, _ = self.model.evaluate(rollout.rows)
        return {
            "rows": rollout.rows,
            "actions": rollout.actions,
            "log_probs": pi.log_prob(torch.from_numpy(rollout.actions)).numpy(),
            "advantages": advantages.ravel(),
            "returns": (advantages + rollout.values).ravel(),
            "values": rollout.values.ravel(),
        }

    def _optimize(self, samples: Samples, shuffle: Shuffle, rate: float, clip: Clip) -> None:
        """Take K epochs of minibatch steps, or fewer where the policy moves too far."""
        config: PPOConfig = self.config
        for _ in range(config.n_epochs):
            for arrays, batch in shuffle.epoch(samples, self.rng):
                log_ratio = self.model.differentiate(ppo_loss, arrays["rows"], batch, config, clip)
                if config.target_kl and divergence(log_ratio) > 1.5 * config.target_kl:
                    return
                self.descend(rate)

    def _measure(self, samples: Samples, epsilon: float) -> dict[str, float]:
        """Return what the update has done, over all samples of the rollout."""
        pi, V = self.model.evaluate(samples["rows"])
        log_ratio = pi.log_prob(torch.from_numpy(samples["actions"])).numpy() - samples["log_probs"]
        returns, values = samples["returns"], samples["values"]
        variance = float(returns.var())
        return {
            "train/value_loss": float(np.square(V.numpy() - returns).mean()),
            "train/entropy": float(pi.entropy().mean()),
            "train/approx_kl": divergence(torch.from_numpy(log_ratio)),
            "train/clip_fraction": float((np.abs(np.expm1(log_ratio)) > epsilon).mean()),
            "train/explained_variance": 1 - float((returns - values).var()) / (variance or np.nan),
        }


def ppo_loss(
    pi: Distribution, V: torch.Tensor, batch: dict[str, torch.Tensor], config: PPOConfig, clip: Clip
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return minus the objective of eq. 9, L^CLIP - c1 L^VF + c2 S, over a minibatch (n,), and
    log pi(a|s) - log pi_old(a|s).
    """
    A, returns = batch["advantages"], batch["returns"]
    if config.normalize_advantage and len(A) > 1:
        std, mean = torch.std_mean(A)
        A = (A - mean) / (std + 1e-8)
    log_ratio = pi.log_prob(batch["actions"]) - batch["log_probs"]
    r = log_ratio.exp()
    surrogate = torch.min(r * A, r.clamp(1 - clip.epsilon, 1 + clip.epsilon) * A)  # eq. 7
    if clip.epsilon_vf is not None:
        V_old = batch["values"]
        V = V_old + (V - V_old).clamp(-clip.epsilon_vf, clip.epsilon_vf)
    error = V - returns
    loss = config.vf_coef * (error * error).mean() - surrogate.mean()
    if config.ent_coef:
        loss = loss - config.ent_coef * pi.entropy().mean()
    return loss, log_ratio.detach()


def divergence(log_ratio: torch.Tensor) -> float:
    """Return an estimate of KL(old, new) from samples of the old policy: the unbiased one that
    is never negative (http://joschu.net/blog/kl-approx.html)."""
    return float((log_ratio.expm1() - log_ratio).mean())

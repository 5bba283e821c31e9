"""Proximal policy optimisation, the clipped form: https://arxiv.org/abs/1707.06347.

Algorithm 1 of the paper, with its names: r the ratio of probabilities, A the advantages, epsilon
the clip range. What the paper leaves open is as in Stable-Baselines3, whose tuned hyperparameters
then carry over: separate networks, advantages normalised in each minibatch, a clipped gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue
from zoo_policy_gradient.samples import Samples, explained_variance, few, samples_of
from zoo_torch.actor_critic import Slopes
from zoo_torch.advantages import normalized
from zoo_torch.configuration import OnPolicyConfig
from zoo_torch.distributions import Distribution
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import Adam
from zoo_torch.rollout import Shuffle

MEASURED = 256
"""Samples with images by which an update is measured, at most."""


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
    reads_images = True

    def make_optimizer(self) -> Adam:
        return self.adam(eps=1e-5)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: PPOConfig = self.config
        shuffle: Shuffle | None = None
        with self.experience(env) as collector:
            while self.steps < steps:
                rollout = collector.collect(self.rng, self.steps)
                self.count(collector)
                pi = self.model.behaviour(rollout.rows, rollout.outputs)
                samples = samples_of(rollout, pi, config.gamma, config.gae_lambda)
                shuffle = shuffle or Shuffle(samples, config.batch_size)
                remaining = max(1 - self.steps / steps, 0.0)
                rate = config.learning_rate(remaining)
                clip = Clip.at(config, remaining)
                self._optimize(samples, shuffle, rate, clip)
                metrics = self._measure(samples, clip.epsilon)
                yield self.progress({"train/learning_rate": rate, **metrics})

    @np.errstate(all="ignore")
    def _optimize(self, samples: Samples, shuffle: Shuffle, rate: float, clip: Clip) -> None:
        """Take K epochs of minibatch steps, or fewer where the policy moves too far."""
        config: PPOConfig = self.config
        for _ in range(config.n_epochs):
            for batch in shuffle.epoch(samples, self.rng):
                pi, V = self.model.evaluate(batch["rows"])
                log_ratio = pi.log_prob(batch["actions"]) - batch["log_probs"]
                if config.target_kl and divergence(log_ratio) > 1.5 * config.target_kl:
                    return
                slopes = ppo_slopes(log_ratio, V, batch, config, clip)
                self.model.backward(pi, batch["actions"], slopes)
                self.descend(rate)

    def _measure(self, samples: Samples, epsilon: float) -> dict[str, float]:
        """Return what the update has done, over the samples of the rollout, or some of them where
        each takes convolutions."""
        if self.model.encoder is not None:
            samples = few(samples, MEASURED)
        pi, V = self.model.assess(samples["rows"])
        return measured(pi, V, samples, epsilon)


def ppo_slopes(
    log_ratio: np.ndarray, V: np.ndarray, batch: Samples, config: PPOConfig, clip: Clip
) -> Slopes:
    """Return the derivatives of minus the objective of eq. 9 over a minibatch of n samples,

        L = mean(c1 (V - R)^2 - min(r A, clip(r, 1 - epsilon, 1 + epsilon) A) - c2 S)

    where `log_ratio` is log r = log pi(a|s) - log pi_old(a|s) and c2 S the entropy's bonus.
    """
    n, A, epsilon = len(V), batch["advantages"], clip.epsilon
    if config.normalize_advantage:
        A = normalized(A)
    r = np.exp(log_ratio)
    rA = r * A
    # d(r A) / d log pi = r A, where it is the lesser; the clipped one does not depend on pi there
    counts = rA <= np.minimum(np.maximum(r, 1 - epsilon), 1 + epsilon) * A
    error = V - batch["returns"]
    if clip.epsilon_vf is not None:  # V = V_old + clip(V - V_old), which moves within its bounds
        moved = V - batch["values"]
        bounded = np.clip(moved, -clip.epsilon_vf, clip.epsilon_vf)
        error = (batch["values"] + bounded - batch["returns"]) * (bounded == moved)
    return Slopes(
        log_prob=rA * counts * np.float32(-1 / n),
        values=error * np.float32(2 * config.vf_coef / n),
        entropy=-config.ent_coef / n,
    )


@np.errstate(all="ignore")
def measured(pi: Distribution, V: np.ndarray, samples: Samples, epsilon: float) -> dict[str, float]:
    """Return what an update has done, over samples of the rollout, of which policy and value
    function now say `pi` and `V`."""
    log_ratio = pi.log_prob(samples["actions"]) - samples["log_probs"]
    return {
        "train/value_loss": float(np.square(V - samples["returns"]).mean()),
        "train/entropy": float(pi.entropy().mean()),
        "train/approx_kl": divergence(log_ratio),
        "train/clip_fraction": float((np.abs(np.expm1(log_ratio)) > epsilon).mean()),
        "train/explained_variance": explained_variance(samples),
    }


def divergence(log_ratio: np.ndarray) -> float:
    """Return an estimate of KL(old, new) from samples of the old policy: the unbiased one that
    is never negative (http://joschu.net/blog/kl-approx.html)."""
    return float((np.expm1(log_ratio) - log_ratio).mean())

"""Proximal policy optimisation with an adaptive penalty: https://arxiv.org/abs/1707.06347.

Section 4 of the paper, with its names: r the ratio of probabilities, A the advantages, beta the
weight of the divergence, d what it came to. The divergence is that of the distributions, not an
estimate from samples. All else is as in the clipped form, `ppo`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue, State
from zoo_policy_gradient.samples import Samples, explained_variance, samples_of
from zoo_torch.actor_critic import Slopes
from zoo_torch.advantages import normalized
from zoo_torch.configuration import OnPolicyConfig
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import Adam
from zoo_torch.rollout import Shuffle

LEAST, MOST = 1e-4, 1e4
"""Bounds of beta."""


class PPOKLConfig(OnPolicyConfig):
    """Proximal policy optimisation with an adaptive penalty."""

    learning_rate: ScheduleValue = Field(Schedule.parse(3e-4), description="Step size of Adam.")
    batch_size: int = Field(64, ge=1, description="Samples in a minibatch.")
    n_epochs: int = Field(10, ge=1, description="Passes over the samples in each update.")
    target_kl: float = Field(
        0.01, gt=0, description="How far an update should move the policy: the mean divergence."
    )
    initial_beta: float = Field(
        1.0, gt=0, description="Weight of the divergence in the first update; it adapts itself."
    )
    normalize_advantage: bool = Field(
        True, description="Give the advantages of each minibatch mean 0 and deviation 1."
    )


class PPOKL(OnPolicyAlgorithm):
    """Run the old policy, optimise the penalised objective for K epochs, adapt the penalty."""

    Config = PPOKLConfig
    reads_images = True

    def __init__(self, config: PPOKLConfig, *spaces: Any, **settings: Any) -> None:
        super().__init__(config, *spaces, **settings)
        self.beta = config.initial_beta

    def make_optimizer(self) -> Adam:
        return self.adam(eps=1e-5)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: PPOKLConfig = self.config
        shuffle: Shuffle | None = None
        with self.experience(env) as collector:
            while self.steps < steps:
                rollout = collector.collect(self.rng, self.steps)
                self.count(collector)
                pi = self.model.behaviour(rollout.rows, rollout.outputs)
                samples = samples_of(rollout, pi, config.gamma, config.gae_lambda)
                samples["outputs"], log_std = pi.outputs.copy(), self.model.log_std.copy()
                shuffle = shuffle or Shuffle(samples, config.batch_size)
                rate = config.learning_rate(max(1 - self.steps / steps, 0.0))
                self._optimize(samples, log_std, shuffle, rate)
                metrics = {"train/learning_rate": rate, **self._measure(samples, log_std)}
                self.beta = adapted(self.beta, metrics["train/kl"], config.target_kl)
                yield self.progress(metrics)

    @np.errstate(all="ignore")
    def _optimize(
        self, samples: Samples, log_std: np.ndarray, shuffle: Shuffle, rate: float
    ) -> None:
        """Take K epochs of minibatch steps away from the policy of these outputs and `log_std`."""
        config: PPOKLConfig = self.config
        for _ in range(config.n_epochs):
            for batch in shuffle.epoch(samples, self.rng):
                pi, V = self.model.evaluate(batch["rows"])
                slopes = ppo_kl_slopes(
                    pi.log_prob(batch["actions"]) - batch["log_probs"], V, batch, config, self.beta
                )
                old = self.model.family.of(batch["outputs"], log_std)
                self.model.backward(pi, batch["actions"], slopes, old)
                self.descend(rate)

    @np.errstate(all="ignore")
    def _measure(self, samples: Samples, log_std: np.ndarray) -> dict[str, float]:
        """Return what the update has done, over all samples of the rollout."""
        pi, V = self.model.assess(samples["rows"])
        old = self.model.family.of(samples["outputs"], log_std)
        return {
            "train/value_loss": float(np.square(V - samples["returns"]).mean()),
            "train/entropy": float(pi.entropy().mean()),
            "train/kl": float(pi.kl_from(old).mean()),
            "train/beta": self.beta,
            "train/explained_variance": explained_variance(samples),
        }

    def state(self) -> State:
        return {**super().state(), "beta": self.beta}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.beta = state["beta"]


def ppo_kl_slopes(
    log_ratio: np.ndarray, V: np.ndarray, batch: Samples, config: PPOKLConfig, beta: float
) -> Slopes:
    """Return the derivatives of minus the objective of eq. 8, with the value function's loss and
    the entropy's bonus of eq. 9, over a minibatch of n samples,

        L = mean(c1 (V - R)^2 - (r A - beta KL(pi_old, pi)) - c2 S)

    where `log_ratio` is log r = log pi(a|s) - log pi_old(a|s).
    """
    n, A = len(V), batch["advantages"]
    if config.normalize_advantage:
        A = normalized(A)
    with np.errstate(over="ignore"):  # nothing clips r: training that diverges stops by its norm
        rA = np.exp(log_ratio) * A  # d(r A) / d log pi = r A
    return Slopes(
        log_prob=rA * np.float32(-1 / n),
        values=(V - batch["returns"]) * np.float32(2 * config.vf_coef / n),
        entropy=-config.ent_coef / n,
        kl=beta / n,
    )


def adapted(beta: float, d: float, target: float) -> float:
    """Return the penalty for the next update after one that moved the policy by d. The bounds,
    which the paper does not have, let it find back soon from where it was of no use."""
    if d < target / 1.5:
        return max(beta / 2, LEAST)
    return min(beta * 2, MOST) if d > target * 1.5 else beta

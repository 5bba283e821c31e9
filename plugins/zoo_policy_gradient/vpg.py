"""Vanilla policy gradient: Sutton et al. (2000), https://papers.nips.cc/paper/1713, with
generalised advantage estimation (https://arxiv.org/abs/1506.02438), as Spinning Up has it.

https://spinningup.openai.com/en/latest/algorithms/vpg.html: in each update one step of the policy
along the gradient of mean(A log pi), then many of the value function, which is fitted to the
discounted sums of rewards. Each has an Adam of its own, and of images an encoder of its own, so
that the many steps of the one leave the other as it is; gradients are not clipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue
from zoo_policy_gradient.samples import Samples, explained_variance, samples_of
from zoo_torch.advantages import generalized_advantages, normalized
from zoo_torch.configuration import RolloutConfig
from zoo_torch.encoders import Encoder
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import Adam
from zoo_torch.rollout import Rollout


class VPGConfig(RolloutConfig):
    """Vanilla policy gradient."""

    learning_rate: ScheduleValue = Field(
        Schedule.parse(3e-4), description="Step size of Adam, for the policy."
    )
    vf_learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-3), description="Step size of Adam, for the value function."
    )
    n_steps: int = Field(
        4000, ge=1, description="Steps of each copy of the environment between updates."
    )
    gae_lambda: float = Field(
        0.97, ge=0, le=1, description="Weight of longer returns in the advantage: 0 for one step."
    )
    n_critic_updates: int = Field(
        80, ge=0, description="Steps of the value function in each update."
    )
    normalize_advantage: bool = Field(
        True, description="Give the advantages of each rollout mean 0 and deviation 1."
    )


class VPG(OnPolicyAlgorithm):
    """Run the policy, take one step along its gradient, fit the value function, repeat."""

    Config = VPGConfig
    reads_images = True

    def make_optimizer(self) -> Adam:
        return self.adam(eps=1e-8)

    def make_value_encoder(self) -> Encoder | None:
        return self.make_encoder()

    def make_value_optimizer(self) -> Adam:
        return self.adam(eps=1e-8)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: VPGConfig = self.config
        with self.experience(env) as collector:
            while self.steps < steps:
                rollout = collector.collect(self.rng, self.steps)
                self.count(collector)
                samples = self._samples(rollout)
                remaining = max(1 - self.steps / steps, 0.0)
                rate = config.learning_rate(remaining)
                self._improve(samples, rate)
                self._fit(samples, config.vf_learning_rate(remaining))
                yield self.progress({"train/learning_rate": rate, **self._measure(samples)})

    @np.errstate(all="ignore")
    def _samples(self, rollout: Rollout) -> Samples:
        """Return the arrays (T * n, ...) that the update is made of."""
        config: VPGConfig = self.config
        pi = self.model.behaviour(rollout.rows, rollout.outputs)
        samples = samples_of(rollout, pi, config.gamma, config.gae_lambda)
        to_the_end = generalized_advantages(
            rollout.rewards, rollout.values, rollout.last_values, rollout.dones,
            gamma=config.gamma, lambda_=1.0,
        )  # fmt: skip
        return samples | {"returns": (to_the_end + rollout.values).ravel()}

    @np.errstate(all="ignore")
    def _improve(self, samples: Samples, rate: float) -> None:
        """Take a step of the policy: L = -mean(A log pi(a|s)) over n samples, and so
        d L / d log pi = -A / n."""
        A = samples["advantages"]
        if self.config.normalize_advantage:
            A = normalized(A)
        pi = self.model.distributions(samples["rows"])
        self.model.backward_log_prob(pi, samples["actions"], A * np.float32(-1 / len(A)))
        self.descend(rate)

    @np.errstate(all="ignore")
    def _fit(self, samples: Samples, rate: float) -> None:
        """Take the steps of the value function: L = mean((V - R)^2)."""
        for _ in range(self.config.n_critic_updates):
            error = self.model.values(samples["rows"]) - samples["returns"]
            self.model.backward_value(error * np.float32(2 / len(error)))
            self.descend(rate, self.value_optimizer)

    @np.errstate(all="ignore")
    def _measure(self, samples: Samples) -> dict[str, float]:
        """Return what the update has done, over all samples of the rollout."""
        pi, V = self.model.assess(samples["rows"])
        moved = pi.log_prob(samples["actions"]) - samples["log_probs"]
        return {
            "train/value_loss": float(np.square(V - samples["returns"]).mean()),
            "train/entropy": float(pi.entropy().mean()),
            "train/approx_kl": -float(moved.mean()),
            "train/explained_variance": explained_variance(samples),
        }

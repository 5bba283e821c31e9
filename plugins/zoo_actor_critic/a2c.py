"""Advantage actor-critic: algorithm S3 of https://arxiv.org/abs/1602.01783, made synchronous.

The copies of the environment take the place of the paper's threads: all take t_max steps with
the same policy, and one gradient is made of all their steps. As in the paper, the optimiser is
RMSprop; the networks are separate, as in Stable-Baselines3, whose tuned hyperparameters then
carry over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue
from zoo_torch.actor_critic import Slopes
from zoo_torch.advantages import generalized_advantages, normalized
from zoo_torch.configuration import OnPolicyConfig
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import Optimizer, RMSprop
from zoo_torch.rollout import Rollout

STEPS_PER_PROGRESS = 64
"""Least steps of each copy between yields: rollouts are short, and the host takes its time."""


class A2CConfig(OnPolicyConfig):
    """Advantage actor-critic."""

    learning_rate: ScheduleValue = Field(
        Schedule.parse(7e-4), description="Step size of the optimiser."
    )
    n_steps: int = Field(
        5, ge=1, description="Steps of each copy of the environment between updates."
    )
    gae_lambda: float = Field(
        1.0, ge=0, le=1, description="Weight of longer returns in the advantage: 0 for one step."
    )
    use_rms_prop: bool = Field(True, description="Use RMSprop; false: Adam.")
    rms_prop_eps: float = Field(1e-5, gt=0, description="RMSprop's epsilon.")
    rms_prop_tf_like: bool = Field(
        False, description="RMSprop as TensorFlow has it, with which A2C was tuned for Atari."
    )
    normalize_advantage: bool = Field(
        False, description="Give the advantages of each update mean 0 and deviation 1."
    )


class Outcomes(NamedTuple):
    """What the loss is made of: the n steps of a rollout and what they came to."""

    actions: np.ndarray
    advantages: np.ndarray
    """(n,): R - V(s; theta_v) before the update, where R are the returns"""
    returns: np.ndarray


class A2C(OnPolicyAlgorithm):
    """Act for t_max steps, make one gradient of them, repeat."""

    Config = A2CConfig
    reads_images = True

    def make_optimizer(self) -> Optimizer:
        config: A2CConfig = self.config
        if config.use_rms_prop:
            return RMSprop(
                self.model.parameters, eps=config.rms_prop_eps, tf_like=config.rms_prop_tf_like
            )
        return self.adam(eps=1e-5)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        with self.experience(env) as collector:
            while self.steps < steps:
                until = min(self.steps + STEPS_PER_PROGRESS * env.num_envs, steps)
                while self.steps < until:
                    rollout = collector.collect(self.rng, self.steps)
                    self.count(collector)
                    rate = self.config.learning_rate(max(1 - self.steps / steps, 0.0))
                    outcomes = self._learn(rollout, rate)
                yield self.progress(
                    {"train/learning_rate": rate, **self._measure(rollout, outcomes)}
                )

    @np.errstate(all="ignore")
    def _learn(self, rollout: Rollout, rate: float) -> Outcomes:
        outcomes = self._outcomes(rollout)
        pi, V = self.model.evaluate(rollout.rows)
        self.model.backward(pi, outcomes.actions, a2c_slopes(V, outcomes, self.config))
        self.descend(rate)
        return outcomes

    def _outcomes(self, rollout: Rollout) -> Outcomes:
        advantages = generalized_advantages(
            rollout.rewards, rollout.values, rollout.last_values, rollout.dones,
            gamma=self.config.gamma, lambda_=self.config.gae_lambda,
        )  # fmt: skip
        returns = advantages + rollout.values
        return Outcomes(rollout.actions, advantages.ravel(), returns.ravel())

    @np.errstate(all="ignore")
    def _measure(self, rollout: Rollout, outcomes: Outcomes) -> dict[str, float]:
        """Return how things stand after the last update."""
        pi, V = self.model.assess(rollout.rows)
        return {
            "train/value_loss": float(np.square(V - outcomes.returns).mean()),
            "train/entropy": float(pi.entropy().mean()),
        }


def a2c_slopes(V: np.ndarray, outcomes: Outcomes, config: A2CConfig) -> Slopes:
    """Return the derivatives of the loss whose gradients are d_theta and d_theta_v of the paper's
    algorithm S3, with the entropy H of its section 4; means over n steps in place of its sums:

        L = mean(c_v (R - V)^2 - A log pi(a|s) - beta H)
    """
    n, A = len(V), outcomes.advantages
    if config.normalize_advantage:
        A = normalized(A)
    return Slopes(
        log_prob=A * np.float32(-1 / n),
        values=(V - outcomes.returns) * np.float32(2 * config.vf_coef / n),
        entropy=-config.ent_coef / n,
    )

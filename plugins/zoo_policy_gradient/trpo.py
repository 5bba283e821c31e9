"""Trust region policy optimisation: https://arxiv.org/abs/1502.05477.

The practical algorithm of the paper's section 6, single path, with its names: L the surrogate
objective, delta the bound of the mean divergence, A the Fisher matrix of appendix C, here F. What
the paper leaves open is as in Stable-Baselines3's contributions, whose tuned hyperparameters then
carry over: generalised advantages, normalised over the rollout, and a value function that Adam
fits to the returns in minibatches. But of images each has an encoder of its own: where they share
one, as they do there, the value function's steps move the policy, and nothing bounds by how much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue
from zoo_policy_gradient.samples import Samples, explained_variance, samples_of
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.advantages import normalized
from zoo_torch.configuration import RolloutConfig
from zoo_torch.encoders import Encoder
from zoo_torch.natural_gradient import conjugate_gradient, fisher_product
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import Adam
from zoo_torch.rollout import Shuffle


class TRPOConfig(RolloutConfig):
    """Trust region policy optimisation."""

    learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-3), description="Step size of Adam, for the value function."
    )
    gae_lambda: float = Field(
        0.95, ge=0, le=1, description="Weight of longer returns in the advantage: 0 for one step."
    )
    target_kl: float = Field(
        0.01, gt=0, description="How far an update may move the policy: the mean divergence."
    )
    cg_max_steps: int = Field(15, ge=1, description="Most steps of the conjugate gradient.")
    cg_damping: float = Field(0.1, ge=0, description="Added to the diagonal of the Fisher matrix.")
    line_search_shrinking_factor: float = Field(
        0.8, gt=0, lt=1, description="By what a step is shortened that goes wrong."
    )
    line_search_max_iter: int = Field(
        10, ge=1, description="Steps that are tried before the policy is left as it is."
    )
    normalize_advantage: bool = Field(
        True, description="Give the advantages of each rollout mean 0 and deviation 1."
    )
    sub_sampling_factor: int = Field(
        1, ge=1, description="Improve the policy by every n-th sample only; 1: by all."
    )
    batch_size: int = Field(
        128, ge=1, description="Samples in a minibatch, for the value function."
    )
    n_critic_updates: int = Field(
        10, ge=0, description="Passes of the value function over the samples in each update."
    )


class TRPO(OnPolicyAlgorithm):
    """Run the policy, improve it within the trust region, fit the value function, repeat."""

    Config = TRPOConfig
    reads_images = True

    def make_optimizer(self) -> Adam:
        return self.adam(eps=1e-5)  # of the value function alone

    def make_value_encoder(self) -> Encoder | None:
        return self.make_encoder()

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: TRPOConfig = self.config
        shuffle: Shuffle | None = None
        with self.experience(env) as collector:
            while self.steps < steps:
                rollout = collector.collect(self.rng, self.steps)
                self.count(collector)
                pi = self.model.behaviour(rollout.rows, rollout.outputs)
                samples = samples_of(rollout, pi, config.gamma, config.gae_lambda)
                moved = self._improve(samples)
                lessons = {name: samples[name] for name in ("rows", "returns")}
                shuffle = shuffle or Shuffle(lessons, config.batch_size)
                rate = config.learning_rate(max(1 - self.steps / steps, 0.0))
                self._fit(lessons, shuffle, rate)
                yield self.progress(
                    {"train/learning_rate": rate, **self._measure(samples), **moved}
                )

    @np.errstate(all="ignore")
    def _improve(self, samples: Samples) -> dict[str, float]:
        """Take a step of the policy within the trust region; return what came of it."""
        config: TRPOConfig = self.config
        problem = Surrogate(self.model, samples, config)
        g = problem.g
        self.check_norm(math.sqrt(float(np.dot(g, g))))
        s = conjugate_gradient(problem.fisher, g, steps=config.cg_max_steps)
        # the longest step for which the divergence, s F s / 2 to second order, is at most delta
        curvature = float(np.dot(s, problem.fisher(s)))
        if not curvature > 0:  # all advantages are alike
            return {"train/kl": 0.0, "train/line_search": 0.0, "train/entropy": problem.entropy()}
        beta = math.sqrt(2 * config.target_kl / curvature)
        kl, tries = self._line_search(problem, np.float32(beta) * s)
        return {"train/kl": kl, "train/line_search": tries, "train/entropy": problem.entropy()}

    def _line_search(self, problem: Surrogate, step: np.ndarray) -> tuple[float, float]:
        """Take the longest of shorter and shorter steps that improves L and stays within delta,
        or none; return the divergence, and how many were tried or 0."""
        config: TRPOConfig = self.config
        theta = self.model.parameters
        theta_old = theta.copy()
        L_old, _ = problem.measure()  # mean(A), but for what is rounded in each L alike
        for tries in range(config.line_search_max_iter):
            shrunk = config.line_search_shrinking_factor**tries
            theta[:] = theta_old + np.float32(shrunk) * step
            L, kl = problem.measure()
            if L_old < L and kl < config.target_kl:
                return kl, tries + 1.0
        theta[:] = theta_old
        return 0.0, 0.0

    @np.errstate(all="ignore")
    def _fit(self, samples: Samples, shuffle: Shuffle, rate: float) -> None:
        """Fit the value function to the returns, by the loss mean((V - R)^2)."""
        config: TRPOConfig = self.config
        for _ in range(config.n_critic_updates):
            for batch in shuffle.epoch(samples, self.rng):
                error = self.model.values(batch["rows"]) - batch["returns"]
                self.model.backward_value(error * np.float32(2 / len(error)))
                self.descend(rate)

    @np.errstate(all="ignore")
    def _measure(self, samples: Samples) -> dict[str, float]:
        """Return what the value function is worth after an update, and was before it."""
        V = self.model.values(samples["rows"])
        return {
            "train/value_loss": float(np.square(V - samples["returns"]).mean()),
            "train/explained_variance": explained_variance(samples),
        }


class Surrogate:
    """What an update of the policy maximises, and what it costs, as eq. 14 has it:

    L = mean(r A), r = pi(a|s) / pi_old(a|s), subject to mean KL(pi_old, pi) <= delta

    `g` is the gradient of L by the parameters at the old policy, where r = 1 and so
    d L / d log pi = A / n.
    """

    def __init__(self, model: ActorCritic, samples: Samples, config: TRPOConfig) -> None:
        """Take the model's policy as the old one."""
        every = slice(None, None, config.sub_sampling_factor)
        self.model, self.damping = model, config.cg_damping
        self.rows = np.ascontiguousarray(samples["rows"][every])
        self.actions, self.A = samples["actions"][every], samples["advantages"][every]
        if config.normalize_advantage:
            self.A = normalized(self.A)
        pi = model.distributions(self.rows)
        self.old = model.family.of(pi.outputs.copy(), model.log_std.copy())
        self._old_log_prob = self.old.log_prob(self.actions)
        model.backward_log_prob(pi, self.actions, self.A * np.float32(1 / len(self.A)))
        self.g = model.gradient.copy()

    def fisher(self, v: np.ndarray) -> np.ndarray:
        """Return F v, damped, at the old policy, before anything else is asked of the model."""
        return fisher_product(self.model, self.old, len(self.rows), v, self.damping)

    def measure(self) -> tuple[float, float]:
        """Return L and the mean divergence at the model's present policy."""
        pi = self.model.distributions(self.rows)
        with np.errstate(all="ignore"):  # where a step was too long, both may be anything
            r = np.exp(pi.log_prob(self.actions) - self._old_log_prob)
            return float((r * self.A).mean()), float(pi.kl_from(self.old).mean())

    def entropy(self) -> float:
        """Return the mean entropy of the model's present policy."""
        return float(self.model.distributions(self.rows).entropy().mean())

"""One-step actor-critic, and actor-critic with eligibility traces: Sutton & Barto (2018,
http://incompleteideas.net/book/the-book-2nd.html), section 13.5, both boxes of page 332.

The TD error delta is the advantage, and each step is learnt from as soon as it is done. Symbols
are the book's: theta and w the parameters of policy and value function, z their traces, I the
discount gamma^t since the episode began. With several copies of the environment each has traces
and an I of its own, and theirs is one update: the mean of what the book would do in each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue, State
from zoo_torch.configuration import PolicyConfig
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import SGD, Adam, Optimizer
from zoo_torch.rollout import Rollout

STEPS_PER_PROGRESS = 64
"""Steps of each copy between yields."""


class TDActorCriticConfig(PolicyConfig):
    """One-step actor-critic."""

    learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-4), description="Step size alpha^theta of the policy."
    )
    vf_learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-3), description="Step size alpha^w of the value function."
    )
    optimizer: Literal["adam", "sgd"] = Field(
        "adam", description="How steps are taken; sgd: plainly, as the book takes them."
    )
    trace_decay: float = Field(
        0.0, ge=0, le=1, description="lambda^theta of the policy's traces; 0 for one step."
    )
    vf_trace_decay: float = Field(
        0.0, ge=0, le=1, description="lambda^w of the value function's traces; 0 for one step."
    )
    discount_steps: bool = Field(
        False,
        description="Weigh step t of an episode by I = gamma^t, as the book's boxes do; few "
        "others do.",
    )

    @property
    def traces(self) -> bool:
        """Whether anything is remembered of earlier steps."""
        return self.trace_decay > 0 or self.vf_trace_decay > 0


class TDActorCritic(OnPolicyAlgorithm):
    """Take a step, learn from it, repeat."""

    Config = TDActorCriticConfig

    def __init__(self, config: TDActorCriticConfig, *spaces: Any, **settings: Any) -> None:
        super().__init__(config, *spaces, **settings)
        self.I = np.ones(0, np.float32)
        """(n,): gamma^t of each copy's episode"""
        self.z_theta = self.z_w = np.zeros((0, len(self.model.parameters)), np.float32)
        """(n, parameters): each copy's traces; without traces there are none"""

    def make_optimizer(self) -> Optimizer:
        parameters = self.model.parameters
        return SGD(parameters) if self.config.optimizer == "sgd" else Adam(parameters, eps=1e-5)

    def make_value_optimizer(self) -> Optimizer:
        return self.make_optimizer()

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        config: TDActorCriticConfig = self.config
        with self.experience(env, n_steps=1) as collector:
            self._begin(collector.resumed)
            while self.steps < steps:
                until = min(self.steps + STEPS_PER_PROGRESS * env.num_envs, steps)
                while self.steps < until:
                    step = collector.collect(self.rng, self.steps)
                    self.count(collector)
                    remaining = max(1 - self.steps / steps, 0.0)
                    rate = config.learning_rate(remaining)
                    delta = td_errors(step, config.gamma)
                    self._learn(step, delta, rate, config.vf_learning_rate(remaining))
                yield self.progress({"train/learning_rate": rate, **self._measure(step, delta)})

    @np.errstate(all="ignore")
    def _measure(self, step: Rollout, delta: np.ndarray) -> dict[str, float]:
        pi, _ = self.model.assess(step.rows)
        return {
            "train/td_error": float(np.abs(delta).mean()),
            "train/entropy": float(pi.entropy().mean()),
        }

    def _begin(self, resumed: np.ndarray) -> None:
        """Start from I = 1 and z = 0 in the copies (n,) that do not go on with an episode."""
        if len(self.I) != len(resumed):
            self.I = np.ones(len(resumed), np.float32)
            rows = len(resumed) if self.config.traces else 0
            self.z_theta, self.z_w = np.zeros((2, rows, len(self.model.parameters)), np.float32)
        self._end(~resumed)

    def _end(self, dones: np.ndarray) -> None:
        """Forget the episodes of the copies (n,) in which they ended."""
        self.I[dones] = 1.0
        if self.config.traces:
            self.z_theta[dones] = self.z_w[dones] = 0.0

    @np.errstate(all="ignore")
    def _learn(self, step: Rollout, delta: np.ndarray, rate: float, vf_rate: float) -> None:
        """w += alpha^w delta z^w and theta += alpha^theta delta z^theta, in the mean over copies;
        without traces z^w is grad v(S, w) and z^theta is I grad log pi(A|S, theta)."""
        weights = delta / np.float32(-len(delta))  # descend minimises
        if self.config.traces:
            self._extend(step)
            np.dot(weights, self.z_w, out=self.model.gradient)
            self.descend(vf_rate, self.value_optimizer)
            np.dot(weights, self.z_theta, out=self.model.gradient)
            self.descend(rate)
        else:
            self._by_value(step.rows, weights)
            self.descend(vf_rate, self.value_optimizer)
            self._by_policy(step.rows, step.actions, self.I * weights)
            self.descend(rate)
        if self.config.discount_steps:
            self.I *= np.float32(self.config.gamma)
        self._end(step.dones[0])

    def _extend(self, step: Rollout) -> None:
        """z^w <- gamma lambda^w z^w + grad v, z^theta <- gamma lambda^theta z^theta + I grad log
        pi, copy by copy."""
        config: TDActorCriticConfig = self.config
        self.z_w *= np.float32(config.gamma * config.vf_trace_decay)
        self.z_theta *= np.float32(config.gamma * config.trace_decay)
        for i in range(len(self.I)):
            row, one = step.rows[i : i + 1], slice(i, i + 1)
            self._by_value(row, np.ones(1, np.float32))
            self.z_w[i] += self.model.gradient
            self._by_policy(row, step.actions[one], self.I[one])
            self.z_theta[i] += self.model.gradient

    def _by_value(self, rows: np.ndarray, weights: np.ndarray) -> None:
        """Write the gradient of sum(weights * v(S, w)) over n rows."""
        self.model.values(rows)
        self.model.backward_value(weights)

    def _by_policy(self, rows: np.ndarray, actions: np.ndarray, weights: np.ndarray) -> None:
        """Write the gradient of sum(weights * log pi(A|S, theta)) over n rows."""
        pi = self.model.distributions(rows)
        self.model.backward_policy(*pi.gradient(actions, weights, 0.0))

    def state(self) -> State:
        traces = {"I": self.I.copy(), "z_theta": self.z_theta.copy(), "z_w": self.z_w.copy()}
        return super().state() | traces

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.I, self.z_theta, self.z_w = (np.array(state[name]) for name in ("I", "z_theta", "z_w"))


@np.errstate(all="ignore")
def td_errors(step: Rollout, gamma: float) -> np.ndarray:
    """Return delta = R + gamma v(S', w) - v(S, w) (n,) of one step of n copies, where v(S') is 0
    at the end of an episode; what a truncated one was still worth is in its R already."""
    next_values = np.where(step.dones[0], np.float32(0), step.last_values)
    return step.rewards[0] + np.float32(gamma) * next_values - step.values[0]

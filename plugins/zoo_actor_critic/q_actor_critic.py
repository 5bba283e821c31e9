"""Actor-critic with action values: the policy gradient theorem as it stands, with a critic that
estimates Q(s, a).

Sutton et al. (2000), https://papers.nips.cc/paper/1713, theorem 1: the gradient of the return is
E[grad log pi(a|s) Q(s, a)]. The loop is `QAC` of David Silver's lecture 7
(https://davidstarsilver.wordpress.com/teaching/): the critic learns by SARSA, at every step.

Q(s, a) says how good the state is as well as the action, and of the two only the second matters:
where rewards are positive every action that is taken becomes likelier, and the right one wins
only because it is pushed harder. With `baseline` the value of the state, sum_a pi(a|s) Q(s, a), is
subtracted, which leaves the mean of the gradient as it is and takes most of its variance away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from gymnasium import spaces
from pydantic import Field

from zoo import Progress, Schedule, ScheduleValue, State, ZooError
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.configuration import PolicyConfig
from zoo_torch.distributions import Categorical
from zoo_torch.families import Family
from zoo_torch.on_policy import OnPolicyAlgorithm
from zoo_torch.optimizers import SGD, Adam, Optimizer

STEPS_PER_PROGRESS = 64
"""Steps of each copy between yields."""


class QActorCriticConfig(PolicyConfig):
    """Actor-critic with action values."""

    learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-4), description="Step size alpha of the policy."
    )
    vf_learning_rate: ScheduleValue = Field(
        Schedule.parse(1e-3), description="Step size beta of the critic."
    )
    optimizer: Literal["adam", "sgd"] = Field(
        "adam", description="How steps are taken; sgd: plainly, as the lecture takes them."
    )
    target: Literal["sarsa", "expected"] = Field(
        "sarsa",
        description="What follows a step, for the critic: Q of the next action, or the mean of Q "
        "over what the policy might do next.",
    )
    baseline: bool = Field(
        False,
        description="Subtract the state's value, sum_a pi Q, from Q: the same gradient on "
        "average, with less variance.",
    )


class Transitions(NamedTuple):
    """One step of n copies, which waits for the next action."""

    rows: np.ndarray
    """(n, inputs): s"""
    actions: np.ndarray
    """(n,): a"""
    rewards: np.ndarray
    """(n,): r, with the discounted value of its end where an episode was truncated"""
    dones: np.ndarray
    """(n,): whether the step ended an episode"""


class PolicyAndActionValues(ActorCritic):
    """A policy, and a critic with one output for each action."""

    def __init__(self, inputs: int, family: Family, **settings: Any) -> None:
        super().__init__(inputs, family, values=family.outputs, **settings)

    def action_values(self, rows: np.ndarray) -> np.ndarray:
        """Return Q(s, .) (n, actions), overwritten by the next pass over as many rows."""
        return self.value.forward(rows)

    def values(self, rows: np.ndarray) -> np.ndarray:
        """Return V(s) = sum_a pi(a|s) Q(s, a) (n,)."""
        pi = self.distributions(rows)
        assert isinstance(pi, Categorical)
        return (pi.p * self.action_values(rows)).sum(1)

    def backward_action_values(self, by_values: np.ndarray) -> None:
        """Write the gradient of a scalar, given its gradient (n, actions) by Q."""
        self.gradient[:] = 0
        with np.errstate(all="ignore"):  # a gradient that is not finite is for others to refuse
            self.value.backward(by_values)


class QActorCritic(OnPolicyAlgorithm):
    """Take a step, choose the next action, learn from both, repeat."""

    Config = QActorCriticConfig
    networks = PolicyAndActionValues
    model: PolicyAndActionValues

    def __init__(
        self, config: QActorCriticConfig, observation_space: Any, action_space: Any, **settings: Any
    ) -> None:
        """Refuse, by a `ZooError`, actions other than Discrete."""
        if not isinstance(action_space, spaces.Discrete):
            raise ZooError(
                f"a critic with one output for each action needs Discrete actions, not "
                f"{action_space}",
                "td-actor-critic and a2c take others",
            )
        super().__init__(config, observation_space, action_space, **settings)
        self.last: Transitions | None = None

    def make_optimizer(self) -> Optimizer:
        parameters = self.model.parameters
        return SGD(parameters) if self.config.optimizer == "sgd" else Adam(parameters, eps=1e-5)

    def make_value_optimizer(self) -> Optimizer:
        return self.make_optimizer()

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        with self.experience(env, n_steps=1) as collector:
            if not collector.resumed.all():
                self.last = None
            while self.steps < steps:
                metrics: dict[str, float] = {}
                until = min(self.steps + STEPS_PER_PROGRESS * env.num_envs, steps)
                while self.steps < until:
                    step = collector.collect(self.rng, self.steps)
                    self.count(collector)
                    if self.last is not None:
                        metrics = self._learn(self.last, step.rows, step.actions, steps)
                    self.last = Transitions(
                        step.rows.copy(), step.actions.copy(), step.rewards[0].copy(),
                        step.dones[0].copy(),
                    )  # fmt: skip
                yield self.progress(metrics)

    @np.errstate(all="ignore")
    def _learn(
        self, last: Transitions, next_rows: np.ndarray, next_actions: np.ndarray, steps: int
    ) -> dict[str, float]:
        """delta = r + gamma Q(s', a') - Q(s, a);    theta += alpha grad log pi(a|s) Q(s, a);
        w += beta delta grad Q(s, a);    in the mean over n copies."""
        config: QActorCriticConfig = self.config
        remaining = max(1 - self.steps / steps, 0.0)
        n, chosen = len(last.actions), (np.arange(len(last.actions)), last.actions)
        if config.target == "sarsa":
            following = self.model.action_values(next_rows)[chosen[0], next_actions]
        else:
            following = self.model.values(next_rows)
        y = last.rewards + np.float32(config.gamma) * np.where(last.dones, np.float32(0), following)
        pi = self.model.distributions(last.rows)
        assert isinstance(pi, Categorical)
        Q = self.model.action_values(last.rows)
        delta = y - Q[chosen]
        worth = Q[chosen] - (pi.p * Q).sum(1) if config.baseline else Q[chosen]
        slopes = np.zeros_like(Q)
        slopes[chosen] = delta / np.float32(-n)
        self.model.backward_action_values(slopes)
        self.descend(config.vf_learning_rate(remaining), self.value_optimizer)
        rate = config.learning_rate(remaining)
        self.model.backward_policy(*pi.gradient(last.actions, worth / np.float32(-n), 0.0))
        self.descend(rate)
        return {
            "train/learning_rate": rate,
            "train/td_error": float(np.abs(delta).mean()),
            "train/entropy": float(pi.entropy().mean()),
        }

    def state(self) -> State:
        last = None if self.last is None else [array.copy() for array in self.last]
        return super().state() | {"last": last}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        last = state["last"]
        self.last = None if last is None else Transitions(*map(np.array, last))

"""Modified policy iteration (Puterman & Shin 1978): between value and policy iteration.

Sutton & Barto (2018), section 4.4, page 83, and section 4.6: evaluation that is cut short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from zoo import Progress, State, TransitionModel
from zoo_tabular.planning.backup import action_values, under_actions, update
from zoo_tabular.planning.base import Planner, PlanningConfig


class ModifiedPolicyIterationConfig(PlanningConfig):
    evaluation_sweeps: int = Field(
        10,
        ge=0,
        description="Sweeps that evaluate a policy before it is improved; with 0 this is value "
        "iteration.",
    )


class ModifiedPolicyIteration(Planner):
    """Improve the policy by one sweep over all actions, evaluate it by a few sweeps over its own.

    The latter read only the outcomes of one action, so they are cheaper by a factor of
    n_actions. The residual is that of the improving sweep.
    """

    Config = ModifiedPolicyIterationConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pi = np.zeros(self.n_states, np.int64)
        self.left = 0  # sweeps of evaluation until the next improvement
        self.residual = math.inf

    def train(self, env: TransitionModel, steps: int) -> Iterator[Progress]:
        process, gamma = self.begin(env), self.config.gamma
        evaluated = under_actions(process, self.pi)
        while self.steps < steps:
            improves = self.left == 0
            if improves:
                q = action_values(process, self.v, gamma)
                self.pi = q.argmax(axis=1)
                self.residual = float(np.abs(q.max(axis=1) - self.v).max())
                self.v = q.max(axis=1)
                self.left = self.config.evaluation_sweeps
                if self.left:
                    evaluated = under_actions(process, self.pi)
            else:
                self.v, _ = update(evaluated, self.v, gamma)
                self.left -= 1
            self.steps += 1
            yield self.progress(env, self.residual)
            if improves and self.has_converged(self.residual):
                return

    def state(self) -> State:
        mine = {"pi": self.pi.copy(), "left": self.left, "residual": float(self.residual)}
        return super().state() | mine

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.pi, self.left = np.array(state["pi"]), state["left"]
        self.residual = state["residual"]

"""Policy iteration: Sutton & Barto (2018), section 4.3, box on page 80."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from zoo import Progress, State, TransitionModel
from zoo_tabular.planning.backup import (
    Process,
    action_values,
    under_actions,
    under_policy,
    update,
)
from zoo_tabular.planning.base import Planner, PlanningConfig
from zoo_tabular.planning.solve import solve, without_idle_states

UNIFORM = -1
"""Stands for the action of a policy that has not been improved yet: all are equally likely."""


SOLVED = 1e-11
"""How far, against the largest value, a linear solve may be off."""


class PolicyIterationConfig(PlanningConfig):
    method: Literal["iterative", "linear"] = Field(
        "linear",
        description="How policies are evaluated: by sweeps, as in the book, or a linear solve.",
    )


class PolicyIteration(Planner):
    """Evaluate the policy, make it greedy, and so on until it is stable; it is then optimal.

    It begins with the uniform policy, under which every episode ends that can end. A step is a
    sweep of the evaluation, or a whole evaluation by linear solve.
    """

    Config = PolicyIterationConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pi = np.full(self.n_states, UNIFORM)

    def train(self, env: TransitionModel, steps: int) -> Iterator[Progress]:
        process, gamma = self.begin(env), self.config.gamma
        evaluated = self._under_policy(process)
        while self.steps < steps:
            # 2. policy evaluation
            if self.config.method == "linear":
                self.v = solve(evaluated, gamma)
            self.v, delta = update(evaluated, self.v, gamma)
            stable = False
            if self.has_converged(delta) or self.config.method == "linear":
                # 3. policy improvement
                q = action_values(process, self.v, gamma)
                improved = self._improve(q)
                stable = bool((improved == self.pi).all())
                delta = float(np.abs(q.max(axis=1) - self.v).max())
                self.pi, self.least, self.stalled = improved, math.inf, 0
                evaluated = self._under_policy(process)
            self.steps += 1
            yield self.progress(env, delta)
            if stable:
                return

    def _under_policy(self, process: Process) -> Process:
        if (self.pi == UNIFORM).any():
            shape = self.n_states, self.n_actions
            chain = under_policy(process, np.full(shape, 1 / self.n_actions))
        else:
            chain = under_actions(process, self.pi)
        return without_idle_states(chain) if self.config.gamma == 1 else chain

    def _improve(self, q: np.ndarray) -> np.ndarray:
        """Return the best action (n_states,) of each row of `q`, but keep that of `pi` where it
        is as good as the best, up to what the evaluation leaves uncertain.

        Without that, two equally good policies may follow each other forever (exercise 4.4).
        """
        best, rows = q.argmax(axis=1), np.arange(len(q))
        margin = self.config.theta + SOLVED * float(np.abs(q).max())
        better = (self.pi == UNIFORM) | (q[rows, best] > q[rows, self.pi] + margin)
        return np.where(better, best, self.pi)

    def state(self) -> State:
        return super().state() | {"pi": self.pi.copy()}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.pi = np.array(state["pi"])

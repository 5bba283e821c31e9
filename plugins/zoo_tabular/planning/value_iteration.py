"""Value iteration: Sutton & Barto (2018), section 4.4, box on page 83, and section 8.4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from zoo import Progress, State, TransitionModel
from zoo_tabular.planning.backup import update, update_in_place
from zoo_tabular.planning.base import Planner, PlanningConfig
from zoo_tabular.planning.prioritized import Priorities


class ValueIterationConfig(PlanningConfig):
    sweep: Literal["synchronous", "gauss-seidel", "prioritized"] = Field(
        "synchronous",
        description="All states from the old values; one after the other in place; or those "
        "first whose value is most out of date (a sweep is then as many updates as states).",
    )


class ValueIteration(Planner):
    """v(s) <- max over a of (sum over s', r) p(s', r | s, a) (r + gamma v(s')), equation 4.10.

    `synchronous` is the equation as it stands, `gauss-seidel` the box on page 83, in place, and
    `prioritized` prioritized sweeping (page 170), with expected updates of state values.
    """

    Config = ValueIterationConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.priorities: np.ndarray | None = None

    def train(self, env: TransitionModel, steps: int) -> Iterator[Progress]:
        process, gamma, theta = self.begin(env), self.config.gamma, self.config.theta
        prioritized = self.config.sweep == "prioritized"
        queue = Priorities(process, self.v, gamma, self.priorities) if prioritized else None
        first = True
        while self.steps < steps:
            if queue is not None:
                delta = queue.sweep(self.v, gamma, theta, first=first)
                self.priorities = queue.priorities
            elif self.config.sweep == "gauss-seidel":
                delta = update_in_place(process, self.v, gamma, first=first)
            else:
                self.v, delta = update(process, self.v, gamma)
            first = False
            self.steps += 1
            yield self.progress(env, delta)
            if self.has_converged(delta):
                return

    def state(self) -> State:
        queue = None if self.priorities is None else self.priorities.copy()
        return super().state() | {"priorities": queue}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        queue = state["priorities"]
        self.priorities = None if queue is None else np.array(queue)

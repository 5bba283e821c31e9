"""Dynamic programming over a finite horizon: Bellman (1957); Puterman (1994), section 4.5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from zoo import Config, Progress, State, TransitionModel, ZooError
from zoo_tabular.planning.backup import action_values, process_of, update
from zoo_tabular.planning.base import Planner


class FiniteHorizonConfig(Config):
    gamma: float = Field(1.0, ge=0, le=1, description="Discount factor.")
    horizon: int | None = Field(
        None,
        ge=1,
        description="Steps to plan for; by default the time limit of the environment's episodes.",
    )


class FiniteHorizon(Planner):
    """v_k(s) = max over a of (sum over s', r) p(s', r | s, a) (r + gamma v_{k-1}(s')), v_0 = 0.

    v_k is the most that k steps can bring, exactly, the time limit included; a step of training
    is one stage, and training ends when k is the horizon. The best action depends on the steps
    that are left, but a table agent has no clock: this one acts at all times as is best with the
    whole horizon ahead.
    """

    Config: ClassVar[type[Config]] = FiniteHorizonConfig

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = self.v  # with one step less to go

    def check(self, env: Any) -> None:
        """Refuse, by a `ZooError`, a model without a horizon; any discount will do for one."""
        self.horizon(env)

    def horizon(self, model: TransitionModel) -> int:
        """Return how many steps are planned ahead."""
        horizon = self.config.horizon or model.time_limit
        if horizon is None:
            raise ZooError(
                "the environment's episodes have no time limit, so there is no horizon",
                "Choose one: --set horizon=100",
            )
        return horizon

    def train(self, env: TransitionModel, steps: int) -> Iterator[Progress]:
        horizon = self.horizon(env)
        if self.steps >= horizon:
            yield self.progress(env, 0.0)
        process = self._process = process_of(env)
        while self.steps < min(steps, horizon):
            self.before = self.v
            self.v, residual = update(process, self.before, self.config.gamma)
            self.steps += 1
            yield self.progress(env, residual)

    def action_values(self) -> np.ndarray:
        """Return q_k (n_states, n_actions), of the stage that the values v_k belong to."""
        if self._process is None or not self.steps:
            return self._table()
        return action_values(self._process, self.before, self.config.gamma)

    def state(self) -> State:
        return super().state() | {"before": self.before.copy()}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.before = np.array(state["before"])

"""What all planners share: their tables, the agent that they leave, exact resume, refusals."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import Agent, Config, Progress, State, TransitionModel, ZooError
from zoo.agents.table import StateIndex, TableAgent
from zoo_tabular.base import NumPyAlgorithm
from zoo_tabular.learning import check_discount, check_memory
from zoo_tabular.planning.backup import Process, action_values, process_of
from zoo_tabular.planning.solve import endless, refuse_endless_rewards

BYTES_PER_PAIR = 120
"""About what a pair of state and action takes in a model, with five outcomes, and in tables."""
PATIENCE = 1_000
"""Sweeps, and ten for each state, without progress after which undiscounted values are taken to
grow without end."""


ROUNDING = 4 * np.finfo(np.float64).eps


class PlanningConfig(Config):
    """What all planners have."""

    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    theta: float = Field(
        1e-10,
        ge=0,
        description="Accuracy: planning ends where a sweep changes no value by this much.",
    )


class Planner(NumPyAlgorithm):
    """Plans on a known model; one step is one sweep over all states.

    A subclass gives `train`. Its agent acts greedily on q(s, a), one look ahead of the state
    values `v`; the time limit of episodes does not enter, since a state does not tell the time.
    """

    Config: ClassVar[type[Config]] = PlanningConfig

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces that a table has no rows for or not enough memory."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        if not (hasattr(action_space, "n") and hasattr(action_space, "start")):
            raise ZooError(
                f"a table has no columns for {action_space}", "It needs Discrete actions"
            )
        self.n_states, self.n_actions = StateIndex(observation_space).count, int(action_space.n)
        check_memory(self.n_states, self.n_actions, BYTES_PER_PAIR)
        self.v = np.zeros(self.n_states)
        self.steps = 0
        self.least, self.stalled = math.inf, 0  # smallest residual, and sweeps since
        self._process: Process | None = None
        self._q: np.ndarray | None = None  # loaded, until the model is known again

    def check(self, env: Any) -> None:
        """Refuse, by a `ZooError`, a model whose values cannot be finite."""
        check_discount(env, self.config.gamma)
        if self.config.gamma == 1:
            process = process_of(env)
            refuse_endless_rewards(process, endless(process))

    def begin(self, model: TransitionModel) -> Process:
        """Return the process to plan on."""
        self._q = None
        self._process = process_of(model)
        return self._process

    def progress(self, model: TransitionModel, residual: float) -> Progress:
        """Return what to report of a sweep: the Bellman residual, and the value of first states."""
        start = float(model.initial @ self.v)
        return Progress(self.steps, 0, {"train/residual": residual, "train/start_value": start})

    def has_converged(self, residual: float) -> bool:
        """Whether a sweep changed the values by no more than theta, or than rounding does.

        Raises `ZooError` where undiscounted values have long changed as much as ever.
        """
        self.stalled = 0 if residual < self.least else self.stalled + 1
        self.least = min(residual, self.least)
        if self.config.gamma == 1 and self.stalled > PATIENCE + 10 * self.n_states:
            raise ZooError(
                f"the values do not converge: each of the last {self.stalled:,} sweeps changed "
                f"them by {self.least:.3g} or more",
                "Choose a gamma below 1, such as --set gamma=0.99",
            )
        return residual <= max(self.config.theta, ROUNDING * float(np.abs(self.v).max()))

    def action_values(self) -> np.ndarray:
        """Return q (n_states, n_actions): rewards and the values one step ahead."""
        if self._process is None:
            return self._table()
        return action_values(self._process, self.v, self.config.gamma)

    def _table(self) -> np.ndarray:
        """Return the action values of a planner that has no model, before and between trainings."""
        return np.zeros((self.n_states, self.n_actions)) if self._q is None else self._q

    def agent(self) -> Agent:
        spaces = self.observation_space, self.action_space
        return TableAgent(*spaces, q=self.action_values(), v=self.v)

    def state(self) -> State:
        return {
            "v": self.v.copy(),
            "q": self.action_values().copy(),
            "steps": self.steps,
            "least": float(self.least),
            "stalled": self.stalled,
        }

    def load_state(self, state: State) -> None:
        self.v, self._q = np.array(state["v"]), np.array(state["q"])
        self._process = None
        self.steps, self.least, self.stalled = state["steps"], state["least"], state["stalled"]

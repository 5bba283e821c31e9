"""What all algorithms share that learn the values of a given policy."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from zoo import Agent, Config
from zoo.agents.table import TableAgent
from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import StepSize
from zoo_tabular.learning import TabularAlgorithm
from zoo_tabular.policies import MEANING, load_policy
from zoo_tabular.world import SimulatedWorld


class PredictionConfig(Config):
    """What all algorithms of this base have."""

    policy: str = Field("uniform", description=f"Whose values are learnt: {MEANING}.")
    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    alpha: float = Field(0.1, gt=0, le=1, description="Step size.")
    alpha_power: float = Field(
        0.0, ge=0, le=1, description="The step size is alpha / N(s)^alpha_power: 0 is constant."
    )
    initial_value: float = Field(0.0, description="All state values at first.")

    def step_size(self) -> StepSize:
        """Return the numbers that the function `step_size` reads."""
        return StepSize(float(self.alpha), float(self.alpha_power))


class Estimates(NamedTuple):
    """The tables: one column each for values and visits, as functions of action values expect."""

    v: np.ndarray
    """(n_states, 1) float64: estimates of the policy's state values"""
    visits: np.ndarray
    """(n_states, 1) int64: how often each was updated"""
    policy: np.ndarray
    """(n_states, n_actions) float64: pi(a|s)"""


class PredictionSettings(NamedTuple):
    """The numbers of a loop that needs no others."""

    gamma: float
    step_size: StepSize


class Prediction(TabularAlgorithm):
    """Acts by a given policy and learns its state values; the policy never changes.

    The table of policy probabilities is part of the saved state, so a training that is resumed
    goes on with the policy that it began with. A policy that does not fit is refused at once.
    """

    Config: ClassVar[type[Config]] = PredictionConfig

    def make_tables(self) -> Any:
        """Return the policy, and the values and visits of no experience."""
        return Estimates(*self.new_estimates(), self.load(self.config.policy))

    def new_estimates(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (n_states, 1) initial values and (n_states, 1) zeros, int64."""
        shape = (self.n_states, 1)
        return np.full(shape, float(self.config.initial_value)), np.zeros(shape, np.int64)

    def load(self, reference: str) -> np.ndarray:
        """Return the policy (n_states, n_actions) that `reference` means."""
        return load_policy(reference, self.observation_space, self.action_space)

    def make_settings(self) -> Any:
        """Return the numbers that the loop reads, a NamedTuple."""
        return PredictionSettings(float(self.config.gamma), self.config.step_size())

    def agent(self) -> Agent:
        """Return the given policy, with the state values learnt so far."""
        spaces = self.observation_space, self.action_space
        return TableAgent(*spaces, policy=self.tables.policy, v=self.tables.v[:, 0])

    def epsilon(self) -> None:
        """Return None: the given policy alone decides."""
        return None

    def metrics(self) -> dict[str, float]:
        """Add the value of first states, where their distribution is known."""
        found = super().metrics()
        if isinstance(self.world, SimulatedWorld):
            chances = np.diff(self.world.cumulative_starts, prepend=0.0)
            found["train/start_value"] = float(chances @ self.tables.v[self.world.starts, 0])
        return found


@compiled
def draw_action(policy: np.ndarray, s: int, rng: np.random.Generator) -> int:
    """Draw an action from pi(.|s); one of probability 0 never comes."""
    threshold, chosen = rng.random(), 0
    for a in range(policy.shape[1]):
        if policy[s, a] > 0.0:
            chosen = a
            threshold -= policy[s, a]
            if threshold < 0.0:
                break
    return chosen

"""What the algorithms share that know nothing of an arm but what it has paid."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from zoo import Agent, ZooError
from zoo.agents.table import StateIndex, TableAgent
from zoo_tabular.bandits.base import BanditAlgorithm
from zoo_tabular.environments.arguments import fits_into_memory


class ArmsAlgorithm(BanditAlgorithm):
    """Learns a row of numbers for each observation: a bandit of its own in each context.

    Plain bandits show one observation only, `Discrete(1)`, and so have one row.
    """

    def make_arrays(self) -> dict[str, np.ndarray]:
        """Return `pulls` and `values`, each (contexts, arms)."""
        self.index = StateIndex(self.observation_space)
        shape = (self.index.count, self.n_arms)
        fits_into_memory("what is learnt of this bandit", math.prod(shape) * 16)
        return {"pulls": np.zeros(shape, np.int64), "values": np.zeros(shape)}

    def contexts(self, observations: Any) -> list[int]:
        """Return the row of each observation."""
        return self.index(observations).tolist()

    @abstractmethod
    def choose(self, context: int) -> int:
        """Return the arm to pull in the row `context`."""

    def learn(self, context: int, arm: int, reward: float) -> None:
        """Move the mean of the arm's rewards: Sutton & Barto (2018), equation 2.3."""
        pulls, values = self.arrays["pulls"][context], self.arrays["values"][context]
        pulls[arm] += 1
        values[arm] += (reward - values[arm]) / pulls[arm]

    def action_values(self) -> np.ndarray:
        """Return the reward that is expected of each arm, (contexts, arms)."""
        return self.arrays["values"]

    def agent(self) -> Agent:
        """Return the agent that pulls the arm of the largest expected reward."""
        return TableAgent(self.observation_space, self.action_space, q=self.action_values())


def check_unit_interval(reward: float, what: str, instead: str) -> None:
    """Raise `ZooError` where a reward is not between 0 and 1."""
    if not 0 <= reward <= 1:
        raise ZooError(f"{what} rewards between 0 and 1, and got {reward:g}", instead)

"""The simple bandit algorithm of Sutton & Barto (2018), section 2.4, the box on page 32.

A <- argmax_a Q(a), or with probability epsilon an arm at random
Q(A) <- Q(A) + (R - Q(A)) / N(A)
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from zoo import Config
from zoo_tabular.bandits.arms import ArmsAlgorithm
from zoo_tabular.bandits.base import any_largest


class EpsilonGreedyConfig(Config):
    """The hyperparameters, by their names in the book."""

    epsilon: float = Field(0.1, ge=0, le=1, description="Probability of pulling any arm.")
    epsilon_power: float = Field(
        0.0,
        ge=0,
        le=1,
        description="At a context's pull t, epsilon is epsilon / t^epsilon_power: 0 is constant.",
    )
    alpha: float | None = Field(
        None, gt=0, le=1, description="Constant step size (section 2.5); by default 1 / N(A)."
    )
    initial_value: float = Field(
        0.0, description="All Q at first; optimistic ones make it explore (section 2.6)."
    )


class EpsilonGreedyBandit(ArmsAlgorithm):
    """Pulls the arm that has paid most so far, and any arm now and then."""

    Config = EpsilonGreedyConfig

    def make_arrays(self) -> dict[str, np.ndarray]:
        """Return the counts N and the values Q."""
        arrays = super().make_arrays()
        arrays["values"][:] = self.config.initial_value
        return arrays

    def epsilon(self, context: int) -> float:
        """Return the probability of pulling any arm in the next pull."""
        t = int(self.arrays["pulls"][context].sum()) + 1
        return self.config.epsilon / t**self.config.epsilon_power

    def choose(self, context: int) -> int:
        """Return the best arm, or with probability epsilon any."""
        if self.rng.random() < self.epsilon(context):
            return int(self.rng.integers(self.n_arms))
        return any_largest(self.arrays["values"][context], self.rng)

    def learn(self, context: int, arm: int, reward: float) -> None:
        """Move Q(A) towards the reward: equations 2.3 and 2.5."""
        if self.config.alpha is None:
            return super().learn(context, arm, reward)
        self.arrays["pulls"][context, arm] += 1
        values = self.arrays["values"][context]
        values[arm] += self.config.alpha * (reward - values[arm])
        return None

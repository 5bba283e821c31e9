"""Linear Thompson sampling: Agrawal and Goyal, "Thompson sampling for contextual bandits with
linear payoffs", 2013, algorithm 1, with a parameter vector for each arm as LinUCB has.

    theta~_a ~ N(theta_a, v^2 A_a^-1);  pull the arm that maximises  theta~_a . x

Of theta~_a only theta~_a . x matters, which is normal too: N(theta_a . x, v^2 x^T A_a^-1 x). So
one number is drawn for each arm instead of a vector.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from zoo_tabular.bandits.linear import LinearAlgorithm, LinearConfig


class LinTSConfig(LinearConfig):
    """The hyperparameters, by the paper's names."""

    v: float = Field(1.0, ge=0, description="Scale of the posterior, in units of the noise.")


class LinTS(LinearAlgorithm):
    """Draws a linear reward for each arm from what is believed of it; pulls the largest."""

    Config = LinTSConfig

    def scores(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Return the rewards in a world that is drawn from the posterior."""
        return mean + self.config.v * deviation * self.rng.standard_normal(len(mean))

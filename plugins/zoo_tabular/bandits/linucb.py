"""LinUCB with disjoint linear models: Li, Chu, Langford and Schapire, "A contextual-bandit
approach to personalized news article recommendation", 2010, algorithm 1.

    pull the arm that maximises  theta_a . x + alpha sqrt(x^T A_a^-1 x)
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from zoo_tabular.bandits.linear import LinearAlgorithm, LinearConfig


class LinUCBConfig(LinearConfig):
    """The hyperparameters, by the paper's names."""

    alpha: float = Field(1.0, ge=0, description="Weight of the bonus, in units of the noise.")


class LinUCB(LinearAlgorithm):
    """Pulls the arm whose linear reward could still be the largest."""

    Config = LinUCBConfig

    def scores(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Return the upper confidence bounds: line 9 of the algorithm."""
        return mean + self.config.alpha * deviation

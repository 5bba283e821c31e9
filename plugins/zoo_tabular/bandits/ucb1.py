"""UCB1: Auer, Cesa-Bianchi and Fischer, "Finite-time analysis of the multiarmed bandit problem",
2002, figure 1.

    pull each arm once; then the arm j that maximises  mean_j + sqrt(2 ln n / n_j)

where n_j counts its pulls and n all pulls. For rewards in [0, 1] the expected regret after n
pulls is at most 8 sum_j ln n / gap_j + (1 + pi^2 / 3) sum_j gap_j (theorem 1).
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from zoo import Config
from zoo_tabular.bandits.arms import ArmsAlgorithm
from zoo_tabular.bandits.base import any_largest


class UCB1Config(Config):
    """The hyperparameters."""

    exploration: float = Field(2.0, ge=0, description="The paper's 2, under the root.")
    reward_range: float = Field(
        1.0,
        gt=0,
        description="Difference of the largest and the least reward; multiplies the bonus.",
    )


class UCB1(ArmsAlgorithm):
    """Pulls the arm whose mean reward could still be the largest."""

    Config = UCB1Config

    def bounds(self, context: int) -> np.ndarray:
        """Return the upper confidence bound of each arm, (arms,); untried ones are unbounded."""
        pulls = self.arrays["pulls"][context]
        log_n = math.log(max(int(pulls.sum()), 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            bonus = np.sqrt(self.config.exploration * log_n / pulls)
        bounds = self.arrays["values"][context] + self.config.reward_range * bonus
        return np.where(pulls == 0, np.inf, bounds)

    def choose(self, context: int) -> int:
        """Return the arm of the largest bound, any one of equals."""
        return any_largest(self.bounds(context), self.rng)

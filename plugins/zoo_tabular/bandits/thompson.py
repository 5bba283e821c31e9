"""Thompson sampling: pull each arm as often as it is believed to be the best.

Thompson, "On the likelihood that one unknown probability exceeds another in view of the evidence
of two samples", 1933; Russo and others, "A tutorial on Thompson sampling", 2018, algorithms 3.2
(rewards 0 or 1) and section 4 (Gaussian rewards). For rewards between 0 and 1 a coin decides,
as in algorithm 2 of Agrawal and Goyal, "Analysis of Thompson sampling for the multi-armed bandit
problem", 2012.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from zoo import Config
from zoo_tabular.bandits.arms import ArmsAlgorithm, check_unit_interval
from zoo_tabular.bandits.base import any_largest


class ThompsonConfig(Config):
    """The prior, and how rewards are believed to be drawn."""

    rewards: Literal["bernoulli", "gaussian"] = Field(
        "gaussian", description="The family of the rewards: 0 or 1, or a mean with noise."
    )
    prior_successes: float = Field(1.0, gt=0, description="Alpha of the Beta prior.")
    prior_failures: float = Field(1.0, gt=0, description="Beta of the Beta prior.")
    prior_mean: float = Field(0.0, description="Mean of an arm's Gaussian prior.")
    prior_deviation: float = Field(
        1.0, gt=0, description="Standard deviation of an arm's Gaussian prior."
    )
    noise_deviation: float = Field(
        1.0, gt=0, description="Standard deviation of a Gaussian reward, taken as known."
    )


class ThompsonSampling(ArmsAlgorithm):
    """Draws a mean for each arm from what is believed of it, and pulls the arm of the largest."""

    Config = ThompsonConfig

    def choose(self, context: int) -> int:
        """Return the best arm in a world that is drawn from the posterior."""
        if self.config.rewards == "bernoulli":
            drawn = self.rng.beta(*self.beta(context))
        else:
            drawn = self.rng.normal(*self.normal(context))
        return any_largest(drawn, self.rng)

    def learn(self, context: int, arm: int, reward: float) -> None:
        """Count a pull and its reward, a coin's if it lies between 0 and 1."""
        if self.config.rewards == "bernoulli":
            check_unit_interval(
                reward, "thompson-sampling with bernoulli takes", "Set rewards: gaussian"
            )
            if 0 < reward < 1:
                reward = float(self.rng.random() < reward)
        super().learn(context, arm, reward)

    def beta(self, context: int | slice) -> tuple[np.ndarray, np.ndarray]:
        """Return alpha and beta of the arms' posteriors: the prior's and the counts."""
        pulls, means = self.arrays["pulls"][context], self.arrays["values"][context]
        successes = pulls * means
        return self.config.prior_successes + successes, (
            self.config.prior_failures + pulls - successes
        )

    def normal(self, context: int | slice) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the arms' posteriors.

        Precisions add up: 1 / s^2 = 1 / s_0^2 + n / sigma^2, and the mean is the average of
        m_0 and the rewards, weighted by them.
        """
        pulls, means = self.arrays["pulls"][context], self.arrays["values"][context]
        prior = self.config.prior_deviation**-2
        data = pulls * self.config.noise_deviation**-2
        mean = (prior * self.config.prior_mean + data * means) / (prior + data)
        return mean, (prior + data) ** -0.5

    def action_values(self) -> np.ndarray:
        """Return the posterior means, (contexts, arms)."""
        every = slice(None)
        if self.config.rewards == "bernoulli":
            alpha, beta = self.beta(every)
            return alpha / (alpha + beta)
        return self.normal(every)[0]

"""What the algorithms share that take an arm's reward for a linear function of the context.

The model is ridge regression, one for each arm a, with the symbols of Li and others (2010):

    A_a = ridge I + sum x x^T,   b_a = sum r x   (over the pulls of a),   theta_a = A_a^-1 b_a
    x^T A_a^-1 x  is the variance of the estimate theta_a . x, in units of the noise's
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from gymnasium import Space
from pydantic import Field

from zoo import Agent, Config, ZooError
from zoo.agents.heads import Linear
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, example, standard_steps
from zoo_tabular.bandits.base import BanditAlgorithm, any_largest
from zoo_tabular.environments.arguments import fits_into_memory


class LinearConfig(Config):
    """What both have."""

    ridge: float = Field(1.0, gt=0, description="Weight of the identity in A: the prior's.")
    intercept: bool = Field(
        True, description="Whether the context gets one more entry, which is always 1."
    )


class LinearAlgorithm(BanditAlgorithm):
    """Fits a linear reward for each arm; subclasses say how uncertainty enters the choice.

    The context is the observation as a vector (Discrete ones become one-hot), float64 (d,).
    """

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, images, and observations that are not vectors."""
        self.preprocess = Preprocess(standard_steps(observation_space))
        if len(observation_space.shape or ()) > 2:
            raise ZooError(
                f"a linear model takes vectors, not {observation_space}",
                "Use an algorithm with a network for images",
            )
        super().__init__(config, observation_space, action_space, seed=seed, device=device)

    def make_arrays(self) -> dict[str, np.ndarray]:
        """Return `inverse` A^-1 (arms, d, d) and `b` (arms, d)."""
        size = self.contexts(example(self.observation_space)).shape[1]
        fits_into_memory("what is learnt of this bandit", self.n_arms * size**2 * 8)
        inverse = np.tile(np.eye(size) / self.config.ridge, (self.n_arms, 1, 1))
        return {"inverse": inverse, "b": np.zeros((self.n_arms, size))}

    def contexts(self, observations: Any) -> np.ndarray:
        """Return the vectors x, (n, d)."""
        rows = self.preprocess(observations).astype(np.float64)
        return (
            np.pad(rows, ((0, 0), (0, 1)), constant_values=1.0) if self.config.intercept else rows
        )

    def choose(self, context: np.ndarray) -> int:
        """Return the arm of the largest score, any one of equals."""
        mean = self.theta() @ context
        variance = (self.arrays["inverse"] @ context) @ context
        return any_largest(self.scores(mean, np.sqrt(np.maximum(variance, 0.0))), self.rng)

    @abstractmethod
    def scores(self, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
        """Return by what to choose, (arms,), given estimates of the rewards and their deviations.

        `deviation` is sqrt(x^T A_a^-1 x).
        """

    def learn(self, context: np.ndarray, arm: int, reward: float) -> None:
        """Add a pull to A and b; the inverse by the formula of Sherman and Morrison."""
        inverse = self.arrays["inverse"][arm]
        towards = inverse @ context
        inverse -= np.outer(towards, towards) / (1.0 + towards @ context)
        self.arrays["b"][arm] += reward * context

    def theta(self) -> np.ndarray:
        """Return the estimates theta_a, (arms, d)."""
        return (self.arrays["inverse"] @ self.arrays["b"][..., None])[..., 0]

    def agent(self) -> Agent:
        """Return the agent that pulls the arm of the largest theta_a . x: a layer, and no more."""
        theta = self.theta()
        weight, bias = (theta[:, :-1], theta[:, -1]) if self.config.intercept else (theta, None)
        layer = Layer(weight, bias)
        return MLPAgent(
            self.observation_space, self.action_space, [layer], Linear(), self.preprocess
        )

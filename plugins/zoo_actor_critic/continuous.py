"""What the off-policy algorithms for Box actions share. Inside, actions are rows in [-1, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo import Agent, ZooError
from zoo.agents.heads import Head
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, standard_steps
from zoo_actor_critic.exploration import Noise
from zoo_torch.families import require_numbers
from zoo_torch.off_policy import OffPolicyAlgorithm

ONE = np.float32(1)


class Bounds:
    """A Box with bounds, and the way to it from [-1, 1]."""

    def __init__(self, space: Space[Any]) -> None:
        """Refuse, by a `ZooError`, what is no Box of some real numbers with finite bounds."""
        if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating):
            raise ZooError(
                f"the actions have to be real numbers in a Box, not {space}",
                "Use an algorithm for such actions, such as ppo, dqn or sac-discrete",
            )
        require_numbers(space)
        self._low, self._high = np.ravel(space.low), np.ravel(space.high)
        with np.errstate(over="ignore"):
            self._half = np.float32(0.5) * (self._high - self._low)
        if not np.isfinite(self._half).all():
            raise ZooError(
                f"the actions have to be bounded, not from {space}",
                "Use an algorithm that does without bounds, such as ppo",
            )
        self.size = math.prod(space.shape)
        """How many numbers an action has."""
        self._shape, self._type = space.shape, space.dtype

    def __call__(self, actions: np.ndarray) -> np.ndarray:
        """Return actions (n, size) in [-1, 1] as members of the space (n, *shape)."""
        scaled = self._low + (actions + ONE) * self._half
        bounded = np.minimum(np.maximum(scaled, self._low), self._high)  # rounding may have left
        return bounded.astype(self._type, copy=False).reshape(-1, *self._shape)


class ContinuousAlgorithm(OffPolicyAlgorithm):
    """Actions between bounds, with noise if asked. A subclass says how it acts and learns."""

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces that there are no networks for."""
        self.bounds = Bounds(action_space)
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.inputs, self.k = self.rows.shape[0], self.bounds.size
        """Numbers of an observation, and of an action."""
        self.action_row = (self.k,)
        self.noise = Noise(config.noise_type, config.noise_std, self.k)

    def normal(self, n: int) -> np.ndarray:
        """Return standard normal numbers (n, k)."""
        return self.rng.standard_normal((n, self.k), np.float32)

    def anything(self, n: int) -> np.ndarray:
        return self.noise(self.rng.uniform(-1, 1, (n, self.k)).astype(np.float32), self.rng)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return self.bounds(actions)

    def began(self, copies: np.ndarray) -> None:
        self.noise.began(copies)

    def agent_of(self, layers: Sequence[Layer], head: Head) -> Agent:
        """Return an agent of the portable kind `mlp`."""
        steps = Preprocess(standard_steps(self.observation_space))
        return MLPAgent(self.observation_space, self.action_space, layers, head, steps)


def least(Q: np.ndarray) -> np.ndarray:
    """Return the least (n,) of the values (E, n, 1) of E critics."""
    return Q.min(0)[:, 0]


def least_slopes(Q: np.ndarray) -> np.ndarray:
    """Return the derivatives (E, n, 1) by values Q (E, n, 1) of E critics of

    -mean min_i Q_i(s, a)
    """
    n = Q.shape[1]
    by_Q = np.zeros_like(Q)
    by_Q[Q.argmin(0)[:, 0], np.arange(n), 0] = -1 / n
    return by_Q


def mean_slopes(Q: np.ndarray) -> np.ndarray:
    """Return the derivatives (E, n, outputs) by values Q (E, n, outputs) of E critics of

    -mean Q_i(s, a)

    over critics, rows, and what else they put out.
    """
    return np.full_like(Q, -1 / Q.size)


def regression(Q: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the derivatives (E, n, 1) of the squared errors of E critics by their values, and
    the loss,

        L = sum_i mean (Q_i - y)^2

    for values Q (E, n, 1) and targets y (n,).
    """
    error = Q - y[:, None]
    loss = float(np.vdot(error, error)) / len(y)
    error *= np.float32(2 / len(y))
    return error, loss

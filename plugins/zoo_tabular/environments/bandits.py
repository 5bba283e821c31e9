"""Bandits: one decision, one reward, and the end of the episode.

Each reports in `info["regret"]` the expected regret of the step: how much more the best arm
would have paid on average (Lattimore and Szepesvari, "Bandit algorithms", 2020, section 4.4).
Summed over steps it is what regret bounds are about.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from zoo import TransitionModel, ZooError
from zoo_tabular.environments.arguments import number, numbers, whole


class ArmedBandit(gym.Env[Any, Any]):
    """Arms with fixed `means` (arms,); the observation is always 0.

    An episode is one pull, which terminates, so that returns are rewards and nothing is learnt
    from what comes after. Subclasses draw the reward.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, means: np.ndarray, render_mode: str | None = None) -> None:
        self.means = means
        self.render_mode = render_mode
        self.observation_space = spaces.Discrete(1)
        self.action_space = spaces.Discrete(len(means))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Begin the next pull."""
        super().reset(seed=seed)
        return 0, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Pull the arm `action`."""
        mean = self.means[_checked_arm(self, action)]
        return 0, self.draw(mean), True, False, {"regret": float(self.means.max() - mean)}

    def draw(self, mean: float) -> float:
        """Draw a reward with the given mean."""
        raise NotImplementedError


class BernoulliBandit(ArmedBandit):
    """Arms that pay 1 with their own probability and else nothing.

    `probabilities` are given, or drawn by `seed` for `arms` arms, uniformly from [0, 1].
    """

    NAME = "zoo/BernoulliBandit-v0"

    def __init__(
        self,
        arms: Any = None,
        probabilities: Any = None,
        seed: Any = 0,
        render_mode: str | None = None,
    ) -> None:
        rng, arms = _generator(self.NAME, arms, seed, given=probabilities)
        if probabilities is None:
            means = rng.random(arms)
        else:
            means = np.array(numbers(self.NAME, "probabilities", probabilities, low=0.0, high=1.0))
            _check_count(self.NAME, arms, "probabilities", len(means))
        super().__init__(means, render_mode)
        self.transition_model = bernoulli_model(means)
        self.initial_state_distrib = self.transition_model.initial

    def draw(self, mean: float) -> float:
        """Draw 1 with probability `mean`, else 0."""
        return float(self.np_random.random() < mean)


class GaussianBandit(ArmedBandit):
    """Arms that pay their own mean and Gaussian noise: the testbed of Sutton & Barto, section 2.3.

    `means` are given, or drawn by `seed` for `arms` arms from the standard normal distribution;
    `deviation` is the standard deviation of the noise.
    """

    NAME = "zoo/GaussianBandit-v0"

    def __init__(
        self,
        arms: Any = None,
        means: Any = None,
        deviation: Any = 1.0,
        seed: Any = 0,
        render_mode: str | None = None,
    ) -> None:
        rng, arms = _generator(self.NAME, arms, seed, given=means)
        if means is None:
            means = rng.standard_normal(arms)
        else:
            means = np.array(numbers(self.NAME, "means", means))
            _check_count(self.NAME, arms, "means", len(means))
        super().__init__(means, render_mode)
        self.deviation = number(self.NAME, "deviation", deviation, low=0.0)

    def draw(self, mean: float) -> float:
        """Draw from the normal distribution around `mean`."""
        return float(self.np_random.normal(mean, self.deviation))


class LinearBandit(gym.Env[Any, Any]):
    """A contextual bandit: in context x, arm a pays theta_a . x and Gaussian noise.

    Each episode is one pull, in a context drawn uniformly from the unit sphere, which is the
    observation, (dimension,) float32. `theta` (arms, dimension) are drawn by `seed` from the
    same sphere. The setting of Li, Chu, Langford and Schapire, "A contextual-bandit approach to
    personalized news article recommendation", 2010, section 3.1.
    """

    NAME = "zoo/LinearBandit-v0"
    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium has it

    def __init__(
        self,
        arms: Any = 5,
        dimension: Any = 8,
        noise: Any = 0.1,
        seed: Any = 0,
        render_mode: str | None = None,
    ) -> None:
        arms = whole(self.NAME, "arms", arms, at_least=2)
        dimension = whole(self.NAME, "dimension", dimension, at_least=1)
        self.noise = number(self.NAME, "noise", noise, low=0.0)
        rng = np.random.default_rng(whole(self.NAME, "seed", seed, at_least=0))
        self.theta = np.array([_on_sphere(rng, dimension) for _ in range(arms)])
        self.render_mode = render_mode
        self.observation_space = spaces.Box(-1.0, 1.0, (dimension,), np.float32)
        self.action_space = spaces.Discrete(arms)
        self.context = np.zeros(dimension, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Draw a context."""
        super().reset(seed=seed)
        self.context = _on_sphere(self.np_random, len(self.context)).astype(np.float32)
        return self.context.copy(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Pull the arm `action` in the present context."""
        means = self.theta @ self.context
        mean = means[_checked_arm(self, action)]
        reward = float(self.np_random.normal(mean, self.noise))
        return self.context.copy(), reward, True, False, {"regret": float(means.max() - mean)}


def bernoulli_model(probabilities: np.ndarray) -> TransitionModel:
    """Return the one-state process of arms that pay 1 with `probabilities` (arms,)."""
    rows = {
        arm: [(float(p), 0, 1.0, True), (1 - float(p), 0, 0.0, True)]
        for arm, p in enumerate(probabilities)
    }
    return TransitionModel.from_table({0: rows}, [1.0])


def _generator(
    name: str, arms: Any, seed: Any, *, given: Any
) -> tuple[np.random.Generator, int | None]:
    """Return the generator of what is drawn, and the number of arms, None if `given` tells it."""
    rng = np.random.default_rng(whole(name, "seed", seed, at_least=0))
    if arms is None:
        return rng, None if given is not None else 10
    return rng, whole(name, "arms", arms, at_least=1)


def _check_count(name: str, arms: int | None, what: str, count: int) -> None:
    if arms is not None and arms != count:
        raise ZooError(f"{name}: {count} {what} do not fit {arms} arms", "Leave out one of the two")


def _checked_arm(env: gym.Env[Any, Any], action: Any) -> int:
    if not env.action_space.contains(int(action)):
        raise ZooError(f"arm {action!r} is not one of {env.action_space}")
    return int(action)


def _on_sphere(rng: np.random.Generator, dimension: int) -> np.ndarray:
    """Draw from the unit sphere, uniformly: (dimension,) float64."""
    direction = rng.standard_normal(dimension)
    return direction / np.linalg.norm(direction)

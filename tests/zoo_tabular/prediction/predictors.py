"""Predictors by name, trained in a simulation of a model, and the exact values of a policy."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from tests.zoo_tabular.solutions import dense
from zoo import TransitionModel
from zoo.environments.make import vectorize
from zoo.plugin.registry import get_registry


class Known(gym.Env[int, int]):
    """An environment of which only the model is used."""

    def __init__(self, model: TransitionModel) -> None:
        self.transition_model = model
        self.observation_space = spaces.Discrete(model.n_states)
        self.action_space = spaces.Discrete(model.n_actions)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        return 0, {}


def predicted(
    name: str, model: TransitionModel, steps: int, *, seed: int = 0, n_envs: int = 1, **config: Any
) -> Any:
    """Return a predictor after `steps` in a simulation of `model`."""
    env = vectorize([lambda: Known(model)] * n_envs, seed=seed)
    cls: Any = get_registry().algorithm_class(name)
    spaces_of_it = env.single_observation_space, env.single_action_space
    made = cls(cls.Config(**config), *spaces_of_it, seed=seed)
    for _ in made.train(env, steps):
        pass
    return made


def exact(model: TransitionModel, policy: np.ndarray, gamma: float) -> np.ndarray:
    """Return v_pi (n_states,) by a dense solve: Sutton & Barto (2018), equation 4.4."""
    p = np.einsum("sa,ast->st", policy, dense(model))
    r = (policy * model.expected_rewards.reshape(policy.shape)).sum(axis=1)
    return np.linalg.solve(np.eye(model.n_states) - gamma * p, r)


def walk(time_limit: int | None = None) -> TransitionModel:
    """Return the random walk of example 6.2: A to E are 0 to 4, the walk begins in C."""
    table = {
        s: {0: [(0.5, max(s - 1, 0), 0.0, s == 0), (0.5, min(s + 1, 4), float(s == 4), s == 4)]}
        for s in range(5)
    }
    return TransitionModel.from_table(table, np.eye(5)[2], time_limit=time_limit)


def onward(seed: int = 0) -> TransitionModel:
    """Return a process of eight states that are passed once at most, with random rewards."""
    rng = np.random.default_rng(seed)
    table = {
        s: {
            a: [(0.25, min(s + step, 7), float(rng.normal()), s + step > 7) for step in range(1, 5)]
            for a in range(2)
        }
        for s in range(8)
    }
    return TransitionModel.from_table(table, np.eye(8)[0])

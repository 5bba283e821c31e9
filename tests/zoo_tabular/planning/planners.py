"""Planners by name, trained on a model without a host."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from zoo import TransitionModel, find_model
from zoo.plugin.registry import get_registry


def known(env_id: str, **kwargs: Any) -> TransitionModel:
    """Return the model of an environment that has one."""
    from zoo.environments.ids import resolve

    model = find_model(gym.make(resolve(env_id), **kwargs))
    assert model is not None
    return model


def planner(name: str, model: TransitionModel, **config: Any) -> Any:
    """Return a planner for a model's states and actions."""
    cls = get_registry().algorithm_class(name)
    sizes = spaces.Discrete(model.n_states), spaces.Discrete(model.n_actions)
    return cls(cls.Config(**config), *sizes, seed=0)


def planned(name: str, model: TransitionModel, *, steps: int = 100_000, **config: Any) -> Any:
    """Return a planner that has trained, with the Progress it gave in `reports`."""
    one = planner(name, model, **config)
    one.check(model)
    one.reports = list(one.train(model, steps))
    return one


def random_model(
    seed: int, *, states: int = 40, actions: int = 3, ending: float = 0.1
) -> TransitionModel:
    """Return a process with 1 to 9 successors, some of them the same, some that end."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 10, size=states * actions)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    outcomes = int(offsets[-1])
    weights = rng.random(outcomes) + 0.01
    sums = np.repeat(np.add.reduceat(weights, offsets[:-1]), counts)
    return TransitionModel(
        states,
        actions,
        offsets,
        rng.integers(states, size=outcomes),
        weights / sums,
        rng.normal(size=outcomes),
        rng.random(outcomes) < ending,
        np.full(states, 1 / states),
    )


def dense(model: TransitionModel) -> tuple[np.ndarray, np.ndarray]:
    """Return P (n_states, n_actions, n_states) without what ends, and r (n_states, n_actions),
    outcome by outcome.
    """
    p = np.zeros((model.n_states, model.n_actions, model.n_states))
    r = np.zeros((model.n_states, model.n_actions))
    for pair in range(model.n_states * model.n_actions):
        s, a = divmod(pair, model.n_actions)
        for row in range(model.offsets[pair], model.offsets[pair + 1]):
            r[s, a] += model.probabilities[row] * model.rewards[row]
            if not model.terminated[row]:
                p[s, a, model.next_states[row]] += model.probabilities[row]
    return p, r

"""TD(0): temporal-difference prediction (Sutton, 1988)."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import step_size
from zoo_tabular.prediction.base import Estimates, Prediction, PredictionSettings, draw_action
from zoo_tabular.world import step


@compiled
def td(
    world: Any,
    tables: Estimates,
    memory: Any,
    settings: PredictionSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 120: learn a guess from a guess, step by step."""
    v, visits, gamma = tables.v, tables.visits, settings.gamma
    copies = len(world.states)
    for _ in range(batches):
        for i in range(copies):
            world.actions[i] = draw_action(tables.policy, world.states[i], rng)
        step(world, rng)
        for i in range(copies):
            s, s_next = world.previous[i], world.next_states[i]
            target = world.rewards[i]
            if not world.terminated[i]:  # where an episode is truncated, its value goes on
                target += gamma * v[s_next, 0]
            # V(S) <- V(S) + alpha [R + gamma V(S') - V(S)], equation 6.2
            v[s, 0] += step_size(settings.step_size, visits, s, 0) * (target - v[s, 0])


class TD(Prediction):
    """Learns the values of a given policy from each reward and the value of the next state."""

    loop = staticmethod(td)

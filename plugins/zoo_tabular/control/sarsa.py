"""Sarsa: on-policy temporal-difference control (Rummery & Niranjan, 1994)."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import select, step_size
from zoo_tabular.learning import Settings, TabularAlgorithm, Values
from zoo_tabular.world import step


@compiled
def sarsa(
    world: Any,
    tables: Values,
    memory: Any,
    settings: Settings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 130: learn about what is done, exploration included."""
    q, visits, gamma, explore = tables.q, tables.visits, settings.gamma, settings.exploration
    copies = len(world.states)
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            if world.began[i]:
                world.actions[i] = select(explore, q, visits, world.states[i], now + i, rng)
        step(world, rng)
        for i in range(copies):
            s, a, s_next = world.previous[i], world.actions[i], world.next_states[i]
            target = world.rewards[i]
            if not world.terminated[i]:
                a_next = select(explore, q, visits, s_next, now + i, rng)
                target += gamma * q[s_next, a_next]
                world.actions[i] = a_next  # a new episode, after truncation, chooses its own
            # Q(S, A) <- Q(S, A) + alpha [R + gamma Q(S', A') - Q(S, A)], equation 6.7
            q[s, a] += step_size(settings.step_size, visits, s, a) * (target - q[s, a])


class Sarsa(TabularAlgorithm):
    """Learns the action values of the policy that it follows."""

    loop = staticmethod(sarsa)

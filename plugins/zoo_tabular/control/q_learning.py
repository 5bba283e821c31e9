"""Q-learning: off-policy temporal-difference control (Watkins, 1989)."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import largest, select, step_size
from zoo_tabular.learning import Settings, TabularAlgorithm, Values
from zoo_tabular.world import step


@compiled
def q_learning(
    world: Any,
    tables: Values,
    memory: Any,
    settings: Settings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 131: learn about the greedy policy, whatever is done."""
    q, visits, gamma = tables.q, tables.visits, settings.gamma
    copies = len(world.states)
    for batch in range(batches):
        for i in range(copies):
            now = t + batch * copies + i
            world.actions[i] = select(settings.exploration, q, visits, world.states[i], now, rng)
        step(world, rng)
        for i in range(copies):
            s, a, s_next = world.previous[i], world.actions[i], world.next_states[i]
            # Q(S, A) <- Q(S, A) + alpha [R + gamma max_a Q(S', a) - Q(S, A)], equation 6.8
            target = world.rewards[i]
            if not world.terminated[i]:
                target += gamma * largest(q, s_next)
            q[s, a] += step_size(settings.step_size, visits, s, a) * (target - q[s, a])


class QLearning(TabularAlgorithm):
    """Learns the optimal action values while it explores."""

    loop = staticmethod(q_learning)

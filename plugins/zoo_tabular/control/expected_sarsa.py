"""Expected Sarsa (van Seijen, van Hasselt, Whiteson & Wiering, 2009)."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import expected_value, select, step_size
from zoo_tabular.learning import Settings, TabularAlgorithm, Values
from zoo_tabular.world import step


@compiled
def expected_sarsa(
    world: Any,
    tables: Values,
    memory: Any,
    settings: Settings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), section 6.6: Sarsa without the variance of the next action."""
    q, visits, gamma, explore = tables.q, tables.visits, settings.gamma, settings.exploration
    copies = len(world.states)
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            world.actions[i] = select(explore, q, visits, world.states[i], now + i, rng)
        step(world, rng)
        for i in range(copies):
            s, a, s_next = world.previous[i], world.actions[i], world.next_states[i]
            # Q(S, A) <- Q(S, A) + alpha [R + gamma sum_a pi(a|S') Q(S', a) - Q(S, A)], eq. 6.9
            target = world.rewards[i]
            if not world.terminated[i]:
                target += gamma * expected_value(explore, q, visits, s_next, now + i)
            q[s, a] += step_size(settings.step_size, visits, s, a) * (target - q[s, a])


class ExpectedSarsa(TabularAlgorithm):
    """Learns the action values of its policy from the mean over the next action."""

    loop = staticmethod(expected_sarsa)

"""Sarsa(lambda) with accumulating, replacing or dutch traces."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.configuration import TabularConfig
from zoo_tabular.control.traced import TracedAlgorithm, TraceSettings
from zoo_tabular.exploration import select, step_size
from zoo_tabular.learning import Values
from zoo_tabular.traces import DUTCH, Kind, Traces, forget, learn_and_fade, mark
from zoo_tabular.world import step


class SarsaLambdaConfig(TabularConfig):
    """Adds the traces."""

    trace_decay: float = Field(0.9, ge=0, le=1, description="lambda: 0 is Sarsa, 1 Monte Carlo.")
    traces: Kind = Field(
        "replacing",
        description="What a visit adds: accumulating (+1), replacing (to 1), or dutch, with which "
        "the update is that of true online Sarsa(lambda).",
    )


@compiled
def sarsa_lambda(
    world: Any,
    tables: Values,
    memory: Traces,
    settings: TraceSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), pages 305 and 307, with one feature for each state and action."""
    q, visits, gamma, explore = tables.q, tables.visits, settings.gamma, settings.exploration
    copies = len(world.states)
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            if world.began[i]:
                world.actions[i] = select(explore, q, visits, world.states[i], now + i, rng)
                forget(memory, i)
        step(world, rng)
        for i in range(copies):
            s, a, s_next = world.previous[i], world.actions[i], world.next_states[i]
            next_value = 0.0
            if not world.terminated[i]:
                a_next = select(explore, q, visits, s_next, now + i, rng)
                next_value = q[s_next, a_next]
                world.actions[i] = a_next
            alpha = step_size(settings.step_size, visits, s, a)
            delta = world.rewards[i] + gamma * next_value - q[s, a]
            mark(memory, i, s * q.shape[1] + a, settings.kind, alpha)
            fading = gamma * settings.trace_decay
            if settings.kind == DUTCH:
                gap = q[s, a] - memory.old_values[i]  # Q - Q_old
                learn_and_fade(q, memory, i, alpha * (delta + gap), fading)
                q[s, a] -= alpha * gap
                memory.old_values[i] = next_value
            else:
                learn_and_fade(q, memory, i, alpha * delta, fading)


class SarsaLambda(TracedAlgorithm):
    """Learns on policy, and credits what was done before in proportion to its trace."""

    Config = SarsaLambdaConfig
    loop = staticmethod(sarsa_lambda)

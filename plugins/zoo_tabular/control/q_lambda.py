"""Watkins's Q(lambda): Q-learning with traces that end where the learner explores."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.configuration import TabularConfig
from zoo_tabular.control.traced import TracedAlgorithm, TraceSettings
from zoo_tabular.exploration import largest, select, step_size
from zoo_tabular.learning import Values
from zoo_tabular.traces import Traces, forget, learn_and_fade, mark
from zoo_tabular.world import step


class QLambdaConfig(TabularConfig):
    """Adds the traces."""

    trace_decay: float = Field(0.9, ge=0, le=1, description="lambda: 0 is Q-learning.")
    traces: Literal["accumulating", "replacing"] = Field(
        "replacing", description="What a visit adds to a trace: 1, or what it lacks to 1."
    )


@compiled
def q_lambda(
    world: Any,
    tables: Values,
    memory: Traces,
    settings: TraceSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Watkins (1989); Sutton & Barto (2018), section 12.10, with a table."""
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
            next_value, is_greedy = 0.0, True
            if not world.terminated[i]:
                next_value = largest(q, s_next)
                a_next = select(explore, q, visits, s_next, now + i, rng)
                is_greedy = q[s_next, a_next] == next_value
                world.actions[i] = a_next
            alpha = step_size(settings.step_size, visits, s, a)
            delta = world.rewards[i] + gamma * next_value - q[s, a]
            mark(memory, i, s * q.shape[1] + a, settings.kind, alpha)
            learn_and_fade(q, memory, i, alpha * delta, gamma * settings.trace_decay)
            if not is_greedy:  # what follows says nothing about the greedy policy
                forget(memory, i)


class QLambda(TracedAlgorithm):
    """Learns the optimal action values along the greedy stretches of what it does."""

    Config = QLambdaConfig
    loop = staticmethod(q_lambda)

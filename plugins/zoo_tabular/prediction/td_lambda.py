"""TD(lambda) with accumulating, replacing or dutch traces."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import StepSize, step_size
from zoo_tabular.learning import check_memory
from zoo_tabular.prediction.base import Estimates, Prediction, PredictionConfig, draw_action
from zoo_tabular.traces import (
    DUTCH,
    KINDS,
    Kind,
    Traces,
    forget,
    learn_and_fade,
    make_traces,
    mark,
)
from zoo_tabular.world import step


class TDLambdaConfig(PredictionConfig):
    """Adds the traces."""

    trace_decay: float = Field(0.9, ge=0, le=1, description="lambda: 0 is TD(0), 1 Monte Carlo.")
    traces: Kind = Field(
        "accumulating",
        description="What a visit adds: accumulating (+1), replacing (to 1), or dutch, with which "
        "the update is that of true online TD(lambda).",
    )


class TraceSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    step_size: StepSize
    trace_decay: float
    kind: int


@compiled
def td_lambda(
    world: Any,
    tables: Estimates,
    memory: Traces,
    settings: TraceSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), pages 293 and 300, with one feature for each state."""
    v, visits, gamma = tables.v, tables.visits, settings.gamma
    copies, fading = len(world.states), gamma * settings.trace_decay
    for _ in range(batches):
        for i in range(copies):
            if world.began[i]:
                forget(memory, i)
            world.actions[i] = draw_action(tables.policy, world.states[i], rng)
        step(world, rng)
        for i in range(copies):
            s, target, next_value = world.previous[i], world.rewards[i], 0.0
            if not world.terminated[i]:
                next_value = v[world.next_states[i], 0]
                target += gamma * next_value
            alpha = step_size(settings.step_size, visits, s, 0)
            delta = target - v[s, 0]  # equation 12.6
            mark(memory, i, s, settings.kind, alpha)
            if settings.kind == DUTCH:
                gap = v[s, 0] - memory.old_values[i]  # V - V_old
                learn_and_fade(v, memory, i, alpha * (delta + gap), fading)
                v[s, 0] -= alpha * gap
                memory.old_values[i] = next_value
            else:
                learn_and_fade(v, memory, i, alpha * delta, fading)  # equation 12.7


class TDLambda(Prediction):
    """Learns the values of a given policy, and credits earlier states by their traces."""

    Config = TDLambdaConfig
    loop = staticmethod(td_lambda)

    def make_memory(self, copies: int) -> Traces:
        """Return one set of traces for each copy."""
        check_memory(self.n_states, 1, 16 * (copies + self.n_actions))
        return make_traces(copies, self.n_states)

    def make_settings(self) -> TraceSettings:
        """Return the numbers of the loop."""
        config = self.config
        kind, decay = KINDS[config.traces], float(config.trace_decay)
        return TraceSettings(float(config.gamma), config.step_size(), decay, kind)

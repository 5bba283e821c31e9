"""Dyna-Q+: Dyna-Q that goes back to what it has not tried for long (Sutton, 1990)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.control.dyna_q import (
    DynaQConfig,
    LearntModel,
    learn_remembered,
    make_model,
    remember,
    seen_state,
)
from zoo_tabular.exploration import (
    Exploration,
    StepSize,
    any_action,
    present_step_size,
    select,
    step_size,
)
from zoo_tabular.learning import TabularAlgorithm
from zoo_tabular.world import step


class DynaQPlusConfig(DynaQConfig):
    """Adds the bonus."""

    kappa: float = Field(
        1e-3, ge=0, description="Weight of the bonus kappa * sqrt(steps since last tried)."
    )


class DynaQPlusSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    exploration: Exploration
    step_size: StepSize
    planning_steps: int
    kappa: float


@compiled
def dyna_q_plus(
    world: Any,
    tables: LearntModel,
    memory: Any,
    settings: DynaQPlusSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 168: planning also considers actions that were never tried,
    of which the model says at first that they lead back and pay nothing.
    """
    q, visits, gamma, sizes = tables.q, tables.visits, settings.gamma, settings.step_size
    copies = len(world.states)
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            world.actions[i] = select(
                settings.exploration, q, visits, world.states[i], now + i, rng
            )
        step(world, rng)
        for i in range(copies):
            s, a = world.previous[i], world.actions[i]
            remember(tables, world, i, now + i)
            learn_remembered(tables, s, a, 0.0, gamma, step_size(sizes, visits, s, a))
            for _ in range(settings.planning_steps):
                s = seen_state(tables, rng)
                a = any_action(q, rng)
                bonus = settings.kappa * math.sqrt(now + i - tables.tried[s, a])
                alpha = present_step_size(sizes, visits, s, a)
                learn_remembered(tables, s, a, bonus, gamma, alpha)


class DynaQPlus(TabularAlgorithm):
    """Learns as Dyna-Q does, from a model that promises more where it is out of date."""

    Config = DynaQPlusConfig
    loop = staticmethod(dyna_q_plus)
    bytes_per_pair = 49

    def make_tables(self) -> LearntModel:
        """Return action values and an empty model."""
        self.work = 1 + self.config.planning_steps
        return make_model(self.new_values(), self.new_counts())

    def make_settings(self) -> DynaQPlusSettings:
        """Return the numbers of the loop."""
        config = self.config
        return DynaQPlusSettings(
            float(config.gamma),
            config.explorer(),
            config.step_size(),
            int(config.planning_steps),
            float(config.kappa),
        )

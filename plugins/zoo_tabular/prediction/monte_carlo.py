"""Monte Carlo prediction: a value is the average of the returns that followed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.episodes import (
    MOST_ROOM,
    ROOM,
    Episodes,
    Visits,
    make_episodes,
    mark_first_visits,
    note,
)
from zoo_tabular.exploration import StepSize, step_size
from zoo_tabular.prediction.base import Estimates, Prediction, PredictionConfig, draw_action
from zoo_tabular.world import step


class MonteCarloPredictionConfig(PredictionConfig):
    """Adds which visits count, and averages by default."""

    alpha: float = Field(1.0, gt=0, le=1, description="Step size.")
    alpha_power: float = Field(
        1.0,
        ge=0,
        le=1,
        description="The step size is alpha / N(s)^alpha_power: 1 with alpha 1 is the average.",
    )
    visits: Visits = Field("first", description="The visits of an episode whose returns count.")
    longest_episode: int = Field(
        ROOM, ge=1, le=MOST_ROOM, description="Longer episodes are cut there, as by a time limit."
    )


class MonteCarloSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    step_size: StepSize
    every_visit: bool


@compiled
def mc_prediction(
    world: Any,
    tables: Estimates,
    memory: Episodes,
    settings: MonteCarloSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 92; every-visit as on the same page."""
    copies = len(world.states)
    for _ in range(batches):
        for i in range(copies):
            if world.began[i]:
                memory.lengths[i] = 0
            world.actions[i] = draw_action(tables.policy, world.states[i], rng)
        step(world, rng)
        for i in range(copies):
            if note(memory, i, world.previous[i], world.rewards[i], world.began[i]):
                end_value = 0.0
                if not world.terminated[i]:  # cut off: the estimate stands for the rest
                    end_value = tables.v[world.next_states[i], 0]
                learn(tables, memory, settings, i, end_value)


@compiled
def learn(
    tables: Estimates, memory: Episodes, settings: MonteCarloSettings, i: int, g: float
) -> None:
    """Move values towards the returns of copy i's episode; `g` is worth what comes after it."""
    v = tables.v
    mark_first_visits(memory, i, 1)
    for t in range(memory.lengths[i] - 1, -1, -1):
        s = memory.rows[i, t]
        g = settings.gamma * g + memory.rewards[i, t]
        if settings.every_visit or memory.first[s] == t:
            v[s, 0] += step_size(settings.step_size, tables.visits, s, 0) * (g - v[s, 0])
    memory.lengths[i] = 0


class MonteCarloPrediction(Prediction):
    """Learns the values of a given policy as averages of whole returns.

    Where an episode is truncated, the estimate of its last state's value stands for the rewards
    that were cut off: see `zoo_tabular.episodes`.
    """

    Config = MonteCarloPredictionConfig
    loop = staticmethod(mc_prediction)

    def make_memory(self, copies: int) -> Episodes:
        """Return room for one episode of each copy."""
        return make_episodes(copies, self.config.longest_episode, self.n_states)

    def make_settings(self) -> MonteCarloSettings:
        """Return the numbers of the loop."""
        config = self.config
        every = config.visits == "every"
        return MonteCarloSettings(float(config.gamma), config.step_size(), every)

"""On-policy Monte Carlo control: learn from whole returns, explore by what was learnt."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.configuration import TabularConfig
from zoo_tabular.episodes import (
    MOST_ROOM,
    ROOM,
    Episodes,
    Visits,
    make_episodes,
    mark_first_visits,
    note,
)
from zoo_tabular.exploration import (
    Exploration,
    StepSize,
    any_action,
    expected_value,
    select,
    step_size,
)
from zoo_tabular.learning import TabularAlgorithm, Values
from zoo_tabular.world import step


class MonteCarloControlConfig(TabularConfig):
    """Adds which visits count, and averages by default."""

    alpha: float = Field(1.0, gt=0, le=1, description="Step size.")
    alpha_power: float = Field(
        1.0,
        ge=0,
        le=1,
        description="The step size is alpha / N(s, a)^alpha_power: 1 with alpha 1 is the average.",
    )
    visits: Visits = Field("first", description="The visits of an episode whose returns count.")
    exploring_starts: bool = Field(
        False,
        description="Draw the first action of every episode at random (page 99); first states are "
        "the environment's.",
    )
    longest_episode: int = Field(
        ROOM, ge=1, le=MOST_ROOM, description="Longer episodes are cut there, as by a time limit."
    )


class MonteCarloSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    exploration: Exploration
    step_size: StepSize
    every_visit: bool
    exploring_starts: bool


@compiled
def mc_control(
    world: Any,
    tables: Values,
    memory: Episodes,
    settings: MonteCarloSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 101, for every soft policy; page 99 with exploring starts."""
    q, visits, explore = tables.q, tables.visits, settings.exploration
    copies = len(world.states)
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            if world.began[i]:
                memory.lengths[i] = 0
            if world.began[i] and settings.exploring_starts:
                world.actions[i] = any_action(q, rng)
            else:
                world.actions[i] = select(explore, q, visits, world.states[i], now + i, rng)
        step(world, rng)
        for i in range(copies):
            pair = world.previous[i] * q.shape[1] + world.actions[i]
            if note(memory, i, pair, world.rewards[i], world.began[i]):
                end_value = 0.0
                if not world.terminated[i]:  # cut off: the estimate stands for the rest
                    end_value = expected_value(explore, q, visits, world.next_states[i], now + i)
                learn(tables, memory, settings, i, end_value)


@compiled
def learn(tables: Values, memory: Episodes, settings: MonteCarloSettings, i: int, g: float) -> None:
    """Move values towards the returns of copy i's episode; `g` is worth what comes after it."""
    q, n_actions = tables.q, tables.q.shape[1]
    mark_first_visits(memory, i, 1)
    for t in range(memory.lengths[i] - 1, -1, -1):
        pair = memory.rows[i, t]
        s, a = pair // n_actions, pair % n_actions
        g = settings.gamma * g + memory.rewards[i, t]
        if settings.every_visit or memory.first[pair] == t:
            q[s, a] += step_size(settings.step_size, tables.visits, s, a) * (g - q[s, a])
    memory.lengths[i] = 0


class MonteCarloControl(TabularAlgorithm):
    """Learns the action values of the policy that it follows as averages of whole returns.

    Where an episode is truncated, the estimate of its last state's value stands for the rewards
    that were cut off: see `zoo_tabular.episodes`.
    """

    Config = MonteCarloControlConfig
    loop = staticmethod(mc_control)
    bytes_per_pair = 24

    def make_memory(self, copies: int) -> Episodes:
        """Return room for one episode of each copy."""
        pairs = self.n_states * self.n_actions
        return make_episodes(copies, self.config.longest_episode, pairs)

    def make_settings(self) -> MonteCarloSettings:
        """Return the numbers of the loop."""
        config = self.config
        return MonteCarloSettings(
            float(config.gamma),
            config.explorer(),
            config.step_size(),
            config.visits == "every",
            bool(config.exploring_starts),
        )

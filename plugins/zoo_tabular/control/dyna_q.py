"""Dyna-Q: Q-learning that also replays what it remembers of the environment (Sutton, 1990)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.configuration import TabularConfig
from zoo_tabular.exploration import (
    Exploration,
    StepSize,
    largest,
    present_step_size,
    select,
    step_size,
    visits_of,
)
from zoo_tabular.learning import TabularAlgorithm
from zoo_tabular.world import step


class DynaQConfig(TabularConfig):
    """Adds planning."""

    planning_steps: int = Field(
        10, ge=0, description="Remembered transitions that are learnt from again at each step."
    )


class DynaSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    exploration: Exploration
    step_size: StepSize
    planning_steps: int


class LearntModel(NamedTuple):
    """Action values, and what followed last time; (n_states, n_actions) unless said."""

    q: np.ndarray
    visits: np.ndarray
    next_states: np.ndarray
    rewards: np.ndarray
    terminated: np.ndarray
    tried: np.ndarray
    """int64: the step at which each was last done, 0 where it never was; for Dyna-Q+"""
    seen: np.ndarray
    """(n_states,) int64: the states in which something was done stand first"""
    n_seen: np.ndarray
    """(1,) int64: how many they are"""


def make_model(q: np.ndarray, visits: np.ndarray) -> LearntModel:
    """Return an empty model: nothing pays, and nothing leads anywhere."""
    n_states = len(q)
    return LearntModel(
        q=q,
        visits=visits,
        next_states=np.tile(np.arange(n_states)[:, None], q.shape[1]),
        rewards=np.zeros_like(q),
        terminated=np.zeros(q.shape, np.bool_),
        tried=np.zeros_like(visits),
        seen=np.zeros(n_states, np.int64),
        n_seen=np.zeros(1, np.int64),
    )


@compiled
def remember(tables: LearntModel, world: Any, i: int, now: int) -> None:
    """Model(S, A) <- R, S'; the latest outcome stands for all (the box assumes there is one)."""
    s, a = world.previous[i], world.actions[i]
    if visits_of(tables.visits, s) == 0:  # nothing was done here yet
        tables.seen[tables.n_seen[0]] = s
        tables.n_seen[0] += 1
    tables.tried[s, a] = now
    tables.next_states[s, a] = world.next_states[i]
    tables.rewards[s, a] = world.rewards[i]
    tables.terminated[s, a] = world.terminated[i]


@compiled
def seen_state(tables: LearntModel, rng: np.random.Generator) -> int:
    """Return a state, any one of those in which something was done."""
    return tables.seen[int(rng.random() * tables.n_seen[0])]


@compiled
def tried_action(visits: np.ndarray, s: int, rng: np.random.Generator) -> int:
    """Return an action, any one of those that were taken in state `s`."""
    chosen, tried = 0, 0
    for a in range(visits.shape[1]):
        if visits[s, a] > 0:
            tried += 1
            if rng.random() * tried < 1.0:  # the k-th replaces the others once in k
                chosen = a
    return chosen


@compiled
def learn_remembered(
    tables: LearntModel, s: int, a: int, bonus: float, gamma: float, alpha: float
) -> None:
    """Do a Q-learning update with what the model says follows (s, a), and a bonus."""
    q, target = tables.q, tables.rewards[s, a] + bonus
    if not tables.terminated[s, a]:
        target += gamma * largest(q, tables.next_states[s, a])
    q[s, a] += alpha * (target - q[s, a])


@compiled
def dyna_q(
    world: Any,
    tables: LearntModel,
    memory: Any,
    settings: DynaSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 164."""
    q, visits, gamma = tables.q, tables.visits, settings.gamma
    copies = len(world.states)
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):  # (a), (b)
            world.actions[i] = select(
                settings.exploration, q, visits, world.states[i], now + i, rng
            )
        step(world, rng)  # (c)
        for i in range(copies):
            s, a = world.previous[i], world.actions[i]
            remember(tables, world, i, now + i)  # (e)
            alpha = step_size(settings.step_size, visits, s, a)
            learn_remembered(tables, s, a, 0.0, gamma, alpha)  # (d), from what just happened
            for _ in range(settings.planning_steps):  # (f)
                s = seen_state(tables, rng)
                a = tried_action(visits, s, rng)
                alpha = present_step_size(settings.step_size, visits, s, a)
                learn_remembered(tables, s, a, 0.0, gamma, alpha)


class DynaQ(TabularAlgorithm):
    """Learns from each step, and from remembered ones in between."""

    Config = DynaQConfig
    loop = staticmethod(dyna_q)
    bytes_per_pair = 49

    def make_tables(self) -> LearntModel:
        """Return action values and an empty model."""
        self.work = 1 + self.config.planning_steps
        return make_model(self.new_values(), self.new_counts())

    def make_settings(self) -> DynaSettings:
        """Return the numbers of the loop."""
        config = self.config
        return DynaSettings(
            float(config.gamma), config.explorer(), config.step_size(), int(config.planning_steps)
        )

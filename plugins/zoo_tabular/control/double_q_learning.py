"""Double Q-learning (van Hasselt, 2010), which does not overestimate as the maximum does."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import greedy, select, step_size
from zoo_tabular.learning import Settings, TabularAlgorithm
from zoo_tabular.world import step


class TwoTables(NamedTuple):
    """Two independent tables of action values; all arrays are (n_states, n_actions)."""

    q1: np.ndarray
    q2: np.ndarray
    both: np.ndarray
    """q1 + q2, by which actions are chosen"""
    updates1: np.ndarray
    updates2: np.ndarray
    visits: np.ndarray


@compiled
def learn_one(
    tables: TwoTables,
    learnt: np.ndarray,
    other: np.ndarray,
    updates: np.ndarray,
    world: Any,
    i: int,
    settings: Settings,
    rng: np.random.Generator,
) -> None:
    """Move the table `learnt` towards what `other` says of its best next action, eq. 6.10."""
    s, a, s_next = world.previous[i], world.actions[i], world.next_states[i]
    target = world.rewards[i]
    if not world.terminated[i]:
        target += settings.gamma * other[s_next, greedy(learnt, s_next, rng)]
    learnt[s, a] += step_size(settings.step_size, updates, s, a) * (target - learnt[s, a])
    tables.visits[s, a] += 1
    tables.both[s, a] = learnt[s, a] + other[s, a]


@compiled
def double_q_learning(
    world: Any,
    tables: TwoTables,
    memory: Any,
    settings: Settings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 136."""
    q1, q2, copies = tables.q1, tables.q2, len(world.states)
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            world.actions[i] = select(
                settings.exploration, tables.both, tables.visits, world.states[i], now + i, rng
            )
        step(world, rng)
        for i in range(copies):
            if rng.random() < 0.5:
                learn_one(tables, q1, q2, tables.updates1, world, i, settings, rng)
            else:
                learn_one(tables, q2, q1, tables.updates2, world, i, settings, rng)


class DoubleQLearning(TabularAlgorithm):
    """Learns two tables, each from the other's opinion of its best action."""

    loop = staticmethod(double_q_learning)
    bytes_per_pair = 48

    def make_tables(self) -> TwoTables:
        """Return two equal tables and their sum."""
        return TwoTables(
            q1=self.new_values(),
            q2=self.new_values(),
            both=2 * self.new_values(),
            updates1=self.new_counts(),
            updates2=self.new_counts(),
            visits=self.new_counts(),
        )

    def action_values(self) -> np.ndarray:
        """Return the mean of both tables."""
        return self.tables.both / 2

"""R-max: act by a model in which all that is not known well is the best there can be."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo import Config
from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import greedy, largest
from zoo_tabular.learning import TabularAlgorithm, check_memory
from zoo_tabular.world import step

TERMINATED = -1


class RMaxConfig(Config):
    """The hyperparameters of R-max."""

    gamma: float = Field(0.95, ge=0, lt=1, description="Discount factor.")
    known_after: int = Field(
        10, ge=1, description="Visits m after which an action in a state counts as known."
    )
    largest_reward: float = Field(
        1.0, description="R_max: what every step pays where nothing is known."
    )
    tolerance: float = Field(1e-7, gt=0, description="Change of a value below which planning ends.")


class RMaxSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    known_after: int
    tolerance: float


class Samples(NamedTuple):
    """Action values, and the first m outcomes of each action in each state."""

    q: np.ndarray
    """(n_states, n_actions): those of the optimistic model"""
    visits: np.ndarray
    """(n_states, n_actions) int64"""
    next_states: np.ndarray
    """(n_states, n_actions, m) int64; TERMINATED where the episode ended"""
    rewards: np.ndarray
    """(n_states, n_actions): sums over the first m visits"""


@compiled
def note(tables: Samples, settings: RMaxSettings, world: Any, i: int) -> bool:
    """Count the last step of copy i, and say whether it made its action known."""
    s, a = world.previous[i], world.actions[i]
    count = tables.visits[s, a]
    tables.visits[s, a] = count + 1
    if count >= settings.known_after:
        return False
    tables.rewards[s, a] += world.rewards[i]
    tables.next_states[s, a, count] = world.next_states[i]
    if world.terminated[i]:
        tables.next_states[s, a, count] = TERMINATED
    return count + 1 == settings.known_after


@compiled
def backed_up(tables: Samples, settings: RMaxSettings, s: int, a: int) -> float:
    """Return the mean over the m outcomes of (s, a) of R + gamma max_a Q(S', a)."""
    total = tables.rewards[s, a]
    for k in range(settings.known_after):
        s_next = tables.next_states[s, a, k]
        if s_next != TERMINATED:
            total += settings.gamma * largest(tables.q, s_next)
    return total / settings.known_after


@compiled
def plan(tables: Samples, settings: RMaxSettings) -> None:
    """Solve the model by value iteration, in place; what is unknown keeps R_max / (1 - gamma)."""
    q, change = tables.q, settings.tolerance
    while change >= settings.tolerance:
        change = 0.0
        for s in range(q.shape[0]):
            for a in range(q.shape[1]):
                if tables.visits[s, a] >= settings.known_after:
                    value = backed_up(tables, settings, s, a)
                    change = max(change, abs(value - q[s, a]))
                    q[s, a] = value


@compiled
def r_max(
    world: Any,
    tables: Samples,
    memory: Any,
    settings: RMaxSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Brafman & Tennenholtz (2002), figure 1, with discounted returns."""
    copies = len(world.states)
    for _ in range(batches):
        for i in range(copies):
            world.actions[i] = greedy(tables.q, world.states[i], rng)
        step(world, rng)
        learnt = False
        for i in range(copies):
            learnt = note(tables, settings, world, i) or learnt
        if learnt:
            plan(tables, settings)


class RMax(TabularAlgorithm):
    """Explores by being greedy in an optimistic model of the environment."""

    Config = RMaxConfig
    loop = staticmethod(r_max)
    work = 100  # planning is far more than an update, but there is an end to it

    def make_tables(self) -> Samples:
        """Return the model of which nothing is known: every action is worth R_max for ever."""
        config, shape = self.config, (self.n_states, self.n_actions)
        check_memory(*shape, 24 + 8 * config.known_after)
        return Samples(
            q=np.full(shape, config.largest_reward / (1 - config.gamma)),
            visits=self.new_counts(),
            next_states=np.zeros((*shape, config.known_after), np.int64),
            rewards=np.zeros(shape),
        )

    def make_settings(self) -> RMaxSettings:
        """Return the numbers of the loop."""
        config = self.config
        return RMaxSettings(float(config.gamma), int(config.known_after), float(config.tolerance))

    def epsilon(self) -> None:
        """Return None: no action is random."""
        return None

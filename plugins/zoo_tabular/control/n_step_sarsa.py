"""n-step Sarsa: between Sarsa (n = 1) and Monte Carlo (n beyond the episode)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.configuration import TabularConfig
from zoo_tabular.exploration import Exploration, StepSize, select, step_size
from zoo_tabular.learning import TabularAlgorithm, Values
from zoo_tabular.world import step


class NStepSarsaConfig(TabularConfig):
    """Adds the number of steps."""

    n: int = Field(4, ge=1, le=10_000, description="Rewards summed up before bootstrapping.")


class NStepSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    exploration: Exploration
    step_size: StepSize
    n: int


class LastSteps(NamedTuple):
    """The last n + 1 steps of each copy, (copies, n + 1), where step k stands at k mod (n + 1)."""

    states: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    """The reward with which the state was reached"""
    elapsed: np.ndarray
    """(copies,) int64: steps of the episode so far"""


@compiled
def n_step_sarsa(
    world: Any,
    tables: Values,
    memory: LastSteps,
    settings: NStepSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 147."""
    q, visits, explore = tables.q, tables.visits, settings.exploration
    copies, size = len(world.states), settings.n + 1
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            if world.began[i]:
                world.actions[i] = select(explore, q, visits, world.states[i], now + i, rng)
                memory.states[i, 0], memory.actions[i, 0] = world.states[i], world.actions[i]
                memory.elapsed[i] = 0
        step(world, rng)
        for i in range(copies):
            memory.elapsed[i] += 1
            elapsed = memory.elapsed[i]
            s_next, a_next, slot = world.next_states[i], 0, elapsed % size
            memory.states[i, slot], memory.rewards[i, slot] = s_next, world.rewards[i]
            end_value = 0.0
            if not world.terminated[i]:
                a_next = select(explore, q, visits, s_next, now + i, rng)
                end_value = q[s_next, a_next]
                memory.actions[i, slot] = world.actions[i] = a_next
            # tau is the step whose estimate is updated: one, or all that are left at the end
            last = elapsed if world.began[i] else elapsed - settings.n + 1
            for tau in range(max(elapsed - settings.n, 0), last):
                update(q, visits, memory, settings, i, tau, end_value)


@compiled
def update(
    q: np.ndarray,
    visits: np.ndarray,
    memory: LastSteps,
    settings: NStepSettings,
    i: int,
    tau: int,
    end_value: float,
) -> None:
    """Move Q(S_tau, A_tau) towards G, equation 7.4, which ends at the last step of copy i."""
    size, elapsed = settings.n + 1, memory.elapsed[i]
    g, discount = 0.0, 1.0
    for k in range(tau + 1, elapsed + 1):
        g += discount * memory.rewards[i, k % size]
        discount *= settings.gamma
    g += discount * end_value
    s, a = memory.states[i, tau % size], memory.actions[i, tau % size]
    q[s, a] += step_size(settings.step_size, visits, s, a) * (g - q[s, a])  # equation 7.5


class NStepSarsa(TabularAlgorithm):
    """Learns from n rewards and the value of what comes after them."""

    Config = NStepSarsaConfig
    loop = staticmethod(n_step_sarsa)

    def make_memory(self, copies: int) -> LastSteps:
        """Return room for the last n + 1 steps."""
        shape = (copies, self.config.n + 1)
        return LastSteps(
            states=np.zeros(shape, np.int64),
            actions=np.zeros(shape, np.int64),
            rewards=np.zeros(shape),
            elapsed=np.zeros(copies, np.int64),
        )

    def make_settings(self) -> NStepSettings:
        """Return the numbers of the loop."""
        config = self.config
        return NStepSettings(
            float(config.gamma), config.explorer(), config.step_size(), int(config.n)
        )

"""n-step TD: between TD(0) (n = 1) and Monte Carlo (n beyond the episode)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo_tabular.compiled import compiled
from zoo_tabular.exploration import StepSize, step_size
from zoo_tabular.prediction.base import Estimates, Prediction, PredictionConfig, draw_action
from zoo_tabular.world import step


class NStepTDConfig(PredictionConfig):
    """Adds the number of steps."""

    n: int = Field(4, ge=1, le=10_000, description="Rewards summed up before bootstrapping.")


class NStepSettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    step_size: StepSize
    n: int


class LastSteps(NamedTuple):
    """The last n + 1 steps of each copy, (copies, n + 1), where step k stands at k mod (n + 1)."""

    states: np.ndarray
    rewards: np.ndarray
    """The reward with which the state was reached"""
    elapsed: np.ndarray
    """(copies,) int64: steps of the episode so far"""


@compiled
def n_step_td(
    world: Any,
    tables: Estimates,
    memory: LastSteps,
    settings: NStepSettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 144."""
    v, copies, size = tables.v, len(world.states), settings.n + 1
    for _ in range(batches):
        for i in range(copies):
            if world.began[i]:
                memory.states[i, 0] = world.states[i]
                memory.elapsed[i] = 0
            world.actions[i] = draw_action(tables.policy, world.states[i], rng)
        step(world, rng)
        for i in range(copies):
            memory.elapsed[i] += 1
            elapsed = memory.elapsed[i]
            s_next, slot = world.next_states[i], elapsed % size
            memory.states[i, slot], memory.rewards[i, slot] = s_next, world.rewards[i]
            end_value = 0.0
            if not world.terminated[i]:
                end_value = v[s_next, 0]
            # tau is the step whose estimate is updated: one, or all that are left at the end
            last = elapsed if world.began[i] else elapsed - settings.n + 1
            for tau in range(max(elapsed - settings.n, 0), last):
                update(v, tables.visits, memory, settings, i, tau, end_value)


@compiled
def update(
    v: np.ndarray,
    visits: np.ndarray,
    memory: LastSteps,
    settings: NStepSettings,
    i: int,
    tau: int,
    end_value: float,
) -> None:
    """Move V(S_tau) towards G, equation 7.1, which ends at the last step of copy i."""
    size, elapsed = settings.n + 1, memory.elapsed[i]
    g, discount = 0.0, 1.0
    for k in range(tau + 1, elapsed + 1):
        g += discount * memory.rewards[i, k % size]
        discount *= settings.gamma
    g += discount * end_value
    s = memory.states[i, tau % size]
    v[s, 0] += step_size(settings.step_size, visits, s, 0) * (g - v[s, 0])  # equation 7.2


class NStepTD(Prediction):
    """Learns the values of a given policy from n rewards and the value of what comes after."""

    Config = NStepTDConfig
    loop = staticmethod(n_step_td)

    def make_memory(self, copies: int) -> LastSteps:
        """Return room for the last n + 1 steps."""
        shape = (copies, self.config.n + 1)
        return LastSteps(np.zeros(shape, np.int64), np.zeros(shape), np.zeros(copies, np.int64))

    def make_settings(self) -> NStepSettings:
        """Return the numbers of the loop."""
        config = self.config
        return NStepSettings(float(config.gamma), config.step_size(), int(config.n))

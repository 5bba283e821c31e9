"""What all algorithms do around their loop that learn action values by acting.

A subclass has a config, tables, and one function: its loop, which reads like the book's box. The
host is given control between stretches of that loop, and what it then sees does not depend on
where the stretches end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import Space
from pydantic import BaseModel

from zoo import Agent, Progress, State, TransitionModel, ZooError, find_model
from zoo.agents.table import StateIndex, TableAgent
from zoo_tabular.base import NumPyAlgorithm
from zoo_tabular.compiled import can_compile, fast
from zoo_tabular.configuration import TabularConfig
from zoo_tabular.exploration import Exploration, StepSize, scheduled
from zoo_tabular.world import (
    REMEMBERED,
    SimulatedWorld,
    VectorWorld,
    World,
    restore_world,
    simulate,
    world_state,
)

FIRST_STRETCH = 1000, 100_000
"""Bounds of the first stretch in a simulation, in updates: interpreted, so that there is progress
before anything is compiled. It is long enough for the host to tell of it."""
STRETCHES = 200
HOST_TELLS = 1000
"""How often in a training the host tells how it goes"""
COMPILING_PAYS = 200_000
"""Steps that have to be left; fewer are faster interpreted than Numba is imported."""
LONGEST = {"compiled": 1_000_000, "interpreted": 20_000, "vector": 1000}
"""Steps of the longest stretch: some hundredths of a second."""


class Values(NamedTuple):
    """The tables of an algorithm that learns one table of action values."""

    q: np.ndarray
    """(n_states, n_actions) float64: estimates of the optimal, or the policy's, action values"""
    visits: np.ndarray
    """(n_states, n_actions) int64: how often each was updated"""


class Settings(NamedTuple):
    """The numbers of a loop that needs no others."""

    gamma: float
    exploration: Exploration
    step_size: StepSize


class NoMemory(NamedTuple):
    """What a loop keeps for each copy of the environment, where it keeps nothing."""

    nothing: np.ndarray


class TabularAlgorithm(NumPyAlgorithm):
    """Learns tables by acting: in a simulation where the model is known, compiled if possible.

    A subclass gives `Config`, the function `loop(world, tables, memory, settings, t, batches,
    rng)`, which goes on for `batches` steps of all copies when `t` steps have been taken, and,
    where it needs others than these, `make_tables`, `make_memory` and `make_settings`. Tables
    and memory are NamedTuples of arrays that the loop changes in place; they are saved and
    restored here.
    """

    Config: ClassVar[type[BaseModel]] = TabularConfig
    loop: ClassVar[Callable[..., None]]
    bytes_per_pair: ClassVar[int] = 16
    """What the tables take for each state and action."""
    work: int = 1
    """About how many updates of a value a step takes: stretches are shorter where it is much."""

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        """Refuse, by a `ZooError`, spaces that a table has no rows for or not enough memory."""
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        self.index = StateIndex(observation_space)
        if not (hasattr(action_space, "n") and hasattr(action_space, "start")):
            raise ZooError(f"a table has no columns for {action_space}", "It needs a Discrete")
        self.n_states, self.n_actions = self.index.count, int(action_space.n)
        check_memory(self.n_states, self.n_actions, self.bytes_per_pair)
        self.rng = np.random.default_rng([seed, 0x7AB1E])
        self.steps = 0
        self.tables: Any = self.make_tables()
        self.memory: Any = None
        self.world: World | None = None
        self._saved: State | None = None
        self._compiled = False

    def make_tables(self) -> Any:
        """Return new tables, a NamedTuple of arrays with a table of action values `q`."""
        return Values(self.new_values(), self.new_counts())

    def make_memory(self, copies: int) -> Any:
        """Return what is kept for each copy of the environment, a NamedTuple of arrays."""
        return NoMemory(np.zeros(1))

    def make_settings(self) -> Any:
        """Return the numbers that the loop reads, a NamedTuple."""
        config = self.config
        return Settings(float(config.gamma), config.explorer(), config.step_size())

    def new_values(self) -> np.ndarray:
        """Return a table (n_states, n_actions) of initial action values."""
        return np.full((self.n_states, self.n_actions), float(self.config.initial_value))

    def new_counts(self) -> np.ndarray:
        """Return a table (n_states, n_actions) of zeros, int64."""
        return np.zeros((self.n_states, self.n_actions), np.int64)

    def check(self, env: Any) -> None:
        """Refuse, by a `ZooError`, a wrong model, and endless returns where one is known."""
        if (model := find_model(env)) is not None:
            check_discount(model, self.config.gamma)

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        """Run the loop in stretches, the first of them interpreted."""
        world = self.world = self._begin(env)
        copies = len(world.states)
        while self.steps < steps:
            stretch = min(self._stretch(steps), steps - self.steps)
            batches = -(-stretch // copies)
            self._runner(steps)(
                world,
                self.tables,
                self.memory,
                self.make_settings(),
                self.steps,
                batches,
                self.rng,
            )
            self.steps += batches * copies
            yield Progress(self.steps, int(world.episodes[0]), self.metrics())

    def agent(self) -> Agent:
        """Return the greedy policy; asked for random actions, it explores as the learner does."""
        return TableAgent(
            self.observation_space,
            self.action_space,
            q=self.action_values(),
            epsilon=self.epsilon() or 0.0,
        )

    def action_values(self) -> np.ndarray:
        """Return the table (n_states, n_actions) that the agent acts by."""
        return self.tables.q

    def epsilon(self) -> float | None:
        """Return the present probability of a random action, None where there is no such thing."""
        if self.config.exploration != "epsilon-greedy":
            return None
        return scheduled(self.config.explorer(), self.steps)

    def metrics(self) -> dict[str, float]:
        """Return what the host cannot see: the last episodes of a simulation, and exploration."""
        epsilon = self.epsilon()
        found = {} if epsilon is None else {"train/epsilon": epsilon}
        if isinstance(self.world, SimulatedWorld) and self.world.episodes[0]:
            count = min(int(self.world.episodes[0]), REMEMBERED)
            found["return"] = float(self.world.last_returns[:count].mean())
            found["length"] = float(self.world.last_lengths[:count].mean())
        return found

    def state(self) -> State:
        """Return tables, memory, the episodes under way, counters and random numbers, copied."""
        if self._saved is not None:
            return self._saved
        return {
            "steps": self.steps,
            "tables": _copies(self.tables),
            "memory": None if self.memory is None else _copies(self.memory),
            "world": None if self.world is None else world_state(self.world),
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.steps = state["steps"]
        self.tables = type(self.tables)(**_copies_of(state["tables"]))
        self.rng.bit_generator.state = state["rng"]
        self._saved = state

    def _begin(self, env: Any) -> World:
        """Return the world to learn in, where it stood when the state was saved."""
        model = find_model(env)
        if model is not None and isinstance(self.world, SimulatedWorld):
            return self.world  # called again: the episodes under way go on
        before, saved = self.world, self._saved
        if model is None:
            world: World = VectorWorld(env, self.index)
        else:
            starts = np.random.default_rng([self.seed, 0x57A27])
            world = simulate(model, env.num_envs, starts)
        self.memory = self.make_memory(env.num_envs)
        if before is not None:
            world.episodes[:] = before.episodes
        elif saved is not None and saved["world"] is not None:
            restore_world(world, saved["world"])
            self.memory = type(self.memory)(**_copies_of(saved["memory"]))
        self._saved = None
        return world

    def _stretch(self, steps: int) -> int:
        """Return how many steps the next stretch takes of a training to `steps`."""
        if isinstance(self.world, VectorWorld):
            size = min(max(steps // STRETCHES, 1), LONGEST["vector"])
            return size - self.steps % size
        least, most = (max(bound // self.work, 1) for bound in FIRST_STRETCH)
        first = min(max(steps // HOST_TELLS, least), most)
        if self.steps < first:
            return first - self.steps
        longest = LONGEST["compiled" if can_compile() else "interpreted"]
        size = min(max(steps // STRETCHES, least), max(longest // self.work, 1))
        return size - self.steps % size

    def _runner(self, steps: int) -> Callable[..., None]:
        """Return the loop for the next stretch: compiled where that pays, but for the first."""
        loop = type(self).loop
        simulated = isinstance(self.world, SimulatedWorld)
        pays = self.steps > 0 and (steps - self.steps) * self.work >= COMPILING_PAYS
        self._compiled = simulated and (self._compiled or pays)
        return fast(loop) if self._compiled else loop


def check_memory(n_states: int, n_actions: int, bytes_per_pair: int) -> None:
    """Raise `ZooError` where the tables would take more than half of the machine's memory."""
    needed = n_states * n_actions * bytes_per_pair
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not everywhere can one ask
        memory = 16 * 2**30
    if needed > memory / 2:
        raise ZooError(
            f"tables of {n_states:,} states and {n_actions} actions take {needed / 2**30:,.0f} "
            f"GiB, and this machine has {memory / 2**30:,.0f} GiB",
            "Use fewer states (coarser bins), or an algorithm with function approximation",
        )


def check_discount(model: TransitionModel, gamma: float) -> None:
    """Raise `ZooError` where episodes never terminate and nothing is discounted."""
    if gamma == 1 and not model.terminated.any():
        raise ZooError(
            "gamma is 1, and episodes of this environment never terminate: values grow without end",
            "Choose a gamma below 1",
        )


def _copies(arrays: Any) -> dict[str, np.ndarray]:
    return _copies_of(arrays._asdict())


def _copies_of(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in arrays.items()}

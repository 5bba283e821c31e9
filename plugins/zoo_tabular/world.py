"""What a learning loop steps: a known model in arrays, or a vector environment.

Both have the attributes that a loop reads and writes, with one entry for each copy. Where the
model is known, `SimulatedWorld` is arrays throughout, so the loop can be compiled; elsewhere
`VectorWorld` wears the same names over a vector environment. A loop goes

    for i in range(len(world.states)):
        world.actions[i] = ...  # for world.states[i]
    step(world, rng)
    for i in range(len(world.states)):
        ...  # learn from previous[i], actions[i], rewards[i], next_states[i], terminated[i]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from zoo import TransitionModel, ZooError
from zoo_tabular.compiled import compiled, compiled_as

REMEMBERED = 100
"""How many finished episodes a simulated world remembers."""
NO_LIMIT = 2**62


class SimulatedWorld(NamedTuple):
    """A known model and the episodes under way in it; n copies, all arrays change in place."""

    offsets: np.ndarray
    """(n_states * n_actions + 1,) int64: which outcomes belong to a state and action"""
    cumulative: np.ndarray
    """(n_outcomes,) float64: probabilities, summed up within a state and action"""
    outcomes: np.ndarray
    """(n_outcomes,) int64: next states"""
    outcome_rewards: np.ndarray
    outcome_terminated: np.ndarray
    starts: np.ndarray
    """(n_starts,) int64: the possible first states"""
    cumulative_starts: np.ndarray
    n_actions: int
    time_limit: int
    states: np.ndarray
    """(n,) int64: where each copy is; after `step`, past the autoreset"""
    actions: np.ndarray
    """(n,) int64: what each copy does next; after `step`, what it did"""
    began: np.ndarray
    """(n,) bool: whether `states` is the first of an episode"""
    elapsed: np.ndarray
    """(n,) int64: steps of the episode under way"""
    returns: np.ndarray
    """(n,) float64: rewards of the episode under way"""
    episodes: np.ndarray
    """(1,) int64: how many have ended"""
    last_returns: np.ndarray
    """(REMEMBERED,) float64: those of episodes that ended; number k stands at k % REMEMBERED"""
    last_lengths: np.ndarray
    previous: np.ndarray
    """(n,) int64: where the last step began"""
    next_states: np.ndarray
    """(n,) int64: where the last step led, before the autoreset"""
    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray


KEPT = ("states", "actions", "began", "elapsed", "returns", "episodes", "last_returns",
        "last_lengths")  # fmt: skip
"""The attributes that outlast a step: what exact continuation needs of a simulated world."""


def simulate(model: TransitionModel, n: int, rng: np.random.Generator) -> SimulatedWorld:
    """Return `n` copies of a model's process, each at the start of an episode."""
    starts = np.flatnonzero(model.initial > 0)
    world = SimulatedWorld(
        offsets=model.offsets.astype(np.int64),
        cumulative=_cumulative(model.probabilities, model.offsets),
        outcomes=model.next_states.astype(np.int64),
        outcome_rewards=model.rewards.astype(np.float64),
        outcome_terminated=model.terminated.astype(np.bool_),
        starts=starts,
        cumulative_starts=np.cumsum(model.initial[starts]),
        n_actions=int(model.n_actions),
        time_limit=NO_LIMIT if model.time_limit is None else int(model.time_limit),
        states=np.zeros(n, np.int64),
        actions=np.zeros(n, np.int64),
        began=np.ones(n, np.bool_),
        elapsed=np.zeros(n, np.int64),
        returns=np.zeros(n),
        episodes=np.zeros(1, np.int64),
        last_returns=np.zeros(REMEMBERED),
        last_lengths=np.zeros(REMEMBERED, np.int64),
        previous=np.zeros(n, np.int64),
        next_states=np.zeros(n, np.int64),
        rewards=np.zeros(n),
        terminated=np.zeros(n, np.bool_),
        truncated=np.zeros(n, np.bool_),
    )
    for i in range(n):
        world.states[i] = draw_start(world, rng)
    return world


def _cumulative(probabilities: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sum probabilities up within each state and action, in the order of `np.cumsum`."""
    summed = probabilities.astype(np.float64)
    widths = np.diff(offsets)
    for place in range(1, int(widths.max())):
        rows = offsets[:-1][widths > place] + place
        summed[rows] += summed[rows - 1]
    return summed


@compiled
def first_above(cumulative: np.ndarray, low: int, high: int, threshold: float) -> int:
    """Return the first of the rows low to high - 1 whose value is above a threshold, or the last.

    With a threshold drawn from [0, 1), that is how Gymnasium's `categorical_sample` chooses.
    """
    last = high - 1
    while low < last:
        middle = (low + last) // 2
        if cumulative[middle] > threshold:
            last = middle
        else:
            low = middle + 1
    return low


@compiled
def draw_start(world: SimulatedWorld, rng: np.random.Generator) -> int:
    """Return the first state of a new episode."""
    count = len(world.starts)
    if count == 1:
        return world.starts[0]
    return world.starts[first_above(world.cumulative_starts, 0, count, rng.random())]


@compiled
def step_simulated(world: SimulatedWorld, rng: np.random.Generator) -> None:
    """Take `world.actions` in all copies; see `step`."""
    for i in range(len(world.states)):
        state = world.states[i]
        pair = state * world.n_actions + world.actions[i]
        outcome, end = world.offsets[pair], world.offsets[pair + 1]
        if end - outcome > 1:
            outcome = first_above(world.cumulative, outcome, end, rng.random())
        next_state, reward = world.outcomes[outcome], world.outcome_rewards[outcome]
        world.elapsed[i] += 1
        world.returns[i] += reward
        terminated = world.outcome_terminated[outcome]
        truncated = world.elapsed[i] >= world.time_limit
        world.previous[i] = state
        world.next_states[i] = next_state
        world.rewards[i] = reward
        world.terminated[i] = terminated
        world.truncated[i] = truncated
        world.began[i] = terminated or truncated
        if terminated or truncated:
            place = world.episodes[0] % REMEMBERED
            world.last_returns[place] = world.returns[i]
            world.last_lengths[place] = world.elapsed[i]
            world.episodes[0] += 1
            world.elapsed[i] = 0
            world.returns[i] = 0.0
            next_state = draw_start(world, rng)
        world.states[i] = next_state


@compiled_as(step_simulated)
def step(world: Any, rng: np.random.Generator) -> None:
    """Take `world.actions` in all copies, and note what came of it in `world`.

    A copy whose episode ended begins the next one in the same step: `next_states` is where the
    old one ended, `states` where the new one begins, `began` is True.
    """
    if isinstance(world, SimulatedWorld):
        step_simulated(world, rng)
    else:
        world.step()


class Index(Protocol):
    """What a `VectorWorld` calls a state: the row of a table, or a row of features."""

    def __call__(self, observations: Any) -> np.ndarray:
        """Return the states (n, ...) for a batch of observations."""

    def one(self, observation: Any) -> Any:
        """Return the state for a single observation."""


class VectorWorld:
    """A vector environment with autoreset in the same step, by the names of `SimulatedWorld`."""

    def __init__(self, env: Any, index: Index) -> None:
        """Begin new episodes, or go on with those that the environment has restored.

        `resumed` (n,) bool tells which copies go on.
        """
        n = env.num_envs
        self.env, self.index = env, index
        self.first_action = int(env.single_action_space.start)
        self.n_actions = int(env.single_action_space.n)
        observations, infos = env.reset()
        self.resumed = np.asarray(infos.get("resumed", np.zeros(n, np.bool_)))
        self.states = index(observations)
        self.actions, self.previous = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.began, self.episodes = np.ones(n, np.bool_), np.zeros(1, np.int64)
        self.next_states, self.rewards = self.states, np.zeros(n)
        self.terminated, self.truncated = np.zeros(n, np.bool_), np.zeros(n, np.bool_)

    def step(self) -> None:
        """Take `actions`; see the function `step`."""
        actions = self.actions + self.first_action if self.first_action else self.actions
        observations, self.rewards, terminated, truncated, infos = self.env.step(actions)
        self.previous = self.states
        self.states = self.next_states = self.index(observations)
        self.terminated, self.truncated = terminated, truncated
        self.began = terminated | truncated
        if self.began.any():
            self.next_states = self.states.copy()
            ended = np.flatnonzero(self.began)
            for i in ended.tolist():
                self.next_states[i] = self.index.one(infos["final_obs"][i])
            self.episodes[0] += len(ended)


World = SimulatedWorld | VectorWorld


def world_state(world: World) -> dict[str, np.ndarray]:
    """Return copies of what exact continuation needs of a world."""
    names = [name for name in KEPT if hasattr(world, name)]
    return {name: getattr(world, name).copy() for name in names}


def restore_world(world: World, state: Mapping[str, np.ndarray]) -> None:
    """Let a world that has just been made go on from what `world_state` returned.

    Episodes that cannot go on (the environment restored none, or the state is of the other kind
    of world) begin anew. Raises `ZooError` for a state of another number of copies.
    """
    n, before = len(world.states), len(state["states"])
    if before != n:
        raise ZooError(
            f"training began with {before} copies of the environment and cannot go on with {n}",
            f"Use {before} copies",
        )
    world.episodes[:] = state["episodes"]
    if isinstance(world, VectorWorld):
        if "elapsed" not in state:
            world.actions[:] = state["actions"]
            world.began[world.resumed] = state["began"][world.resumed]
    elif "elapsed" in state:
        for name in KEPT:
            getattr(world, name)[:] = state[name]

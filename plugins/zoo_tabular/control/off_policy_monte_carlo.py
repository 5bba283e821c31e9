"""Off-policy Monte Carlo control: the greedy policy's values from episodes that explore."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from zoo import Config
from zoo_tabular.compiled import compiled
from zoo_tabular.episodes import LARGEST_RATIO, MOST_ROOM, ROOM, note
from zoo_tabular.exploration import EPSILON_GREEDY, Exploration, largest, scheduled, select
from zoo_tabular.learning import TabularAlgorithm
from zoo_tabular.world import step


class OffPolicyMonteCarloControlConfig(Config):
    """The hyperparameters of off-policy Monte Carlo control."""

    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    initial_value: float = Field(0.0, description="All action values at first.")
    epsilon: float = Field(
        0.3, gt=0, le=1, description="Probability of a random action: b is epsilon-greedy."
    )
    final: float | None = Field(
        None, gt=0, le=1, description="What epsilon falls to; by default it stays."
    )
    exploration_steps: int = Field(
        0, ge=0, description="Steps over which it falls in a line to `final`."
    )
    longest_episode: int = Field(
        ROOM, ge=1, le=MOST_ROOM, description="Longer episodes are cut there, as by a time limit."
    )

    @model_validator(mode="after")
    def _check_exploration(self) -> OffPolicyMonteCarloControlConfig:
        if (self.final is None) != (self.exploration_steps == 0):
            raise ValueError("final and exploration_steps go together: give both or none")
        return self

    def explorer(self) -> Exploration:
        """Return the numbers that `select` reads."""
        last = self.epsilon if self.final is None else self.final
        steps = max(self.exploration_steps, 1)
        return Exploration(EPSILON_GREEDY, float(self.epsilon), float(last), float(steps))


class WeightedValues(NamedTuple):
    """The tables."""

    q: np.ndarray
    """(n_states, n_actions) float64: estimates of the greedy policy's action values"""
    visits: np.ndarray
    """(n_states, n_actions) int64: how often each was updated"""
    weights: np.ndarray
    """(n_states, n_actions) float64: C(s, a), the sum of the ratios so far"""


class ChosenEpisodes(NamedTuple):
    """The episodes under way, one of each copy; see `Episodes`."""

    rows: np.ndarray
    rewards: np.ndarray
    lengths: np.ndarray
    chances: np.ndarray
    """(copies, room) float64: b(A_t|S_t), with which the action was chosen"""


class OffPolicySettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    exploration: Exploration


@compiled
def off_policy_mc_control(
    world: Any,
    tables: WeightedValues,
    memory: ChosenEpisodes,
    settings: OffPolicySettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 111; b is epsilon-greedy by the same values."""
    q, explore = tables.q, settings.exploration
    copies, n_actions = len(world.states), q.shape[1]
    for batch in range(batches):
        now = t + batch * copies
        for i in range(copies):
            if world.began[i]:
                memory.lengths[i] = 0
            s = world.states[i]
            a = select(explore, q, tables.visits, s, now + i, rng)
            memory.chances[i, memory.lengths[i]] = chance_of(q, s, a, scheduled(explore, now + i))
            world.actions[i] = a
        step(world, rng)
        for i in range(copies):
            pair = world.previous[i] * n_actions + world.actions[i]
            if note(memory, i, pair, world.rewards[i], world.began[i]):
                end_value = 0.0
                if not world.terminated[i]:  # cut off: the estimate stands for the rest
                    end_value = largest(q, world.next_states[i])
                learn(tables, memory, settings, i, end_value)


@compiled
def learn(
    tables: WeightedValues, memory: ChosenEpisodes, settings: OffPolicySettings, i: int, g: float
) -> None:
    """Learn from the greedy end of copy i's episode; `g` is worth what comes after it."""
    q, c, n_actions, w = tables.q, tables.weights, tables.q.shape[1], 1.0
    for t in range(memory.lengths[i] - 1, -1, -1):
        s, a = memory.rows[i, t] // n_actions, memory.rows[i, t] % n_actions
        g = settings.gamma * g + memory.rewards[i, t]
        tables.visits[s, a] += 1
        c[s, a] += w
        q[s, a] += w / c[s, a] * (g - q[s, a])  # equation 5.8
        if a != first_best(q, s) or w > LARGEST_RATIO:
            break  # what came earlier says nothing about the greedy policy
        w /= memory.chances[i, t]
    memory.lengths[i] = 0


@compiled
def first_best(q: np.ndarray, s: int) -> int:
    """Return pi(s), the first action of the largest value, as the agent acts."""
    best = 0
    for a in range(1, q.shape[1]):
        if q[s, a] > q[s, best]:
            best = a
    return best


@compiled
def chance_of(q: np.ndarray, s: int, a: int, epsilon: float) -> float:
    """Return b(a|s): epsilon-greedy, with any one of equals."""
    best, ties = largest(q, s), 0
    for other in range(q.shape[1]):
        if q[s, other] == best:
            ties += 1
    chance = epsilon / q.shape[1]
    if q[s, a] == best:
        chance += (1.0 - epsilon) / ties
    return chance


class OffPolicyMonteCarloControl(TabularAlgorithm):
    """Learns the greedy policy's values by weighted importance sampling.

    It learns from the end of an episode up to the last action that was not greedy, so it is slow
    where episodes are long. Where an episode is truncated, the estimate of its last state's value
    stands for the rewards that were cut off: see `zoo_tabular.episodes`.
    """

    Config = OffPolicyMonteCarloControlConfig
    loop = staticmethod(off_policy_mc_control)
    bytes_per_pair = 24

    def make_tables(self) -> WeightedValues:
        """Return the tables of no experience."""
        shape = (self.n_states, self.n_actions)
        return WeightedValues(self.new_values(), self.new_counts(), np.zeros(shape))

    def make_memory(self, copies: int) -> ChosenEpisodes:
        """Return room for one episode of each copy."""
        shape = (copies, self.config.longest_episode)
        return ChosenEpisodes(
            rows=np.zeros(shape, np.int64),
            rewards=np.zeros(shape),
            lengths=np.zeros(copies, np.int64),
            chances=np.zeros(shape),
        )

    def make_settings(self) -> OffPolicySettings:
        """Return the numbers of the loop."""
        return OffPolicySettings(float(self.config.gamma), self.config.explorer())

    def epsilon(self) -> float:
        """Return the present probability of a random action."""
        return scheduled(self.config.explorer(), self.steps)

"""Off-policy Monte Carlo prediction: the values of one policy from the episodes of another."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from zoo import Config, ZooError
from zoo_tabular.compiled import compiled
from zoo_tabular.episodes import (
    LARGEST_RATIO,
    MOST_ROOM,
    ROOM,
    Episodes,
    Visits,
    make_episodes,
    mark_first_visits,
    note,
)
from zoo_tabular.policies import MEANING
from zoo_tabular.prediction.base import Prediction, draw_action
from zoo_tabular.world import step


class OffPolicyMonteCarloPredictionConfig(Config):
    """The hyperparameters of off-policy Monte Carlo prediction."""

    policy: str = Field("uniform", description=f"Whose values are learnt: {MEANING}.")
    behaviour: str = Field("uniform", description="The policy that acts, given in the same way.")
    importance_sampling: Literal["weighted", "ordinary"] = Field(
        "weighted",
        description="Divide by the sum of ratios (equation 5.6, biased, of small variance) or by "
        "the number of visits (equation 5.5, unbiased).",
    )
    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    initial_value: float = Field(0.0, description="All state values at first.")
    visits: Visits = Field("first", description="The visits of an episode whose returns count.")
    longest_episode: int = Field(
        ROOM, ge=1, le=MOST_ROOM, description="Longer episodes are cut there, as by a time limit."
    )


class OffPolicyEstimates(NamedTuple):
    """The tables; see `Estimates`."""

    v: np.ndarray
    visits: np.ndarray
    policy: np.ndarray
    """(n_states, n_actions) float64: pi(a|s), of the target policy"""
    behaviour: np.ndarray
    """(n_states, n_actions) float64: b(a|s), above 0 where pi(a|s) is"""
    weights: np.ndarray
    """(n_states, 1) float64: C(s), the sum of the ratios so far"""


class OffPolicySettings(NamedTuple):
    """The numbers of the loop."""

    gamma: float
    every_visit: bool
    is_weighted: bool


@compiled
def off_policy_mc_prediction(
    world: Any,
    tables: OffPolicyEstimates,
    memory: Episodes,
    settings: OffPolicySettings,
    t: int,
    batches: int,
    rng: np.random.Generator,
) -> None:
    """Sutton & Barto (2018), page 110, for state values."""
    copies, n_actions = len(world.states), tables.policy.shape[1]
    for _ in range(batches):
        for i in range(copies):
            if world.began[i]:
                memory.lengths[i] = 0
            world.actions[i] = draw_action(tables.behaviour, world.states[i], rng)
        step(world, rng)
        for i in range(copies):
            pair = world.previous[i] * n_actions + world.actions[i]
            if note(memory, i, pair, world.rewards[i], world.began[i]):
                end_value = 0.0
                if not world.terminated[i]:  # cut off: the estimate stands for the rest
                    end_value = tables.v[world.next_states[i], 0]
                learn(tables, memory, settings, i, end_value)


@compiled
def learn(
    tables: OffPolicyEstimates, memory: Episodes, settings: OffPolicySettings, i: int, g: float
) -> None:
    """Learn from copy i's episode, backwards; `g` is worth what comes after it."""
    v, n_actions, ratio = tables.v, tables.policy.shape[1], 1.0
    mark_first_visits(memory, i, n_actions)
    for t in range(memory.lengths[i] - 1, -1, -1):
        s, a = memory.rows[i, t] // n_actions, memory.rows[i, t] % n_actions
        g = settings.gamma * g + memory.rewards[i, t]
        ratio *= tables.policy[s, a] / tables.behaviour[s, a]  # equation 5.3
        if (ratio == 0.0 and settings.is_weighted) or ratio > LARGEST_RATIO:
            break  # nothing earlier has weight, or more than can be summed up
        if settings.every_visit or memory.first[s] == t:
            tables.visits[s, 0] += 1
            tables.weights[s, 0] += ratio
            if settings.is_weighted:
                v[s, 0] += ratio / tables.weights[s, 0] * (g - v[s, 0])  # equation 5.8
            else:
                v[s, 0] += (ratio * g - v[s, 0]) / tables.visits[s, 0]
    memory.lengths[i] = 0


class OffPolicyMonteCarloPrediction(Prediction):
    """Learns the values of one policy from the episodes of another, by importance sampling.

    Where an episode is truncated, the estimate of its last state's value stands for the rewards
    that were cut off: see `zoo_tabular.episodes`.
    """

    Config = OffPolicyMonteCarloPredictionConfig
    loop = staticmethod(off_policy_mc_prediction)

    def make_tables(self) -> OffPolicyEstimates:
        """Return both policies, and the values of no experience; `ZooError` without coverage."""
        policy, behaviour = self.load(self.config.policy), self.load(self.config.behaviour)
        check_coverage(policy, behaviour)
        values, counts = self.new_estimates()
        return OffPolicyEstimates(values, counts, policy, behaviour, np.zeros(values.shape))

    def make_memory(self, copies: int) -> Episodes:
        """Return room for one episode of each copy."""
        return make_episodes(copies, self.config.longest_episode, self.n_states)

    def make_settings(self) -> OffPolicySettings:
        """Return the numbers of the loop."""
        config = self.config
        is_weighted = config.importance_sampling == "weighted"
        return OffPolicySettings(float(config.gamma), config.visits == "every", is_weighted)


def check_coverage(policy: np.ndarray, behaviour: np.ndarray) -> None:
    """Raise `ZooError` unless b(a|s) > 0 wherever pi(a|s) > 0: page 103."""
    uncovered = np.argwhere((policy > 0) & (behaviour == 0))
    if uncovered.size:
        state, action = uncovered[0].tolist()
        raise ZooError(
            f"the behaviour never takes action {action} in state {state}, which the policy does",
            "Choose a behaviour that takes every action of the policy, such as uniform",
        )

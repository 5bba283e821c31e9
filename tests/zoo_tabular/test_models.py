"""The model of Blackjack-v1, against the environment itself and against known values."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from tests.zoo_tabular.solutions import action_values, optimal
from zoo_tabular.models import (
    HIT,
    NATURAL_SUM,
    STICK,
    add,
    blackjack,
    dealer_scores,
    state_of,
)

RULES = [{"sab": True}, {"sab": False}, {"sab": False, "natural": True}]


def test_cards_are_added_as_the_rules_say() -> None:
    assert add(0, 0, 1) == (11, 1)  # an ace
    assert add(11, 1, 1) == (12, 1)  # two aces
    assert add(20, 1, 10) == (20, 0)  # the ace counts 1 now
    assert add(12, 0, 1) == (13, 0)
    assert add(15, 0, 10) == (25, 0)


def test_the_dealer_who_shows_six_is_bust_as_often_as_tables_say() -> None:
    """0.4232 for an infinite deck where the dealer stands on every 17."""
    scores = dealer_scores(6)
    assert sum(scores.values()) == pytest.approx(1)
    assert scores[0] == pytest.approx(0.4232, abs=5e-5)
    assert dealer_scores(1)[21] >= 4 / 13  # a natural among them


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_frequencies_of_the_environment_are_the_models(rules: dict) -> None:
    env = gym.make("Blackjack-v1", **rules).unwrapped
    model = blackjack(env)
    actions = np.random.default_rng(0)
    firsts = np.zeros(model.n_states)
    counts = np.zeros(len(model.next_states))
    tried = np.zeros(model.n_states * 2)
    apart = rules["sab"] or rules.get("natural", False)
    env.reset(seed=1)
    for _ in range(25_000):
        observation, _ = env.reset()
        natural = apart and sorted(env.player) == [1, 10]
        state = state_of(NATURAL_SUM if natural else observation[0], *observation[1:])
        firsts[state] += 1
        terminated = False
        while not terminated:
            action = int(actions.random() < 0.4)
            observation, reward, terminated, _, _ = env.step(action)
            to = state if terminated and action == STICK else state_of(*observation)
            pair = 2 * state + action
            rows = np.arange(model.offsets[pair], model.offsets[pair + 1])
            key = (model.next_states[rows] == to) & (model.rewards[rows] == reward)
            row = rows[key & (model.terminated[rows] == terminated)]
            assert len(row) == 1, (state, action, to, reward)
            counts[row] += 1
            tried[pair] += 1
            state = to
    expected = model.initial * firsts.sum()
    assert (np.abs(firsts - expected) <= 5 * np.sqrt(expected) + 1e-9).all()
    often = np.repeat(tried, np.diff(model.offsets))
    p = model.probabilities
    assert (np.abs(counts - often * p) <= 5 * np.sqrt(often * p * (1 - p)) + 3).all()


@pytest.mark.parametrize(
    ("rules", "known"), [(RULES[0], -0.0431), (RULES[1], -0.0466), (RULES[2], -0.0257)], ids=str
)
def test_the_optimal_policy_earns_in_the_environment_what_the_model_says(rules, known) -> None:
    """The values are this model's; what the environment pays is the independent witness."""
    env = gym.make("Blackjack-v1", **rules).unwrapped
    model = blackjack(env)
    values = optimal(model)
    assert model.initial @ values == pytest.approx(known, abs=1e-4)
    greedy = action_values(model, values, 1.0).argmax(axis=1)
    returns = np.empty(20_000)
    observation, _ = env.reset(seed=5)
    for i in range(len(returns)):
        terminated = False
        while not terminated:
            observation, reward, terminated, _, _ = env.step(greedy[state_of(*observation)])
        returns[i] = reward
        observation, _ = env.reset()
    error = returns.std() / np.sqrt(len(returns))
    assert abs(returns.mean() - known) < 3.5 * error


def test_the_optimal_policy_is_that_of_figure_5_2() -> None:
    """Sutton & Barto (2018): where one sticks with and without a usable ace."""
    env = gym.make("Blackjack-v1", sab=True).unwrapped
    model = blackjack(env)
    greedy = action_values(model, optimal(model), 1.0).argmax(axis=1)

    def sticks_from(card: int, ace: int) -> int:
        totals = range(12, 22)
        return next(t for t in totals if greedy[state_of(t, card, ace)] == STICK)

    assert [sticks_from(card, 0) for card in range(1, 11)] == [
        17,
        13,
        13,
        12,
        12,
        12,
        17,
        17,
        17,
        17,
    ]
    assert [sticks_from(card, 1) for card in range(1, 11)] == [
        19,
        18,
        18,
        18,
        18,
        18,
        18,
        18,
        19,
        19,
    ]
    assert greedy[state_of(11, 5, 0)] == HIT
    assert greedy[state_of(NATURAL_SUM, 10, 1)] == STICK

"""Monte Carlo control: updates worked out by hand, and what it learns of games and grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zoo
from tests.zoo_tabular.scripts import TERMINATED, TRUNCATED, Script
from tests.zoo_tabular.solutions import optimal
from tests.zoo_tabular.worlds import learner, trained
from zoo.config.recipes import load_recipe
from zoo_tabular.compiled import fast
from zoo_tabular.control.monte_carlo import MonteCarloSettings, mc_control
from zoo_tabular.control.off_policy_monte_carlo import (
    ChosenEpisodes,
    OffPolicySettings,
    WeightedValues,
    chance_of,
    off_policy_mc_control,
)
from zoo_tabular.episodes import make_episodes
from zoo_tabular.exploration import EPSILON_GREEDY, Exploration, StepSize, select
from zoo_tabular.learning import Values
from zoo_tabular.world import simulate

MEAN = StepSize(1.0, 1.0)
RANDOM = Exploration(EPSILON_GREEDY, 1.0, 1.0, 1.0)
HALF = Exploration(EPSILON_GREEDY, 0.5, 0.5, 1.0)


def on_policy(script: Script, q: Any, *, every: bool = False, explore: Any = HALF) -> np.ndarray:
    """Return the action values after a script, with gamma 0.5 and averages."""
    table = np.array(q, np.float64)
    tables = Values(table, np.zeros(table.shape, np.int64))
    numbers = MonteCarloSettings(0.5, explore, MEAN, every, False)
    memory, rng = make_episodes(1, 9, table.size), np.random.default_rng(0)
    mc_control(script, tables, memory, numbers, 0, len(script.transitions), rng)
    return tables.q


@pytest.mark.parametrize(
    ("end", "last"),
    # epsilon is 0.5, so the last state is worth 0.25 * 4 + 0.75 * 8
    [(TERMINATED, 2.0), (TRUNCATED, 2.0 + 0.5 * 7.0)],
)
def test_an_episode_is_worth_its_return_and_an_estimate_for_what_is_cut(
    end: str, last: float
) -> None:
    script = Script((0, 1, 1.0, 1), (1, 0, 2.0, 2, end))
    q = on_policy(script, [[0.0, 0.0], [0.0, 0.0], [4.0, 8.0]])
    assert q.tolist() == [[0, 1 + 0.5 * last], [last, 0], [4, 8]]


@pytest.mark.parametrize(("every", "expected"), [(False, 3.0), (True, (3.0 + 4.0) / 2)])
def test_a_pair_counts_once_or_each_time_it_comes(every: bool, expected: float) -> None:
    script = Script((0, 1, 1.0, 0), (0, 0, 2.0, 0), (0, 1, 4.0, 1, TERMINATED))
    q = on_policy(script, [[0.0, 0.0], [0.0, 0.0]], every=every)
    assert q[0].tolist() == [4, expected]


def off_policy(script: Script, q: Any) -> WeightedValues:
    """Return the tables after a script; b takes both actions alike, gamma is 0.5."""
    table = np.array(q, np.float64)
    tables = WeightedValues(table, np.zeros(table.shape, np.int64), np.zeros(table.shape))
    empty = np.zeros((1, 9))
    memory = ChosenEpisodes(empty.astype(np.int64), empty, np.zeros(1, np.int64), np.zeros((1, 9)))
    rounds, rng = len(script.transitions), np.random.default_rng(0)
    off_policy_mc_control(script, tables, memory, OffPolicySettings(0.5, RANDOM), 0, rounds, rng)
    return tables


def test_off_policy_weights_double_with_each_greedy_action() -> None:
    script = Script((0, 1, 1.0, 1), (1, 1, 2.0, 2), (2, 1, 4.0, 3, TERMINATED))
    tables = off_policy(script, np.zeros((4, 2)))
    assert tables.weights[:3].tolist() == [[0, 4], [0, 2], [0, 1]]
    assert tables.q[:3].tolist() == [[0, 3], [0, 4], [0, 4]]


def test_off_policy_stops_before_the_last_action_that_was_not_greedy() -> None:
    script = Script((0, 1, 1.0, 1), (1, 1, 2.0, 2), (2, 1, 4.0, 3, TERMINATED))
    tables = off_policy(script, [[0.0, 0.0], [9.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert tables.visits[:3].tolist() == [[0, 0], [0, 1], [0, 1]]
    assert tables.q[:3].tolist() == [[0, 0], [9, 4], [0, 4]]


def test_off_policy_averages_by_weight() -> None:
    """The pair (0, 1) has the returns 1 + 0.5 * 4 with the ratio 2, then 6 with the ratio 1."""
    script = Script((0, 1, 1.0, 1), (1, 1, 4.0, 2, TERMINATED), (0, 1, 6.0, 2, TERMINATED))
    q = off_policy(script, np.zeros((3, 2))).q
    assert q[0, 1] == pytest.approx((2 * 3 + 1 * 6) / 3)


def test_off_policy_takes_the_best_value_for_what_is_cut() -> None:
    q = off_policy(Script((0, 1, 1.0, 1, TRUNCATED)), [[0.0, 0.0], [3.0, 8.0]]).q
    assert q[0, 1] == 1 + 0.5 * 8


@pytest.mark.parametrize("row", [[1.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
def test_the_chance_of_an_action_is_how_often_it_is_selected(row: list[float]) -> None:
    q, rng, draws = np.array([row]), np.random.default_rng(0), 4000
    visits = np.zeros(q.shape, np.int64)
    chosen = [select(HALF, q, visits, 0, 0, rng) for _ in range(draws)]
    chances = np.array([chance_of(q, 0, a, 0.5) for a in range(3)])
    assert chances.sum() == pytest.approx(1)
    slack = 5 * np.sqrt(chances * (1 - chances) / draws)
    assert (np.abs(np.bincount(chosen, minlength=3) / draws - chances) <= slack).all()


def test_exploring_starts_try_everything_first_and_then_nothing() -> None:
    """Epsilon is 0: without them, an action that looks worse than another is never tried again."""
    tried = {}
    for starts in (False, True):
        made = trained("mc-control", "Blackjack-v1", 50_000, epsilon=0, exploring_starts=starts)
        often = made.tables.visits[made.tables.visits.sum(axis=1) > 100]
        tried[starts] = float((often.min(axis=1) > 10).mean())
    assert tried[True] > 0.9
    assert tried[False] < 0.5


@pytest.mark.parametrize("algorithm", ["mc-control", "off-policy-mc-control"])
@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "Blackjack-v1"])
def test_compiled_and_interpreted_are_the_same_bit_for_bit(algorithm: str, env_id: str) -> None:
    made, env = learner(algorithm, env_id, n_envs=2, epsilon=0.3)
    model = zoo.find_model(env)
    assert model is not None
    tables = []
    for loop in (type(made).loop, fast(type(made).loop)):
        ours, memory = made.make_tables(), made.make_memory(2)
        world, rng = simulate(model, 2, np.random.default_rng(1)), np.random.default_rng(2)
        for t in (0, 2000):
            loop(world, ours, memory, made.make_settings(), t, 1000, rng)
        tables.append(ours)
    one, other = tables
    assert [a.tobytes() for a in one] == [b.tobytes() for b in other]
    assert np.ptp(one.q) > 0


def worth(model: zoo.TransitionModel, q: np.ndarray) -> float:
    """Return the exact undiscounted return of the greedy policy, over an episode."""
    n, a = model.n_states, q.argmax(1)
    value = np.zeros(n)
    for _ in range(model.time_limit or 1000):
        backup = np.add.reduceat(model.continuation * value[model.next_states], model.offsets[:-1])
        value = (model.expected_rewards + backup).reshape(n, -1)[np.arange(n), a]
    return float(model.initial @ value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "env_id", "least"),
    [
        ("mc-control", "FrozenLake-v1", 0.7254),  # 98 % of the optimum
        ("mc-control", "Taxi-v4", 7.77),
        ("mc-control", "CliffWalking-v1", -19),  # the safe way round
        ("mc-control", "Blackjack-v1", -0.0446),
        ("off-policy-mc-control", "CliffWalking-v1", -13),
        ("off-policy-mc-control", "Blackjack-v1", -0.0436),
    ],
)
def test_recipes_learn_the_toy_texts(algorithm: str, env_id: str, least: float) -> None:
    recipe = load_recipe(algorithm, env_id)
    config, steps = recipe.config.model_dump(), recipe.settings.n_timesteps
    made, env = learner(algorithm, env_id, n_envs=recipe.settings.n_envs, seed=0, **config)
    list(made.train(env, steps))
    model = zoo.find_model(env)
    assert model is not None
    assert worth(model, made.agent().q) >= least


def test_blackjack_is_played_near_the_optimum_after_seconds() -> None:
    """The optimum is -0.0431 under the rules of the book, Gymnasium's `sab`."""
    made, env = learner("off-policy-mc-control", "Blackjack-v1", gamma=1.0)
    list(made.train(env, 2_000_000))
    model = zoo.find_model(env)
    assert model is not None
    best = float(model.initial @ optimal(model))
    assert best == pytest.approx(-0.0431, abs=1e-4)
    assert best - 0.002 < worth(model, made.agent().q) <= best + 1e-9

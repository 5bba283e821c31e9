"""Single updates of each predictor against numbers worked out by hand; gamma is 0.5."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo_tabular.scripts import TERMINATED, TRUNCATED, Script
from zoo_tabular.episodes import make_episodes
from zoo_tabular.exploration import StepSize
from zoo_tabular.prediction.base import Estimates, PredictionSettings, draw_action
from zoo_tabular.prediction.monte_carlo import MonteCarloSettings, mc_prediction
from zoo_tabular.prediction.n_step_td import LastSteps, NStepSettings, n_step_td
from zoo_tabular.prediction.off_policy_monte_carlo import (
    OffPolicyEstimates,
    OffPolicySettings,
    off_policy_mc_prediction,
)
from zoo_tabular.prediction.td import td
from zoo_tabular.prediction.td_lambda import TraceSettings, td_lambda
from zoo_tabular.traces import ACCUMULATING, DUTCH, REPLACING, make_traces

MEAN, TENTH, WHOLE = StepSize(1.0, 1.0), StepSize(0.1, 0.0), StepSize(1.0, 0.0)
TO_THE_END = ((0, 0, 1.0, 1), (1, 0, 2.0, 2), (2, 0, 4.0, 3))


def run(loop: Any, script: Script, v: list[float], numbers: Any, memory: Any = None) -> list[float]:
    """Play a script to its end and return the state values."""
    column = np.array(v)[:, None]
    tables = Estimates(column, np.zeros(column.shape, np.int64), np.ones(column.shape))
    loop(script, tables, memory, numbers, 0, len(script.transitions), np.random.default_rng(0))
    return tables.v[:, 0].tolist()


def ended(how: str) -> Script:
    """Return the script of rewards 1, 2 and 4, with an end."""
    return Script(*TO_THE_END[:2], (*TO_THE_END[2], how))


def monte_carlo(
    script: Script, v: list[float], *, every: bool = False, room: int = 9
) -> list[float]:
    numbers = MonteCarloSettings(0.5, MEAN, every)
    return run(mc_prediction, script, v, numbers, make_episodes(1, room, len(v)))


@pytest.mark.parametrize(("end", "expected"), [(TERMINATED, 1.9), (TRUNCATED, 2.15)])
def test_td_learns_from_the_next_value_unless_the_episode_terminates(end: str, expected: float):
    script = Script((0, 0, 1.0, 1, end))
    assert run(td, script, [2.0, 5.0], PredictionSettings(0.5, TENTH)) == [
        pytest.approx(expected),
        5.0,
    ]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (TERMINATED, [1 + 0.5 * 4, 2 + 0.5 * 4, 4, 16]),
        (TRUNCATED, [1 + 0.5 * 8, 2 + 0.5 * 12, 4 + 0.5 * 16, 16]),
    ],
)
def test_monte_carlo_learns_whole_returns_and_an_estimate_for_what_is_cut(
    end: str, expected: list[float]
) -> None:
    assert monte_carlo(ended(end), [0.0, 0.0, 8.0, 16.0]) == expected


def test_monte_carlo_waits_for_the_end() -> None:
    assert monte_carlo(Script(*TO_THE_END), [7.0] * 4) == [7.0] * 4


def test_monte_carlo_learns_also_when_there_is_no_more_room() -> None:
    """Two steps are cut before state 2, which is worth 8; the third is an episode by itself."""
    after = monte_carlo(ended(TERMINATED), [0.0, 0.0, 8.0, 16.0], room=2)
    assert after == [1 + 0.5 * (2 + 0.5 * 8), 2 + 0.5 * 8, 4, 16]


@pytest.mark.parametrize(("every", "expected"), [(False, 3.0), (True, (3.0 + 4.0 + 4.0) / 3)])
def test_first_visit_counts_once_and_every_visit_each_time(every: bool, expected: float) -> None:
    """Returns of the three visits, from the last: 4, 2 + 2, 1 + 2."""
    script = Script((0, 0, 1.0, 0), (0, 0, 2.0, 0), (0, 0, 4.0, 1, TERMINATED))
    assert monte_carlo(script, [9.0, 0.0], every=every)[0] == pytest.approx(expected)


def test_monte_carlo_averages_over_episodes() -> None:
    script = Script(*[(0, 0, reward, 1, TERMINATED) for reward in (1.0, 2.0, 6.0)])
    assert monte_carlo(script, [9.0, 0.0])[0] == pytest.approx(3)


def off_policy(script: Script, *, weighted: bool, every: bool = False) -> Any:
    """Return the tables after a script; pi takes action 1, in state 2 one as often as the other."""
    policy = np.array([[0.0, 1.0], [0.0, 1.0], [0.5, 0.5], [0.5, 0.5]])
    behaviour = np.array([[0.5, 0.5], [0.75, 0.25], [0.5, 0.5], [0.5, 0.5]])
    column = np.zeros((4, 1))
    tables = OffPolicyEstimates(
        column, column.astype(np.int64), policy, behaviour, np.zeros((4, 1))
    )
    numbers = OffPolicySettings(0.5, every, weighted)
    rounds, rng = len(script.transitions), np.random.default_rng(0)
    off_policy_mc_prediction(script, tables, make_episodes(1, 9, 4), numbers, 0, rounds, rng)
    return tables


@pytest.mark.parametrize("weighted", [True, False])
def test_returns_are_weighted_by_the_ratio_of_what_follows(weighted: bool) -> None:
    script = Script((0, 1, 1.0, 1), (1, 1, 2.0, 2), (2, 0, 4.0, 3, TERMINATED))
    tables = off_policy(script, weighted=weighted)
    ratios = [8.0, 4.0, 1.0]
    returns = [3.0, 4.0, 4.0]
    expected = returns if weighted else [a * b for a, b in zip(ratios, returns, strict=True)]
    assert tables.weights[:3, 0].tolist() == ratios
    assert tables.v[:3, 0].tolist() == expected


@pytest.mark.parametrize("weighted", [True, False])
def test_what_leads_to_an_action_that_the_policy_never_takes_says_nothing(weighted: bool) -> None:
    script = Script((0, 1, 1.0, 1), (1, 0, 2.0, 2), (2, 0, 4.0, 3, TERMINATED))
    tables = off_policy(script, weighted=weighted)
    assert tables.v[:3, 0].tolist() == [0, 0, 4]
    assert tables.visits[:3, 0].tolist() == ([0, 0, 1] if weighted else [1, 1, 1])


def test_ordinary_and_weighted_averages_differ() -> None:
    """Returns of state 1: 2 with ratio 4, and 6 with ratio 0."""
    script = Script((1, 1, 2.0, 3, TERMINATED), (1, 0, 6.0, 3, TERMINATED))
    assert off_policy(script, weighted=True).v[1, 0] == 2
    script = Script((1, 1, 2.0, 3, TERMINATED), (1, 0, 6.0, 3, TERMINATED))
    assert off_policy(script, weighted=False).v[1, 0] == 4 * 2 / 2


def n_step(script: Script, n: int, v: list[float]) -> list[float]:
    memory = LastSteps(np.zeros((1, n + 1), np.int64), np.zeros((1, n + 1)), np.zeros(1, np.int64))
    return run(n_step_td, script, v, NStepSettings(0.5, WHOLE, n), memory)


def test_n_step_td_waits_for_two_rewards() -> None:
    assert n_step(Script(TO_THE_END[0]), 2, [0.0, 0.0, 8.0]) == [0, 0, 8]
    assert n_step(Script(*TO_THE_END[:2]), 2, [0.0, 0.0, 8.0]) == [1 + 0.5 * 2 + 0.25 * 8, 0, 8]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (TERMINATED, [4, 2 + 0.5 * 4, 4, 16]),
        (TRUNCATED, [4, 2 + 0.5 * 4 + 0.25 * 16, 4 + 0.5 * 16, 16]),
    ],
)
def test_n_step_td_learns_what_is_left_at_the_end(end: str, expected: list[float]) -> None:
    assert n_step(ended(end), 2, [0.0, 0.0, 8.0, 16.0]) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ACCUMULATING, 0.1 + 0.1 * 0.9 * 1.5),
        (REPLACING, 0.1 + 0.1 * 0.9 * 1.0),
        # z = 0.5 + 1 - 0.1 * 0.5; V - V_old = 0.1
        (DUTCH, 0.1 + 0.1 * (0.9 + 0.1) * 1.45 - 0.1 * 0.1),
    ],
)
def test_traces_of_a_state_that_is_visited_twice(kind: int, expected: float) -> None:
    numbers = TraceSettings(1.0, TENTH, 0.5, kind)
    script = Script((0, 0, 1.0, 0), (0, 0, 1.0, 1))
    after = run(td_lambda, script, [0.0, 0.0], numbers, make_traces(1, 2))
    assert after[0] == pytest.approx(expected)


@pytest.mark.parametrize("kind", [ACCUMULATING, REPLACING, DUTCH])
@pytest.mark.parametrize("end", [TERMINATED, TRUNCATED])
def test_traces_end_with_the_episode(kind: int, end: str) -> None:
    numbers = TraceSettings(1.0, WHOLE, 1.0, kind)
    script = Script((0, 0, 1.0, 2, end), (1, 0, 5.0, 2, TERMINATED))
    after = run(td_lambda, script, [0.0, 0.0, 7.0], numbers, make_traces(1, 3))
    assert after == [1 if end == TERMINATED else 8, 5, 7]


def test_an_action_is_drawn_as_often_as_the_policy_says() -> None:
    policy, rng = np.array([[0.0, 0.2, 0.0, 0.8, 0.0]]), np.random.default_rng(0)
    counts = np.bincount([draw_action(policy, 0, rng) for _ in range(4000)], minlength=5)
    assert counts[[0, 2, 4]].tolist() == [0, 0, 0]
    assert abs(counts[1] / 4000 - 0.2) < 5 * np.sqrt(0.16 / 4000)

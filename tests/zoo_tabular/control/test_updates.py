"""Single updates of each algorithm against numbers worked out by hand.

A `Script` plays transitions that are written down, whatever is chosen: gamma is 0.5 and the step
size 0.1 unless said.
"""

import math

import numpy as np
import pytest

from tests.zoo_tabular.scripts import TERMINATED, TRUNCATED, Script
from zoo_tabular.control.double_q_learning import TwoTables, double_q_learning
from zoo_tabular.control.dyna_q import DynaSettings, dyna_q, make_model
from zoo_tabular.control.dyna_q_plus import DynaQPlusSettings, dyna_q_plus
from zoo_tabular.control.expected_sarsa import expected_sarsa
from zoo_tabular.control.n_step_sarsa import LastSteps, NStepSettings, n_step_sarsa
from zoo_tabular.control.q_lambda import q_lambda
from zoo_tabular.control.q_learning import q_learning
from zoo_tabular.control.r_max import RMaxSettings, Samples, r_max
from zoo_tabular.control.sarsa import sarsa
from zoo_tabular.control.sarsa_lambda import sarsa_lambda
from zoo_tabular.control.traced import TraceSettings
from zoo_tabular.exploration import EPSILON_GREEDY, SOFTMAX, UCB, Exploration, StepSize
from zoo_tabular.learning import Settings, Values
from zoo_tabular.traces import ACCUMULATING, DUTCH, REPLACING, make_traces

GREEDY = Exploration(EPSILON_GREEDY, 0.0, 0.0, 1.0)
RANDOM = Exploration(EPSILON_GREEDY, 1.0, 1.0, 1.0)
TENTH = StepSize(0.1, 0.0)
WHOLE = StepSize(1.0, 0.0)
Q = [[1.0, 2.0], [3.0, 5.0]]


def values(q):
    table = np.array(q, np.float64)
    return Values(table, np.zeros(table.shape, np.int64))


def settings(explore=GREEDY, size=TENTH, gamma=0.5):
    return Settings(gamma, explore, size)


def run(loop, script, tables, numbers, memory=None, seed=0):
    """Play a script to its end and return the table of action values."""
    batches = len(script.transitions)
    loop(script, tables, memory, numbers, 0, batches, np.random.default_rng(seed))
    return getattr(tables, "q", None)


def test_q_learning_takes_the_best_next_action():
    q = run(q_learning, Script((0, 1, 1.0, 1)), values(Q), settings(RANDOM))
    assert q[0, 1] == pytest.approx(2 + 0.1 * (1 + 0.5 * 5 - 2))
    assert (q[0, 0], *q[1]) == (1, 3, 5)


@pytest.mark.parametrize("loop", [q_learning, sarsa, expected_sarsa])
@pytest.mark.parametrize(("end", "expected"), [(TERMINATED, 1.9), (TRUNCATED, 2.15)])
def test_only_termination_ends_the_return(loop, end, expected):
    q = run(loop, Script((0, 1, 1.0, 1, end)), values(Q), settings())
    assert q[0, 1] == pytest.approx(expected)


def test_sarsa_takes_the_next_action_that_it_chose():
    chosen = set()
    for seed in range(8):
        script = Script((0, 1, 1.0, 1))
        q = run(sarsa, script, values(Q), settings(RANDOM), seed=seed)
        a_next = int(script.actions[0])
        chosen.add(a_next)
        assert q[0, 1] == pytest.approx(2 + 0.1 * (1 + 0.5 * Q[1][a_next] - 2))
    assert chosen == {0, 1}


@pytest.mark.parametrize(
    ("explore", "mean"),
    [
        (Exploration(EPSILON_GREEDY, 0.4, 0.4, 1.0), 0.2 * 3 + 0.8 * 5),
        # exp(2 / T) = 3, so the probabilities are 1/4 and 3/4
        (Exploration(SOFTMAX, 2 / math.log(3), 2 / math.log(3), 1.0), 0.25 * 3 + 0.75 * 5),
        (Exploration(UCB, 1.0, 1.0, 1.0), (3 + 5) / 2),  # both untried: either comes first
    ],
)
def test_expected_sarsa_takes_the_mean_over_its_policy(explore, mean):
    q = run(expected_sarsa, Script((0, 1, 1.0, 1)), values(Q), settings(explore))
    assert q[0, 1] == pytest.approx(2 + 0.1 * (1 + 0.5 * mean - 2))


def test_double_q_learning_lets_each_table_judge_the_others_choice():
    outcomes = set()
    for seed in range(8):
        q1, q2 = np.array(Q), np.array([[1.0, 1.0], [7.0, 4.0]])
        counts = [np.zeros((2, 2), np.int64) for _ in range(3)]
        tables = TwoTables(q1, q2, q1 + q2, *counts)
        run(double_q_learning, Script((0, 1, 1.0, 1)), tables, settings(), seed=seed)
        outcomes.add((round(q1[0, 1], 9), round(q2[0, 1], 9)))
        assert tables.both[0, 1] == q1[0, 1] + q2[0, 1]
    # q1's best is action 1, of which q2 says 4; q2's best is action 0, of which q1 says 3
    assert outcomes == {(2 + 0.1 * (1 + 2 - 2), 1.0), (2.0, 1 + 0.1 * (1 + 1.5 - 1))}


def n_step(script, n, q, size=WHOLE):
    shape = (1, n + 1)
    memory = LastSteps(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape),
                       np.zeros(1, np.int64))  # fmt: skip
    return run(n_step_sarsa, script, values(q), NStepSettings(0.5, GREEDY, size, n), memory)


def test_n_step_sarsa_waits_for_two_rewards():
    q = n_step(Script((0, 0, 1.0, 1)), 2, [[0.0], [0.0], [8.0]])
    assert q[:, 0].tolist() == [0, 0, 8]
    q = n_step(Script((0, 0, 1.0, 1), (1, 0, 2.0, 2)), 2, [[0.0], [0.0], [8.0]])
    assert q[:, 0].tolist() == [1 + 0.5 * 2 + 0.25 * 8, 0, 8]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (TERMINATED, [4, 2 + 0.5 * 4, 4, 16]),
        (TRUNCATED, [4, 2 + 0.5 * 4 + 0.25 * 16, 4 + 0.5 * 16, 16]),
    ],
)
def test_n_step_sarsa_learns_what_is_left_at_the_end(end, expected):
    script = Script((0, 0, 1.0, 1), (1, 0, 2.0, 2), (2, 0, 4.0, 3, end))
    assert n_step(script, 2, [[0.0], [0.0], [8.0], [16.0]])[:, 0].tolist() == expected


def test_n_beyond_the_episode_is_monte_carlo():
    script = Script((0, 0, 1.0, 1), (1, 0, 2.0, 2), (2, 0, 4.0, 3, TERMINATED))
    q = n_step(script, 10, [[0.0]] * 4)
    assert q[:, 0].tolist() == [1 + 1 + 1, 2 + 2, 4, 0]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ACCUMULATING, 0.1 + 0.1 * 0.9 * 1.5),
        (REPLACING, 0.1 + 0.1 * 0.9 * 1.0),
        # z = 0.5 + 1 - 0.1 * 0.5; Q - Q_old = 0.1
        (DUTCH, 0.1 + 0.1 * (0.9 + 0.1) * 1.45 - 0.1 * 0.1),
    ],
)
def test_traces_of_a_state_that_is_visited_twice(kind, expected):
    numbers = TraceSettings(1.0, GREEDY, TENTH, 0.5, kind)
    script = Script((0, 0, 1.0, 0), (0, 0, 1.0, 1))
    q = run(sarsa_lambda, script, values([[0.0], [0.0]]), numbers, make_traces(1, 2))
    assert q[0, 0] == pytest.approx(expected)


def test_traces_end_with_the_episode():
    numbers = TraceSettings(1.0, GREEDY, WHOLE, 1.0, REPLACING)
    script = Script((0, 0, 1.0, 1, TERMINATED), (1, 0, 5.0, 0, TERMINATED))
    q = run(sarsa_lambda, script, values([[0.0], [0.0]]), numbers, make_traces(1, 2))
    assert q[:, 0].tolist() == [1, 5]


def test_with_lambda_one_an_episode_is_a_monte_carlo_return():
    numbers = TraceSettings(0.5, GREEDY, WHOLE, 1.0, ACCUMULATING)
    script = Script((0, 0, 1.0, 1), (1, 0, 2.0, 2), (2, 0, 4.0, 0, TERMINATED))
    q = run(sarsa_lambda, script, values([[0.0]] * 3), numbers, make_traces(1, 3))
    assert q[:, 0].tolist() == [1 + 1 + 1, 2 + 2, 4]


def test_watkins_cuts_the_traces_at_an_exploring_action():
    seen = set()
    for seed in range(8):
        q0 = [[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        numbers = TraceSettings(1.0, RANDOM, WHOLE, 1.0, REPLACING)
        script, memory = Script((0, 0, 0.0, 1)), make_traces(1, 6)
        tables = values(q0)
        run(q_lambda, script, tables, numbers, memory, seed)
        explored = script.actions[0] == 0  # in state 1, action 1 is best
        seen.add(bool(explored))
        assert memory.counts[0] == (0 if explored else 1)
        assert tables.q[0, 0] == 1.0  # the target is the best, whatever comes
    assert seen == {False, True}


def test_dyna_q_carries_a_reward_back_by_planning():
    for planning_steps, expected in ((0, 0.0), (50, 0.5)):
        table, counts = np.zeros((3, 1)), np.zeros((3, 1), np.int64)
        numbers = DynaSettings(0.5, GREEDY, WHOLE, planning_steps)
        script = Script((0, 0, 0.0, 1), (1, 0, 1.0, 2, TERMINATED))
        q = run(dyna_q, script, make_model(table, counts), numbers)
        assert q[:, 0].tolist() == [expected, 1.0, 0.0]


def test_dyna_q_plus_promises_more_where_nothing_was_tried_for_long():
    table, counts = np.zeros((1, 2)), np.zeros((1, 2), np.int64)
    numbers = DynaQPlusSettings(0.0, GREEDY, WHOLE, 50, 0.25)
    script = Script(*[(0, 0, 0.0, 0)] * 5)
    q = run(dyna_q_plus, script, make_model(table, counts), numbers)
    assert q[0].tolist() == [0.0, 0.25 * math.sqrt(4)]  # the fifth step has the number 4


def test_r_max_believes_in_the_best_until_it_knows():
    tables = Samples(np.full((2, 1), 2.0), np.zeros((2, 1), np.int64),
                     np.zeros((2, 1, 2), np.int64), np.zeros((2, 1)))  # fmt: skip
    numbers = RMaxSettings(0.5, 2, 1e-6)
    assert run(r_max, Script((0, 0, 0.0, 1)), tables, numbers)[0, 0] == 2.0
    script = Script((0, 0, 1.0, 1, TERMINATED))
    q = run(r_max, script, tables, numbers)
    assert q[:, 0].tolist() == [(0 + 0.5 * 2 + 1) / 2, 2.0]


def test_a_decaying_step_size_is_the_mean():
    script = Script(*[(0, 0, reward, 0, TERMINATED) for reward in (1.0, 2.0, 6.0)])
    q = run(q_learning, script, values([[9.0]]), settings(size=StepSize(1.0, 1.0)))
    assert q[0, 0] == pytest.approx(3)

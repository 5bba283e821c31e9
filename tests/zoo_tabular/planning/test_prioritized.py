"""Prioritized sweeping: the queue is in order, and no state is more out of date than it says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo_tabular.planning.planners import dense, known, planned, random_model
from zoo_tabular.compiled import can_compile, fast
from zoo_tabular.planning.backup import process_of, update
from zoo_tabular.planning.prioritized import (
    Priorities,
    Queue,
    predecessors_of,
    raise_priority,
    sweep_by_priority,
    take_top,
)


def test_the_queue_gives_states_back_by_priority_even_when_they_rise_inside() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 50):
        queue = Queue(np.zeros(n), np.zeros(n, np.int64), np.full(n, -1), np.zeros(1, np.int64))
        highest = np.zeros(n)
        for _ in range(4):
            for state in rng.permutation(n):
                highest[state] += rng.random()
                raise_priority(queue, state, highest[state])
        order = [take_top(queue) for _ in range(n)]
        assert order == np.argsort(-highest).tolist()
        assert (queue.priorities == 0).all()
        assert queue.size[0] == 0


def test_predecessors_have_the_largest_chance_over_actions() -> None:
    model = random_model(0, states=12)
    p, _ = dense(model)
    found = predecessors_of(process_of(model))
    table = np.zeros((12, 12))
    for after in range(12):
        rows = slice(found.offsets[after], found.offsets[after + 1])
        table[found.states[rows], after] = found.weights[rows]
    assert table == pytest.approx(p.max(axis=1), abs=1e-12)


def test_priorities_bound_how_far_values_are_out_of_date() -> None:
    process = process_of(random_model(1))
    v = np.zeros(process.n_states)
    queue = Priorities(process, v, 0.9, None)
    for _ in range(12):
        queue.sweep(v, 0.9, 1e-6, first=False)
        out_of_date = np.abs(update(process, v, 0.9)[0] - v)
        assert (out_of_date <= queue.priorities + 1e-12).all()


def test_interpreted_and_compiled_sweeps_are_the_same_bit_for_bit() -> None:
    if not can_compile():
        pytest.skip("needs Numba")
    process = process_of(random_model(2))
    results = []
    for function in (sweep_by_priority, fast(sweep_by_priority)):
        v, n = np.zeros(process.n_states), process.n_states
        priorities = np.abs(update(process, v, 0.9)[0])
        for _ in range(3):
            queue = Queue(priorities, np.zeros(n, np.int64), np.full(n, -1), np.zeros(1, np.int64))
            function(process, predecessors_of(process), queue, 0.9, v, 1e-9)
        results.append((v.tobytes(), priorities.tobytes()))
    assert results[0] == results[1]


def test_values_spread_from_the_goal_with_fewer_updates_than_by_sweeps() -> None:
    """Section 8.4: only states next to changes are worth updating."""
    model = known("CliffWalking-v1")
    by_priority = planned("value-iteration", model, gamma=1.0, sweep="prioritized")
    in_order = planned("value-iteration", model, gamma=1.0)
    assert by_priority.v == pytest.approx(in_order.v, abs=1e-8)
    lake = known("FrozenLake8x8-v1")
    assert (
        planned("value-iteration", lake, sweep="prioritized").steps
        < 0.6 * planned("value-iteration", lake).steps
    )

"""The backup is the equation, whoever computes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo_tabular.planning.planners import dense, random_model
from zoo_tabular.compiled import can_compile
from zoo_tabular.planning import backup
from zoo_tabular.planning.backup import (
    action_values,
    process_of,
    sweep,
    under_actions,
    under_policy,
    update,
    update_in_place,
)


@pytest.fixture(params=["numpy", "compiled"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sweep small processes as small ones, or as large ones are swept."""
    if request.param == "compiled":
        if not can_compile():
            pytest.skip("needs Numba")
        monkeypatch.setattr(backup, "COMPILING_PAYS", 0)
        monkeypatch.setattr(backup, "COMPILING_PAYS_IN_PLACE", 0)
    return request.param


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_action_values_and_updates_are_equation_4_10(way: str, seed: int) -> None:
    model = random_model(seed)
    p, r = dense(model)
    process, v = process_of(model), np.random.default_rng(seed).normal(size=model.n_states)
    q = r + 0.9 * p @ v
    assert action_values(process, v, 0.9) == pytest.approx(q, abs=1e-12)
    before = v.copy()
    updated, residual = update(process, v, 0.9)
    assert updated == pytest.approx(q.max(axis=1), abs=1e-12)
    assert residual == pytest.approx(np.abs(q.max(axis=1) - v).max(), abs=1e-12)
    assert (v == before).all()


def test_in_place_every_state_sees_the_new_values_of_those_before_it(way: str) -> None:
    model = random_model(3)
    p, r = dense(model)
    v = np.random.default_rng(3).normal(size=model.n_states)
    expected, largest = v.copy(), 0.0
    for s in range(model.n_states):
        value = (r[s] + 0.9 * p[s] @ expected).max()
        largest = max(largest, abs(value - expected[s]))
        expected[s] = value
    residual = update_in_place(process_of(model), v, 0.9, first=False)
    assert v == pytest.approx(expected, abs=1e-12)
    assert residual == pytest.approx(largest, abs=1e-12)


def test_interpreted_and_compiled_sweeps_are_the_same_bit_for_bit() -> None:
    if not can_compile():
        pytest.skip("needs Numba")
    process = process_of(random_model(4))
    one = np.random.default_rng(4).normal(size=process.n_states)
    other = one.copy()
    assert sweep(process, 0.9, one, one) == backup.fast(sweep)(process, 0.9, other, other)
    assert one.tobytes() == other.tobytes()


def test_under_a_policy_the_backup_is_an_expectation(way: str) -> None:
    model = random_model(5)
    p, r = dense(model)
    rng = np.random.default_rng(5)
    v, policy = rng.normal(size=model.n_states), rng.dirichlet(np.ones(3), size=model.n_states)
    expected = (policy * (r + 0.9 * p @ v)).sum(axis=1)
    assert update(under_policy(process_of(model), policy), v, 0.9)[0] == pytest.approx(
        expected, abs=1e-12
    )


def test_under_actions_is_under_the_policy_that_always_takes_them() -> None:
    model = random_model(6)
    rng = np.random.default_rng(6)
    v, actions = rng.normal(size=model.n_states), rng.integers(3, size=model.n_states)
    process = process_of(model)
    one = update(under_actions(process, actions), v, 0.9)[0]
    assert one == pytest.approx(
        update(under_policy(process, np.eye(3)[actions]), v, 0.9)[0], abs=1e-12
    )
    assert len(under_actions(process, actions).weights) < len(process.weights)

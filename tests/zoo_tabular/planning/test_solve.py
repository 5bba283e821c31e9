"""Linear equations of every size, and those that have no solution."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo_tabular.planning.planners import known, random_model
from zoo import MissingExtra, TransitionModel, ZooError
from zoo_tabular.planning import solve as module
from zoo_tabular.planning.backup import process_of, under_policy, update
from zoo_tabular.planning.solve import endless, solve, without_idle_states


def uniform(model: TransitionModel):
    shape = model.n_states, model.n_actions
    return under_policy(process_of(model), np.full(shape, 1 / model.n_actions))


@pytest.mark.parametrize("gamma", [0.5, 0.99, 1.0])
def test_sparse_and_dense_solutions_are_one(monkeypatch: pytest.MonkeyPatch, gamma: float) -> None:
    pytest.importorskip("scipy", reason="needs the extra `tabular`")
    chain = uniform(random_model(0, states=300))
    dense = solve(chain, gamma)
    monkeypatch.setattr(module, "DENSE", 0)
    sparse = solve(chain, gamma)
    assert sparse == pytest.approx(dense, abs=1e-10)
    assert update(chain, sparse, gamma)[0] == pytest.approx(sparse, abs=1e-11)


def test_where_iteration_does_not_get_there_the_matrix_is_factored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("scipy", reason="needs the extra `tabular`")
    chain = uniform(known("zoo/GridWorld-v0", rows=40, columns=40))
    monkeypatch.setattr(module, "ACCURACY", 0.0)  # nothing is good enough
    v = solve(chain, 1.0)
    assert update(chain, v, 1.0)[0] == pytest.approx(v, abs=1e-7)
    monkeypatch.setattr(module, "FACTORED", 100)
    with pytest.raises(ZooError, match=r"1,600 states are too many .* --set method=iterative"):
        solve(chain, 1.0)


def test_without_scipy_large_equations_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    monkeypatch.setattr(module, "DENSE", 10)
    chain = uniform(random_model(1))
    assert update(chain, solve(chain, 0.9), 0.9)[1] < 1e-12
    monkeypatch.setattr(module, "DENSE_WITHOUT_SCIPY", 20)
    with pytest.raises(MissingExtra, match=r"agent-zoo\[tabular\]"):
        solve(chain, 0.9)


def loop(reward: float) -> TransitionModel:
    """State 0 leads to 1 or ends; 1 and 2 lead to each other forever."""
    table = {
        0: {0: [(0.5, 1, 0.0, False), (0.5, 0, 1.0, True)], 1: [(1.0, 0, 5.0, True)]},
        1: {0: [(1.0, 2, reward, False)], 1: [(1.0, 2, 0.0, False)]},
        2: {0: [(1.0, 1, 0.0, False)], 1: [(1.0, 2, 0.0, False)]},
    }
    return TransitionModel.from_table(table, [1.0, 0, 0])


def test_states_without_an_end_are_found_and_worth_nothing_where_nothing_is_paid() -> None:
    chain = uniform(loop(0.0))
    assert endless(chain).tolist() == [False, True, True]
    assert solve(without_idle_states(chain), 1.0).tolist() == [2.75, 0, 0]


def test_rewards_without_an_end_are_refused_by_the_state() -> None:
    with pytest.raises(ZooError, match=r"from state 1 on the episode never ends.*gamma=0\.99"):
        without_idle_states(uniform(loop(1.0)))


def test_an_end_far_away_is_found() -> None:
    model = known("zoo/GridWorld-v0", rows=1, columns=60)
    assert not endless(process_of(model)).any()

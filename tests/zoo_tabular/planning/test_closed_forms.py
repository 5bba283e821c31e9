"""Planners against each other and against answers that were found without them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo_tabular.planning.planners import dense, known, planned

EXACT = 1e-8

FIGURE_4_1 = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0]
"""Sutton & Barto (2018), figure 4.1, lower left: the values of the uniform policy."""

OPTIMAL = {
    "value-iteration": {},
    "gauss-seidel": {"sweep": "gauss-seidel"},
    "prioritized": {"sweep": "prioritized"},
    "policy-iteration": {},
    "policy-iteration by sweeps": {"method": "iterative"},
    "modified-policy-iteration": {},
    "modified-policy-iteration without": {"evaluation_sweeps": 0},
}
"""Every way to optimal values: the config that it takes."""


def optimal(way: str, model: Any, **config: Any) -> Any:
    names = {"gauss-seidel": "value-iteration", "prioritized": "value-iteration"}
    return planned(names.get(way, way.split(" ", maxsplit=1)[0]), model, **OPTIMAL[way], **config)


@pytest.mark.parametrize("method", ["iterative", "linear"])
def test_the_uniform_policy_on_the_books_grid_has_the_values_of_figure_4_1(method: str) -> None:
    one = planned(
        "policy-evaluation", known("zoo/GridWorld-v0"), gamma=1.0, method=method, theta=1e-12
    )
    assert one.v == pytest.approx(FIGURE_4_1, abs=EXACT)
    greedy = one.action_values().max(axis=1)
    assert greedy[[1, 2, 5]] == pytest.approx([-1, -15, -15], abs=EXACT)


@pytest.mark.parametrize("way", OPTIMAL)
def test_the_books_grid_is_left_by_the_shortest_way(way: str) -> None:
    model = known("zoo/GridWorld-v0", rows=5, columns=7)
    rows, columns = np.divmod(np.arange(35), 7)
    distance = np.minimum(rows + columns, (4 - rows) + (6 - columns))
    assert optimal(way, model, gamma=1.0).v == pytest.approx(-distance, abs=EXACT)


@pytest.mark.parametrize("way", OPTIMAL)
def test_riverswim_is_swum_upstream(way: str) -> None:
    gamma = 0.95
    p = np.diag([0.7, 0.6, 0.6, 0.6, 0.6, 0.3])
    p += np.diag([0.3] * 5, 1) + np.diag([0.1] * 4 + [0.7], -1)
    r = np.array([0, 0, 0, 0, 0, 3000.0])
    expected = np.linalg.solve(np.eye(6) - gamma * p, r)
    one = optimal(way, known("zoo/RiverSwim-v0"), gamma=gamma)
    assert one.v == pytest.approx(expected, abs=EXACT)
    assert one.agent().act(np.arange(6)).tolist() == [1] * 6


@pytest.mark.parametrize("way", OPTIMAL)
@pytest.mark.parametrize("seed", [0, 1])
def test_garnet_is_solved_by_the_linear_equations_of_the_greedy_policy(way: str, seed: int) -> None:
    gamma, model = 0.95, known("zoo/Garnet-v0", states=60, seed=seed)
    p, r = dense(model)
    one = optimal(way, model, gamma=gamma)
    actions, states = one.agent().act(np.arange(60)), np.arange(60)
    v = np.linalg.solve(np.eye(60) - gamma * p[states, actions], r[states, actions])
    assert one.v == pytest.approx(v, abs=EXACT)
    assert (r + gamma * p @ v).max(axis=1) == pytest.approx(v, abs=EXACT)  # equation 3.19


@pytest.mark.parametrize("method", ["iterative", "linear"])
def test_garnet_under_the_uniform_policy_is_a_linear_solve(method: str) -> None:
    gamma, model = 0.95, known("zoo/Garnet-v0", states=60)
    p, r = dense(model)
    expected = np.linalg.solve(np.eye(60) - gamma * p.mean(axis=1), r.mean(axis=1))
    assert planned("policy-evaluation", model, gamma=gamma, method=method).v == pytest.approx(
        expected, abs=EXACT
    )


@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4"])
def test_all_ways_agree_on_toy_text(env_id: str) -> None:
    model = known(env_id)
    first, *others = [optimal(way, model, gamma=0.98) for way in OPTIMAL]
    for other in others:
        assert other.v == pytest.approx(first.v, abs=EXACT)
        assert other.action_values() == pytest.approx(first.action_values(), abs=EXACT)


def test_blackjack_is_lost_by_as_much_as_is_known() -> None:
    """Under the book's rules (`sab`) the best policy loses about 4.3 cents a game."""
    one = planned("value-iteration", known("Blackjack-v1"), gamma=1.0)
    assert one.reports[-1].metrics["train/start_value"] == pytest.approx(-0.0431, abs=5e-5)


def test_a_finite_horizon_is_the_stages_one_by_one() -> None:
    model = known("zoo/Garnet-v0", states=30)
    p, r = dense(model)
    v = np.zeros(30)
    for _ in range(7):
        q = r + 0.9 * p @ v
        v = q.max(axis=1)
    one = planned("finite-horizon", model, gamma=0.9, horizon=7)
    assert one.steps == 7
    assert one.v == pytest.approx(v, abs=1e-12)
    assert one.action_values() == pytest.approx(q, abs=1e-12)

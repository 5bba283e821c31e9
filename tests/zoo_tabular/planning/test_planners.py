"""How planners begin, end, go on, and refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.zoo_tabular.planning.planners import known, planned, planner, random_model
from zoo import TransitionModel, ZooError
from zoo.plugin.registry import get_registry

PLANNERS = {
    "policy-evaluation": {},
    "policy-iteration": {"method": "iterative"},
    "modified-policy-iteration": {},
    "value-iteration": {},
    "finite-horizon": {"gamma": 0.9, "horizon": 300},
}
SWEEPS = ("gauss-seidel", "prioritized")
WAYS = [*PLANNERS.items(), *(("value-iteration", {"sweep": sweep}) for sweep in SWEEPS)]


@pytest.mark.parametrize(("name", "config"), WAYS)
def test_the_residual_falls_and_planning_ends_where_it_has_converged(
    name: str, config: dict[str, Any]
) -> None:
    one = planned(name, random_model(0), **config)
    residuals = [report.metrics["train/residual"] for report in one.reports]
    assert [report.steps for report in one.reports] == list(range(1, len(residuals) + 1))
    assert one.steps < 5000
    assert residuals[-1] <= 1e-10
    assert residuals[-1] < 1e-6 * residuals[0]


@pytest.mark.parametrize(("name", "config"), WAYS)
@pytest.mark.parametrize("pause", [1, 13])
def test_a_planner_goes_on_from_its_state_bit_for_bit(
    name: str, config: dict[str, Any], pause: int
) -> None:
    model = random_model(1)
    straight = planned(name, model, steps=30, **config)
    first, second = planner(name, model, **config), planner(name, model, **config)
    list(first.train(model, pause))
    second.load_state(first.state())
    assert second.action_values().tobytes() == first.action_values().tobytes()
    list(second.train(model, 30))
    assert second.v.tobytes() == straight.v.tobytes()
    assert second.agent().q.tobytes() == straight.agent().q.tobytes()


def test_theta_is_the_accuracy() -> None:
    model = known("FrozenLake-v1")
    rough, fine = (planned("value-iteration", model, theta=theta) for theta in (1e-3, 1e-12))
    assert rough.steps < fine.steps
    assert 1e-6 < np.abs(rough.v - fine.v).max() < 1e-3 / (1 - 0.99)


def test_large_values_converge_as_far_as_rounding_lets_them() -> None:
    model = known("zoo/RiverSwim-v0")
    assert planned("value-iteration", model, gamma=0.999, theta=0.0).steps < 60_000


def test_a_policy_that_is_as_good_as_the_best_is_kept() -> None:
    """Two actions that are the same must not follow each other forever (exercise 4.4)."""
    row = [(0.5, 0, 0.0, False), (0.5, 1, 1.0, True)]
    model = TransitionModel.from_table({s: {0: row, 1: row} for s in (0, 1)}, [1.0, 0.0])
    for method in ("linear", "iterative"):
        assert planned("policy-iteration", model, gamma=1.0, method=method).steps < 200


@pytest.mark.parametrize("name", ["policy-evaluation", "policy-iteration", "value-iteration",
                                  "modified-policy-iteration"])  # fmt: skip
def test_a_continuing_task_needs_a_discount(name: str) -> None:
    with pytest.raises(ZooError, match=r"gamma is 1.*never terminate.*gamma below 1"):
        planned(name, known("zoo/Garnet-v0", states=10), gamma=1.0)


def test_values_that_grow_without_end_are_noticed() -> None:
    """Everything can end here, but staying pays forever."""
    stay_or_leave = {0: [(1.0, 0, 1.0, False)], 1: [(1.0, 0, 0.0, True)]}
    model = TransitionModel.from_table({0: stay_or_leave}, [1.0])
    for way in ({}, {"sweep": "gauss-seidel"}):
        with pytest.raises(ZooError, match=r"do not converge.*--set gamma=0\.99"):
            planned("value-iteration", model, gamma=1.0, **way)
    with pytest.raises(ZooError, match=r"never ends while rewards go on.*--set gamma=0\.99"):
        planned("policy-iteration", model, gamma=1.0)


def test_the_horizon_is_the_time_limit_unless_told() -> None:
    assert planned("finite-horizon", known("FrozenLake-v1")).steps == 100
    assert planned("finite-horizon", known("FrozenLake-v1"), horizon=5).steps == 5
    with pytest.raises(ZooError, match=r"no time limit.*--set horizon=100"):
        planned("finite-horizon", known("CliffWalking-v1"))


@pytest.mark.parametrize("name", PLANNERS)
def test_a_table_over_memory_is_refused_before_it_is_made(name: str) -> None:
    cls = get_registry().algorithm_class(name)
    with pytest.raises(ZooError, match="GiB"):
        cls(cls.Config(), spaces.Discrete(10**13), spaces.Discrete(4), seed=0)


def test_an_environment_without_a_model_names_those_that_need_none() -> None:
    with pytest.raises(ZooError, match=r"CartPole-v1 has none. These learn without: .*sb3-dqn"):
        zoo.train("value-iteration", "CartPole-v1", steps=10)
    with pytest.raises(ZooError, match=r"Taxi-v4 has none. These learn without: .*q-learning"):
        zoo.train("value-iteration", "Taxi-v4", env_kwargs={"fickle_passenger": True})


def test_a_run_of_a_planner_stops_resumes_and_ends_like_any_other() -> None:
    straight = zoo.train("value-iteration", "FrozenLake-v1", seed=0, eval_every=0)
    assert straight.status == "finished"
    assert 100 < straight.steps < 2000
    first = zoo.train("value-iteration", "FrozenLake-v1", seed=0, steps=50, eval_every=0)
    second = zoo.resume(first, steps=2000)
    assert second.steps == straight.steps
    one, other = (zoo.load(str(run.path / "last")) for run in (straight, second))
    assert one.q.tobytes() == other.q.tobytes()
    assert one.v.tobytes() == other.v.tobytes()

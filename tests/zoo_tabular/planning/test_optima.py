"""What the greedy policies are worth in the environments themselves."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from tests.zoo_tabular.planning.planners import known
from zoo import TransitionModel


def best_within_limit(model: TransitionModel) -> float:
    """Return the most that any policy, with a clock or without, gets before the time limit."""
    v = np.zeros(model.n_states)
    assert model.time_limit is not None
    for _ in range(model.time_limit):
        ahead = np.add.reduceat(model.continuation * v[model.next_states], model.offsets[:-1])
        v = (model.expected_rewards + ahead).reshape(model.n_states, -1).max(axis=1)
    return float(model.initial @ v)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["value-iteration", "policy-iteration", "finite-horizon"])
@pytest.mark.parametrize(
    ("env_id", "clock"), [("FrozenLake-v1", 0.005), ("FrozenLake8x8-v1", 0.03), ("Taxi-v4", 0)]
)
def test_greedy_policies_reach_the_optimum(name: str, env_id: str, clock: float) -> None:
    """10,000 episodes with the recipe's config; `clock` is what knowing the time adds at most:
    a table agent does not tell how many steps are left, and the optimum may.
    """
    run = zoo.train(name, env_id, seed=1, eval_episodes=1, final_episodes=1)
    assert run.best is not None
    evaluation = zoo.evaluate(run.path / "last", episodes=10_000, seed=7)
    low, high = evaluation.ci95_return
    best = best_within_limit(known(env_id))
    assert best - clock <= high
    assert low <= best


def test_taxi_takes_every_passenger_the_shortest_way() -> None:
    run = zoo.train("value-iteration", "Taxi-v4", seed=0)
    agent = zoo.load(str(run.path / "last"))
    model = known("Taxi-v4")
    states = np.flatnonzero(model.initial)
    returns = np.zeros(len(states))
    alive = np.ones(len(states), np.bool_)
    for _ in range(40):
        pairs = states * model.n_actions + agent.act(states)
        rows = model.offsets[pairs]
        returns += alive * model.rewards[rows]
        alive &= ~model.terminated[rows]
        states = model.next_states[rows]
    assert not alive.any()
    assert returns.mean() == pytest.approx(best_within_limit(model), abs=1e-9)

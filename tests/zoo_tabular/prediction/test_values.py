"""What predictors learn: the exact values of the policy, to within the error of sampling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import zoo
from tests.zoo_tabular.prediction.predictors import exact, onward, predicted, walk
from tests.zoo_tabular.solutions import dense
from tests.zoo_tabular.worlds import learner, trained
from zoo import ZooError
from zoo.environments.ids import resolve
from zoo_tabular.compiled import fast
from zoo_tabular.models import NATURAL_SUM, STICK, blackjack, state_of
from zoo_tabular.world import simulate

DECAYING = {"alpha": 1.0, "alpha_power": 0.7}
PREDICTORS: dict[str, tuple[str, dict[str, Any]]] = {
    "first-visit": ("mc-prediction", {}),
    "every-visit": ("mc-prediction", {"visits": "every"}),
    "off-policy": ("off-policy-mc-prediction", {}),
    "ordinary": ("off-policy-mc-prediction", {"importance_sampling": "ordinary"}),
    "td": ("td-prediction", DECAYING),
    "n-step": ("n-step-td", DECAYING),
    "accumulating": ("td-lambda", {**DECAYING, "trace_decay": 0.7}),
    "replacing": ("td-lambda", {**DECAYING, "trace_decay": 0.7, "traces": "replacing"}),
    "dutch": ("td-lambda", {**DECAYING, "trace_decay": 0.7, "traces": "dutch"}),
}
"""Every way to predict: the name, and the config that it takes."""
FIGURE_4_1 = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0]
"""Sutton & Barto (2018), figure 4.1, lower left: the values of the uniform policy."""


@pytest.mark.parametrize("way", PREDICTORS)
def test_the_uniform_policy_on_the_books_grid_has_the_values_of_figure_4_1(way: str) -> None:
    name, config = PREDICTORS[way]
    made = trained(name, "zoo/GridWorld-v0", 2_000_000, gamma=1.0, **config)
    assert made.agent().v == pytest.approx(FIGURE_4_1, abs=0.5)


def test_first_visit_averages_are_as_far_off_as_chance_makes_them() -> None:
    """The standard error of an average of N returns is sqrt(Var(G) / N), with the exact
    variance: E[G^2 | s] = 1 - 2 P v + P E[G^2], since every reward is -1.
    """
    made, env = learner("mc-prediction", "zoo/GridWorld-v0", gamma=1.0, longest_episode=10_000)
    model = zoo.find_model(env)
    assert model is not None
    list(made.train(env, 500_000))
    v, inner = np.array(FIGURE_4_1, float), slice(1, 15)
    p = dense(model).mean(axis=0)
    right = (1 - 2 * p @ v)[inner]
    squares = np.linalg.solve((np.eye(16) - p)[inner, inner], right)
    errors = np.sqrt((squares - v[inner] ** 2) / made.tables.visits[inner, 0])
    scores = (made.tables.v[inner, 0] - v[inner]) / errors
    assert np.abs(scores).max() < 4
    assert 0.1 < np.abs(scores).mean() < 2  # neither biased, nor better than chance allows


@pytest.mark.parametrize("way", PREDICTORS)
@pytest.mark.parametrize("limit", [None, 10])
def test_the_random_walk_of_example_6_2(way: str, limit: int | None) -> None:
    """Also where every third episode is cut before its end."""
    name, config = PREDICTORS[way]
    made = predicted(name, walk(limit), 400_000, gamma=1.0, initial_value=0.5, **config)
    assert made.tables.v[:, 0] == pytest.approx(np.arange(1, 6) / 6, abs=0.03)


@pytest.mark.parametrize("way", PREDICTORS)
def test_a_continuing_task_is_predicted_from_what_is_cut_out_of_it(way: str) -> None:
    name, config = PREDICTORS[way]
    made, env = learner(name, "zoo/Garnet-v0", gamma=0.9, **config)
    model = zoo.find_model(env)
    assert model is not None
    assert model.time_limit == 100
    list(made.train(env, 1_000_000))
    v = exact(model, made.tables.policy, 0.9)
    often = made.tables.visits[:, 0] > 2000
    assert often.sum() > 60
    assert made.tables.v[often, 0] == pytest.approx(v[often], abs=0.35 * v.std())


def test_a_given_policy_of_a_file_is_followed(tmp_path: Path) -> None:
    model = onward()
    table = np.random.default_rng(1).dirichlet([1, 1], size=8)
    np.savetxt(tmp_path / "policy.csv", table, delimiter=",")
    made = predicted(
        "td-prediction", model, 300_000, policy=str(tmp_path / "policy.csv"), **DECAYING
    )
    assert made.tables.v[:, 0] == pytest.approx(exact(model, table, 0.99), abs=0.1)
    assert made.agent().policy == pytest.approx(table)
    uniform = exact(model, np.full((8, 2), 0.5), 0.99)
    assert np.abs(uniform - exact(model, table, 0.99)).max() > 0.2  # else it would not show


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("n-step-td", {"n": 1}),
        ("td-lambda", {"trace_decay": 0.0}),
        ("td-lambda", {"trace_decay": 0.0, "traces": "replacing"}),
    ],
)
def test_lambda_0_and_one_step_are_td_bit_for_bit(name: str, config: dict[str, Any]) -> None:
    td = trained("td-prediction", "zoo/GridWorld-v0", 20_000, n_envs=3)
    other = trained(name, "zoo/GridWorld-v0", 20_000, n_envs=3, **config)
    assert other.tables.v.tobytes() == td.tables.v.tobytes()


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("mc-prediction", {"visits": "every"}),
        ("n-step-td", {"n": 8}),
        ("td-lambda", {"trace_decay": 1.0, "traces": "accumulating"}),
        ("td-lambda", {"trace_decay": 1.0, "traces": "replacing"}),
        ("td-lambda", {"trace_decay": 1.0, "traces": "dutch"}),
    ],
)
def test_lambda_1_and_many_steps_are_monte_carlo_where_no_state_comes_twice(
    name: str, config: dict[str, Any]
) -> None:
    monte_carlo = after_episodes("mc-prediction", 300)
    assert after_episodes(name, 300, **config) == pytest.approx(monte_carlo, abs=1e-12)
    assert np.ptp(monte_carlo) > 0.5


def after_episodes(name: str, episodes: int, **config: Any) -> np.ndarray:
    """Return the values (8,) right after an episode, with a constant step size."""
    made = predicted(name, onward(), 0, alpha=0.1, alpha_power=0.0, **config)
    world, rng = simulate(onward(), 1, np.random.default_rng(0)), np.random.default_rng(0)
    memory = made.make_memory(1)
    while world.episodes[0] < episodes:
        made.loop(world, made.tables, memory, made.make_settings(), 0, 1, rng)
    return made.tables.v[:, 0]


@pytest.mark.parametrize("way", PREDICTORS)
@pytest.mark.parametrize("env_id", ["FrozenLake-v1", "zoo/GridWorld-v0"])
def test_compiled_and_interpreted_are_the_same_bit_for_bit(way: str, env_id: str) -> None:
    name, config = PREDICTORS[way]
    made, env = learner(name, env_id, n_envs=2, **config)
    model = zoo.find_model(env)
    assert model is not None
    tables = []
    for loop in (type(made).loop, fast(type(made).loop)):
        ours, memory = made.make_tables(), made.make_memory(2)
        world, rng = simulate(model, 2, np.random.default_rng(1)), np.random.default_rng(2)
        for t in (0, 1000):
            loop(world, ours, memory, made.make_settings(), t, 500, rng)
        tables.append(ours)
    one, other = tables
    assert other.v.tobytes() == one.v.tobytes()
    assert np.ptp(one.visits) > 10


@pytest.mark.parametrize("way", PREDICTORS)
def test_an_environment_without_a_model_is_predicted_too(way: str) -> None:
    """A wrapper that changes nothing hides the model from the learner."""
    name, config = PREDICTORS[way]
    env = zoo.environments.make.vectorize([hidden] * 4, seed=0)
    assert zoo.find_model(env) is None
    cls: Any = zoo.plugin.registry.get_registry().algorithm_class(name)
    made = cls(
        cls.Config(gamma=1.0, **config), env.single_observation_space, env.single_action_space,
        seed=0,
    )  # fmt: skip
    list(made.train(env, 20_000))
    assert made.tables.v[:, 0] == pytest.approx(FIGURE_4_1, abs=6)
    assert made.metrics() == {}


def hidden() -> gym.Env[Any, Any]:
    """Return the book's grid in a wrapper."""
    return gym.wrappers.TransformReward(gym.make(resolve("zoo/GridWorld-v0")), lambda r: r)


BOOKS_STATE, BOOKS_VALUE = state_of(13, 2, 1), -0.27726
"""Sutton & Barto (2018), example 5.4: the player has 13 with a usable ace, the dealer shows 2."""


def from_the_books_state(tmp_path: Path) -> tuple[zoo.TransitionModel, np.ndarray, str]:
    """Return Blackjack from that state on, the policy that sticks on 20 and 21, and its file."""
    model = blackjack(gym.make("Blackjack-v1").unwrapped)
    actions = np.ones(model.n_states, np.int64)
    for total in (NATURAL_SUM, 20, 21):
        for card in range(11):
            actions[[state_of(total, card, ace) for ace in (0, 1)]] = STICK
    np.save(tmp_path / "policy.npy", actions)
    first = np.eye(model.n_states)[BOOKS_STATE]
    return replace(model, initial=first), actions, str(tmp_path / "policy.npy")


@pytest.mark.parametrize("sampling", ["weighted", "ordinary"])
def test_off_policy_prediction_finds_the_value_of_example_5_4(
    sampling: str, tmp_path: Path
) -> None:
    model, actions, path = from_the_books_state(tmp_path)
    assert exact(model, np.eye(2)[actions], 1.0)[BOOKS_STATE] == pytest.approx(
        BOOKS_VALUE, abs=5e-4
    )
    made = predicted(
        "off-policy-mc-prediction",
        model,
        1_500_000,
        policy=path,
        gamma=1.0,
        importance_sampling=sampling,
    )
    assert made.tables.visits[BOOKS_STATE, 0] > 100_000
    assert made.tables.v[BOOKS_STATE, 0] == pytest.approx(BOOKS_VALUE, abs=0.02)


def test_weighted_sampling_errs_less_than_ordinary_after_few_episodes(tmp_path: Path) -> None:
    """Figure 5.3: the mean square error over runs of about 100 episodes."""
    model, _, path = from_the_books_state(tmp_path)
    error = {}
    for sampling in ("weighted", "ordinary"):
        values = [
            predicted(
                "off-policy-mc-prediction", model, 150, policy=path, gamma=1.0, seed=seed,
                importance_sampling=sampling, longest_episode=30,
            ).tables.v[BOOKS_STATE, 0]
            for seed in range(60)
        ]  # fmt: skip
        error[sampling] = np.mean((np.array(values) - BOOKS_VALUE) ** 2)
    assert 0 < error["weighted"] < 0.7 * error["ordinary"]


def test_a_behaviour_that_does_not_cover_the_policy_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "always.npy", np.zeros(16, np.int64))
    with pytest.raises(ZooError, match="the behaviour never takes action 1 in state 0"):
        learner("off-policy-mc-prediction", "FrozenLake-v1", behaviour=str(tmp_path / "always.npy"))


@pytest.mark.parametrize("name", sorted({name for name, _ in PREDICTORS.values()}))
def test_a_policy_for_another_environment_is_refused_before_training(
    name: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "policy.npy", np.zeros(16, np.int64))
    with pytest.raises(ZooError, match="is for 16 states and 4 actions, the environment has 48"):
        learner(name, "CliffWalking-v1", policy=str(tmp_path / "policy.npy"))


def test_an_agent_is_predicted_as_it_acts() -> None:
    """The values of a planner's agent are those that it planned, but for the time limit."""
    planned_for = 0.999
    run = zoo.train(
        "value-iteration", "FrozenLake-v1", seed=0, eval_every=0, set={"gamma": planned_for}
    )
    made, env = learner(
        "mc-prediction", "FrozenLake-v1", gamma=planned_for, policy=str(run.path / "last")
    )
    list(made.train(env, 1_000_000))
    planned = zoo.load(str(run.path / "last"))
    assert made.agent().v[0] == pytest.approx(planned.v[0], abs=0.02)


def test_the_value_of_first_states_is_reported() -> None:
    made, env = learner("td-prediction", "zoo/GridWorld-v0", gamma=1.0)
    reports = list(made.train(env, 3000))
    model = zoo.find_model(env)
    assert model is not None
    last = reports[-1].metrics
    assert last["train/start_value"] == pytest.approx(float(model.initial @ made.tables.v[:, 0]))
    assert last["train/start_value"] < -1
    assert last["length"] > 1

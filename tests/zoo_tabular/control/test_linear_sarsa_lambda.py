"""Sarsa(lambda) on binary features: updates worked out by hand, and MountainCar-v0 solved."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.zoo_tabular.worlds import learner
from zoo import ZooError
from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import vectorize
from zoo_tabular.control.linear_sarsa_lambda import LinearSarsaLambda
from zoo_tabular.control.sarsa_lambda import SarsaLambda, SarsaLambdaConfig
from zoo_tabular.control.sarsa_lambda_either import SarsaLambdaOfEither

CODES = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]], np.int8)


class Corridor(gym.Env[Any, Any]):
    """Two states that share a feature, one action: rewards 1 and 2, then the end or a cut."""

    observation_space = spaces.MultiBinary(3)
    action_space = spaces.Discrete(1)

    def __init__(self, truncates: bool = False) -> None:
        self.truncates = truncates

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return CODES[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.at += 1
        ends = self.at == 2
        at = 1 if ends and self.truncates else self.at
        over = ends and not self.truncates
        return CODES[at], float(self.at), over, ends and self.truncates, {}


def weights(steps: int, *, truncates: bool = False, **config: Any) -> np.ndarray:
    """Return w (3,) after `steps` with gamma 0.5, lambda 0.5 and alpha 0.2, halved for 2 features.

    gamma * lambda is 0.25, so the trace of the first state is 0.25 at the second step.
    """
    env = vectorize([lambda: Corridor(truncates)], seed=0)
    config = {"gamma": 0.5, "alpha": 0.2, "trace_decay": 0.5, "epsilon": 0} | config
    made = LinearSarsaLambda(
        SarsaLambdaConfig(**config), env.single_observation_space, env.single_action_space, seed=0
    )
    list(made.train(env, steps))
    return made.w[0]


def test_the_first_step_moves_both_features_of_the_state() -> None:
    # delta = 1 + 0.5 * 0 - 0, each of the two features takes 0.1 of it
    np.testing.assert_allclose(weights(1), [0.1, 0.1, 0.0])


@pytest.mark.parametrize(
    ("traces", "shared"), [("replacing", 1.0), ("accumulating", 1.25), ("dutch", 1.225)]
)
def test_the_second_step_follows_the_traces(traces: str, shared: float) -> None:
    # Q(S) = w1 + w2 = 0.1, delta = 2 - 0.1; the shared feature's trace was 0.25 before.
    delta, z = 1.9, np.array([0.25, shared, 1.0])
    expected = np.array([0.1, 0.1, 0.0])
    if traces == "dutch":
        # z <- z + (1 - 0.1 * 0.25) x; Q_old was 0, what Q(S') then was: delta + Q - Q_old = 2
        z = np.array([0.25, 0.25 + 0.975, 0.975])
        expected = expected + 0.1 * 2.0 * z - 0.1 * 0.1 * np.array([0.0, 1.0, 1.0])
    else:
        expected = expected + 0.1 * delta * z
    np.testing.assert_allclose(weights(2, traces=traces), expected)


def test_truncation_goes_on_with_the_next_value_and_termination_does_not() -> None:
    # cut in the second state, whose value then is 0.1: delta = 2 + 0.5 * 0.1 - 0.1
    expected = np.array([0.1, 0.1, 0.0]) + 0.1 * 1.95 * np.array([0.25, 1.0, 1.0])
    np.testing.assert_allclose(weights(2, truncates=True), expected)


def test_a_new_episode_begins_without_traces() -> None:
    one, two = weights(2), weights(3)
    assert two[2] == one[2]  # the third feature is of the last state only
    assert two[0] != one[0]


def test_the_initial_value_is_that_of_every_state_and_the_agents() -> None:
    env = vectorize([Corridor], seed=0)
    config = SarsaLambdaConfig(initial_value=5.0)
    made = LinearSarsaLambda(config, env.single_observation_space, env.single_action_space, seed=0)
    assert made.values(CODES[0]) == made.values(CODES[2]) == [5.0]
    assert made.agent().tensors()["layers.0.bias"].tolist() == [5.0]


def test_observations_decide_between_table_and_weights() -> None:
    config = SarsaLambdaConfig()
    for space, kind in ((spaces.MultiBinary(3), LinearSarsaLambda), (CODED, SarsaLambda)):
        assert type(SarsaLambdaOfEither(config, space, CODED, seed=0).learner) is kind


CODED = spaces.Discrete(3)


@pytest.mark.parametrize("config", [{"exploration": "ucb"}, {"alpha_power": 0.5}])
def test_counting_visits_of_states_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ZooError, match="counts the visits to each state"):
        LinearSarsaLambda(SarsaLambdaConfig(**config), spaces.MultiBinary(3), CODED, seed=0)


@pytest.mark.parametrize("traces", ["replacing", "dutch"])
def test_a_resumed_training_is_the_uninterrupted_one(traces: str) -> None:
    settings: dict[str, Any] = {
        "n_envs": 2, "wrappers": [("tile-coding", {"tiles": 4})], "traces": traces, "epsilon": 0.2,
    }  # fmt: skip
    straight, env = learner("sarsa-lambda", "MountainCar-v0", **settings)
    list(straight.train(env, 2600))

    half, env = learner("sarsa-lambda", "MountainCar-v0", **settings)
    for progress in half.train(env, 2600):
        if progress.steps >= 1000:
            break
    state, episodes = copy.deepcopy(half.state()), copy.deepcopy(env.state())
    rest, env = learner("sarsa-lambda", "MountainCar-v0", **settings | {"seed": 9})
    rest.load_state(state)
    assert env.load_state(episodes).all()
    list(rest.train(env, 2600))
    assert np.abs(straight.w).sum() > 0
    assert rest.w.tobytes() == straight.w.tobytes()
    assert rest.z.tobytes() == straight.z.tobytes()


@pytest.mark.slow
def test_tiles_solve_mountain_car() -> None:
    tiles = ("tile-coding", {"tilings": 8, "tiles": 8})
    made, env = learner(
        "sarsa-lambda", "MountainCar-v0", wrappers=[tiles],
        gamma=1, alpha=0.3, trace_decay=0.9, traces="dutch", epsilon=0,
    )  # fmt: skip
    list(made.train(env, 60_000))
    config = EnvironmentConfig("MountainCar-v0", {}, (tiles,))
    assert zoo.evaluate(made.agent(), env=config, episodes=50, seed=1).mean_return > -125

"""A known model is found where it is true of the whole environment, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from zoo import EnvironmentConfig, ModelSpec, TransitionModel, ZooError, find_model, hookimpl
from zoo.environments.make import make, make_evaluation, make_vector, vectorize
from zoo.plugin.registry import register_plugin, reset_registry

TWO_STATES = {
    0: {0: [(0.25, 0, 1.0, False), (0.75, 1, 2.0, True)], 1: [(1.0, 1, 0.0, False)]},
    1: {0: [(1.0, 0, 0.0, False)], 1: [(1.0, 1, -1.0, False), (0.0, 0, 9.0, True)]},
}


class TwoStates(gym.Env[Any, Any]):
    """Has a table and never steps."""

    observation_space: Any = spaces.Discrete(2)
    action_space: Any = spaces.Discrete(2)
    P: Any = TWO_STATES
    initial_state_distrib: Any = (0.5, 0.5)


def variant(**attributes: Any) -> gym.Env[Any, Any]:
    """Return a `TwoStates` with other attributes."""
    return type("Variant", (TwoStates,), attributes)()


def test_a_table_becomes_arrays_without_outcomes_of_probability_0() -> None:
    model = find_model(TwoStates())
    assert model is not None
    assert model.offsets.tolist() == [0, 2, 3, 4, 5]
    assert model.next_states.tolist() == [0, 1, 1, 0, 1]
    assert model.terminated.tolist() == [False, True, False, False, False]
    assert model.expected_rewards.tolist() == [0.25 + 1.5, 0, 0, -1]
    assert model.time_limit is None


@pytest.mark.parametrize(
    ("env_id", "states", "limit"),
    [("FrozenLake-v1", 16, 100), ("Taxi-v4", 500, 200), ("CliffWalking-v1", 48, None)],
)
def test_toy_text_has_models_in_every_form_the_host_makes(
    env_id: str, states: int, limit: int | None
) -> None:
    config = EnvironmentConfig(env_id)
    for env in (make(config), make_vector(config, 2, seed=0), make_evaluation(config, 2, seed=0)):
        model = find_model(env)
        assert model is not None
        assert (model.n_states, model.time_limit) == (states, limit)
        env.close()


def test_the_shortest_of_several_time_limits_counts() -> None:
    env = gym.wrappers.TimeLimit(gym.wrappers.TimeLimit(TwoStates(), 7), 9)
    model = find_model(env)
    assert model is not None
    assert model.time_limit == 7


def test_a_wrapper_that_may_change_the_process_hides_the_model() -> None:
    assert find_model(gym.wrappers.TransformReward(TwoStates(), lambda reward: 2 * reward)) is None
    assert (
        find_model(vectorize([lambda: gym.wrappers.RescaleObservation(box(), 0, 1)], seed=0))
        is None
    )


def box() -> gym.Env[Any, Any]:
    return variant(observation_space=spaces.Box(0, 9, (1,)))


def test_there_is_none_where_nothing_is_known_or_the_states_are_not_observed() -> None:
    assert find_model(gym.make("CartPole-v1")) is None
    assert (
        find_model(gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point")) is None
    )
    assert find_model(box()) is None
    assert find_model(variant(initial_state_distrib=None, P=None, transition_model=None)) is None


def test_taxi_has_none_where_its_passenger_draws_outside_of_the_table() -> None:
    assert find_model(gym.make("Taxi-v4", is_rainy=True)) is not None
    assert find_model(gym.make("Taxi-v4", fickle_passenger=True)) is None


def test_an_attribute_counts_more_than_a_table_and_may_be_observed_as_digits() -> None:
    one = find_model(TwoStates())
    digits = {"transition_model": one, "P": None}
    assert find_model(variant(**digits)) is one
    space = spaces.Tuple((spaces.Discrete(1), spaces.Discrete(2)))
    assert find_model(variant(**digits, observation_space=space)) is one
    assert find_model(variant(**digits, observation_space=spaces.MultiDiscrete([2, 1]))) is one


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"P": {0: {0: [(0.5, 0, 0.0, False)]}}}, r"action 0 in state 0 sum to 0\.5"),
        (
            {"P": {0: {0: [(1.0, 4, 0.0, False)]}}},
            r"action 0 in state 0 leads to state 4, but the states are 0 to 0",
        ),
        ({"P": [[1, 2], [3]]}, r"does not have the form P\[state\]\[action\]"),
        ({"observation_space": spaces.Discrete(3)}, r"has 2 states, but .* Discrete\(3\)"),
        ({"action_space": spaces.Discrete(5)}, r"has 2 actions, but .* Discrete\(5\)"),
        ({"initial_state_distrib": (1.0, 1.0)}, "does not sum to 1 over all states"),
        ({"transition_model": TWO_STATES}, "it is a dict, not a zoo.TransitionModel"),
    ],
)
def test_a_wrong_model_is_an_error_that_names_the_environment(
    attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ZooError, match=f"the model of environment Variant is wrong.*{message}"):
        find_model(variant(**attributes))


def model_of(env: Any) -> TransitionModel | None:
    """What the plugin below registers for CliffWalking."""
    if env.is_slippery:
        return None
    table = {s: {a: [(1.0, s, 0.0, False)] for a in range(4)} for s in range(48)}
    return TransitionModel.from_table(table, np.full(48, 1 / 48))


def test_a_plugins_model_counts_most_and_sees_the_arguments() -> None:
    spec = ModelSpec("CliffWalking-v1", f"{__name__}:model_of", "Nothing moves")
    plugin = SimpleNamespace(zoo_environments=hookimpl(lambda: [spec]))
    import sys

    sys.modules.setdefault(__name__, sys.modules[model_of.__module__])
    register_plugin("still", plugin)
    try:
        still = find_model(gym.make("CliffWalking-v1"))
        assert still is not None
        assert still.expected_rewards.tolist() == [0.0] * 48 * 4
        assert find_model(gym.make("CliffWalking-v1", is_slippery=True)) is None
    finally:
        reset_registry()

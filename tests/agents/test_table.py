"""The table agent: hand-worked tables, ties, ravelled observations, refusals."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.table import TableAgent
from zoo.errors import ZooError

Q = np.array([[0.0, 1.0, 0.5], [2.0, 2.0, 1.0], [-3.0, -2.0, -1.0]])
THREE = spaces.Discrete(3)


def test_the_largest_value_acts_and_ties_go_to_the_first():
    agent = TableAgent(THREE, THREE, q=Q)
    assert agent.act(np.array([0, 1, 2, 0])).tolist() == [1, 0, 2, 1]


def test_both_spaces_count_from_their_start():
    agent = TableAgent(spaces.Discrete(3, start=10), spaces.Discrete(3, start=-1), q=Q)
    assert agent.act(np.array([10, 12])).tolist() == [0, 1]


def test_actions_have_the_dtype_of_the_space():
    agent = TableAgent(THREE, spaces.Discrete(3, dtype=np.int32), q=Q)
    assert agent.act(np.array([0])).dtype == np.int32


def test_tuples_are_digits_with_the_last_fastest():
    space = gym.make("Blackjack-v1").observation_space
    assert [part.n for part in space.spaces] == [32, 11, 2]
    q = np.zeros((704, 2))
    q[20 * 22 + 7 * 2 + 1, 1] = 1.0
    agent = TableAgent(space, spaces.Discrete(2), q=q)
    batch = (np.array([20, 20, 19]), np.array([7, 7, 7]), np.array([1, 0, 1]))
    assert agent.act(batch).tolist() == [1, 0, 0]
    action, _ = agent.predict((20, 7, 1))
    assert action == 1


def test_multi_discrete_equals_ravel_multi_index():
    space = spaces.MultiDiscrete([3, 4, 5], start=[1, 0, -2])
    agent = TableAgent(space, THREE, q=np.zeros((60, 3)))
    observations = np.stack([space.sample() for _ in range(50)])
    expected = np.ravel_multi_index((observations - [1, 0, -2]).T, (3, 4, 5))
    assert (agent.states(observations) == expected).all()


def test_a_policy_acts_by_its_mode_and_draws_by_its_probabilities():
    policy = np.array([[0.2, 0.7, 0.1], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    agent = TableAgent(THREE, THREE, policy=policy)
    assert agent.act(np.array([0, 1, 2])).tolist() == [1, 2, 0]
    drawn = agent.act(np.zeros(20_000, int), deterministic=False)
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.2, 0.7, 0.1], atol=0.015)
    assert set(agent.act(np.ones(100, int), deterministic=False).tolist()) == {2}


def test_values_explore_with_epsilon():
    agent = TableAgent(THREE, THREE, q=Q, epsilon=0.3)
    drawn = agent.act(np.full(20_000, 2), deterministic=False)
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.1, 0.1, 0.8], atol=0.015)
    assert set(agent.act(np.full(100, 2)).tolist()) == {2}
    greedy = TableAgent(THREE, THREE, q=Q)
    assert set(greedy.act(np.full(100, 2), deterministic=False).tolist()) == {2}


def test_predict_takes_a_plain_state():
    action, _ = TableAgent(THREE, THREE, q=Q).predict(2, deterministic=True)
    assert action == 2


@pytest.mark.parametrize("tables", [{"q": Q}, {"policy": np.eye(3), "v": np.arange(3.0)}])
def test_description_and_tensors_make_the_same_agent_again(tables):
    agent = TableAgent(THREE, THREE, **tables, epsilon=0.25)
    description = json.loads(json.dumps(agent.describe()))
    again = TableAgent.restore(description, agent.tensors(), THREE, THREE)
    assert again.epsilon == 0.25
    assert again.tensors().keys() == tables.keys()
    assert again.act(np.arange(3)).tolist() == agent.act(np.arange(3)).tolist()


def test_it_is_detached_from_the_array_it_was_made_of():
    q = Q.copy()
    agent = TableAgent(THREE, THREE, q=q)
    q[:] = 0
    assert agent.act(np.array([0])).tolist() == [1]


@pytest.mark.parametrize("state", [-1, 3])
def test_a_state_outside_the_table_is_refused(state):
    with pytest.raises(ZooError, match=r"outside the agent's Discrete\(3\)"):
        TableAgent(THREE, THREE, q=Q).act(np.array([0, state]))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "either action values q or a policy"),
        ({"q": Q, "policy": np.eye(3)}, "either action values q or a policy"),
        ({"q": Q[:2]}, r"\(2, 3\).*\(3, 3\)"),
        ({"q": Q, "v": np.zeros(4)}, r"v has the shape \(4,\)"),
        ({"policy": Q}, "no probability distribution"),
        ({"policy": np.full((3, 3), 0.3)}, "no probability distribution"),
        ({"q": Q, "epsilon": 2.0}, "epsilon"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tables, message):
    with pytest.raises(ZooError, match=message):
        TableAgent(THREE, THREE, **tables)


def test_spaces_that_a_table_cannot_have_are_refused():
    with pytest.raises(ZooError, match="cannot be indexed by Box"):
        TableAgent(spaces.Box(-1, 1, (2,)), THREE, q=Q)
    with pytest.raises(ZooError, match="cannot be indexed by Dict"):
        TableAgent(spaces.Dict({"a": THREE}), THREE, q=Q)
    with pytest.raises(ZooError, match="cannot act in Box"):
        TableAgent(THREE, spaces.Box(-1, 1, (2,)), q=Q)


def test_unknown_tensors_are_refused():
    with pytest.raises(ZooError, match="'r'"):
        TableAgent.restore({}, {"q": Q, "r": Q}, THREE, THREE)

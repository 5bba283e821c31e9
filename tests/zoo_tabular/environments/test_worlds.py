"""The worlds are those of their sources: values and arrays from books, papers and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo_tabular.solutions import action_values, dense, optimal
from zoo.components.transitions import TransitionModel
from zoo_tabular.environments.garnet import Garnet
from zoo_tabular.environments.gridworld import GridWorld
from zoo_tabular.environments.nchain import NChain
from zoo_tabular.environments.riverswim import RiverSwim
from zoo_tabular.environments.windy import WindyGridWorld


def uniform_values(model: TransitionModel) -> np.ndarray:
    """Return the undiscounted values of the policy that chooses all actions alike."""
    transitions = dense(model).mean(axis=0)
    rewards = model.expected_rewards.reshape(model.n_states, -1).mean(axis=1)
    return np.linalg.solve(np.eye(model.n_states) - transitions, rewards)


def test_random_walk_on_the_grid_has_the_values_of_figure_4_1() -> None:
    values = uniform_values(GridWorld().transition_model).reshape(4, 4)
    expected = [[0, -14, -20, -22], [-14, -18, -20, -20], [-20, -20, -18, -14], [-22, -20, -14, 0]]
    assert np.allclose(values, expected)


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (1, 3), (7, 2), (20, 30)])
def test_best_values_of_the_grid_are_the_distances_to_the_nearer_corner(rows, columns) -> None:
    env = GridWorld(rows, columns)
    row, column = np.indices((rows, columns))
    nearer = np.minimum(row + column, rows - 1 - row + columns - 1 - column)
    assert env.grid_shape == (rows, columns)
    assert np.allclose(optimal(env.transition_model).reshape(rows, columns), -nearer)


def test_moves_on_the_grid_go_where_the_arrows_point() -> None:
    env = GridWorld(3, 3)
    ways = {"↑": 1, "→": 5, "↓": 7, "←": 3}
    for action, arrow in enumerate(env.arrows):
        env.reset(seed=0)
        env.state = 4  # the middle
        assert env.step(action)[0] == ways[arrow]


@pytest.mark.parametrize(
    ("kings_moves", "staying", "steps"), [(False, False, 15), (True, False, 7), (True, True, 7)]
)
def test_the_windy_grid_takes_as_many_steps_as_the_book_says(kings_moves, staying, steps) -> None:
    env = WindyGridWorld(kings_moves=kings_moves, staying=staying)
    assert optimal(env.transition_model)[30] == -steps
    assert env.action_space.n == 4 + 4 * kings_moves + staying


def test_the_wind_blows_by_the_column_that_is_left() -> None:
    env = WindyGridWorld()
    env.reset(seed=0)
    env.state = 3 * 10 + 6  # a wind of 2
    assert env.step(1)[0] == 1 * 10 + 7
    env.state = 3 * 10 + 2  # no wind
    assert env.step(1)[0] == 3 * 10 + 3


def test_stochastic_wind_varies_by_one_where_there_is_wind() -> None:
    model = WindyGridWorld(stochastic=True).transition_model
    pair = (3 * 10 + 6) * 4 + 1  # right, out of a wind of 2
    rows = slice(model.offsets[pair], model.offsets[pair + 1])
    assert model.next_states[rows].tolist() == [27, 17, 7]
    assert np.allclose(model.probabilities[rows], 1 / 3)
    calm = (3 * 10 + 0) * 4 + 1
    assert model.offsets[calm + 1] - model.offsets[calm] == 1


def test_river_swim_has_the_numbers_of_the_paper() -> None:
    transitions = dense(RiverSwim().transition_model)
    left = np.eye(6, k=-1)
    left[0, 0] = 1
    right = 0.1 * np.eye(6, k=-1) + 0.6 * np.eye(6) + 0.3 * np.eye(6, k=1)
    right[0, :2], right[5, 4:] = (0.7, 0.3), (0.7, 0.3)
    assert np.allclose(transitions, [left, right])
    rewards = RiverSwim().transition_model.expected_rewards.reshape(6, 2)
    assert rewards[0, 0] == 5
    assert rewards[5, 1] == pytest.approx(3000)
    assert np.count_nonzero(rewards) == 2


def test_in_river_swim_swimming_up_is_best_everywhere() -> None:
    model = RiverSwim().transition_model
    values = optimal(model, gamma=0.95)
    assert (action_values(model, values, 0.95).argmax(axis=1) == 1).all()
    up = dense(model)[1]  # the closed form of always swimming up
    pays = model.expected_rewards.reshape(6, 2)[:, 1]
    assert np.allclose(values, np.linalg.solve(np.eye(6) - 0.95 * up, pays))


def test_the_chain_walked_forward_earns_its_closed_form() -> None:
    """The average reward of always going forward: by the stationary distribution of a walk that
    falls back with probability 0.2, pi_k = 0.2 * 0.8^k, and pi_4 = 0.8^4."""
    model = NChain().transition_model
    stationary = np.array([0.2, 0.16, 0.128, 0.1024, 0.4096])
    forward = dense(model)[0]
    assert np.allclose(stationary @ forward, stationary)
    earned = stationary @ model.expected_rewards.reshape(5, 2)[:, 0]
    assert earned == pytest.approx(0.2 * 2 + 0.8 * 10 * 0.4096)
    assert (action_values(model, optimal(model, 0.95), 0.95).argmax(axis=1) == 0).all()


def test_garnet_is_the_same_for_the_same_seed_and_no_other() -> None:
    one, same, other = (Garnet(seed=seed).transition_model for seed in (1, 1, 2))
    assert np.array_equal(one.probabilities, same.probabilities)
    assert not np.array_equal(one.probabilities, other.probabilities)


@pytest.mark.parametrize(("states", "branching"), [(100, 5), (5, 5), (50, 49), (7, 1)])
def test_garnet_leads_to_different_states_all_equally_likely(states, branching) -> None:
    model = Garnet(states=states, actions=40, branching=branching, seed=3).transition_model
    successors = np.sort(model.next_states.reshape(-1, branching), axis=1)
    assert (np.diff(successors, axis=1) > 0).all()
    counts = np.bincount(successors.ravel(), minlength=states)
    share = branching / states
    spread = np.sqrt(len(successors) * share * (1 - share))
    assert np.abs(counts - len(successors) * share).max() <= 5 * spread
    # gaps between uniform points: each has the mean 1 / b, and they sum to 1
    probabilities = model.probabilities.reshape(-1, branching)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert np.allclose(probabilities.mean(axis=0), 1 / branching, atol=0.02)


def test_garnet_pays_by_state_and_action_alone() -> None:
    model = Garnet(states=2000).transition_model
    rewards = model.rewards.reshape(-1, 5)
    assert (rewards == rewards[:, :1]).all()
    assert rewards[:, 0].mean() == pytest.approx(0, abs=0.05)
    assert rewards[:, 0].std() == pytest.approx(1, abs=0.05)
    assert not model.terminated.any()

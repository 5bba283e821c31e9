"""Bins and tiles against numbers worked out by hand, and what the wrappers refuse."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.zoo_tabular.worlds import learner
from zoo import ZooError
from zoo.environments.config import EnvironmentConfig
from zoo_tabular.discretization import Binning, TileCoding


class Box(gym.Env[Any, Any]):
    """Shows nothing of interest; only its observation space matters."""

    action_space = spaces.Discrete(2)

    def __init__(self, low: list[float], high: list[float]) -> None:
        self.observation_space = spaces.Box(np.float32(low), np.float32(high))


UNIT = Box([0.0, 0.0], [1.0, 1.0])
ENDLESS = Box([-np.inf, 0.0], [np.inf, 1.0])


def test_bins_are_of_equal_width_and_the_last_holds_its_upper_edge() -> None:
    binned = Binning(Box([-1.0, 0.0], [1.0, 10.0]), bins=[4, 5])
    assert binned.observation_space == spaces.MultiDiscrete([4, 5])
    for observation, bins in [
        ([-1.0, 0.0], [0, 0]),
        ([-0.51, 1.99], [0, 0]),
        ([-0.49, 2.01], [1, 1]),
        ([0.0, 5.0], [2, 2]),
        ([1.0, 10.0], [3, 4]),
    ]:
        assert binned.observation(np.float32(observation)).tolist() == bins


def test_what_lies_outside_counts_as_the_edge() -> None:
    binned = Binning(ENDLESS, bins=3, low=[-1.0, 0.0], high=1.0)
    assert binned.observation(np.float32([-7.0, np.inf])).tolist() == [0, 2]
    tiled = TileCoding(ENDLESS, tilings=4, tiles=3, low=-1.0, high=1.0)
    edge, beyond = np.float32([1.0, 1.0]), np.float32([9.0, 2.0])
    assert tiled.active(edge).tolist() == tiled.active(beyond).tolist()


def test_tiles_are_those_worked_out_by_hand() -> None:
    """4 tilings of 2 x 2 tiles, each with 3 x 3 cells: displaced by i/4 and by 3i/4 mod 1."""
    tiled = TileCoding(UNIT, tilings=4, tiles=2)
    assert tiled.offsets.tolist() == [[0, 0], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25]]
    # In tiles (0.8, 1.3) lies in the cells (0, 1), (1, 2), (1, 1) and (1, 1) of the tilings.
    point = np.array([0.4, 0.65])
    assert tiled.active(point).tolist() == [0 + 1, 9 + 5, 18 + 4, 27 + 4]
    features = tiled.observation(point)
    assert features in tiled.observation_space
    assert np.flatnonzero(features).tolist() == [1, 14, 22, 31]


def test_near_observations_share_tiles_and_far_ones_none() -> None:
    tiled = TileCoding(UNIT, tilings=8, tiles=4)
    here = set(tiled.active([0.5, 0.5]).tolist())
    shared = [len(here & set(tiled.active([0.5 + d, 0.5]).tolist())) for d in (0, 0.1, 0.2, 0.26)]
    assert shared == [8, 5, 2, 0]  # a tile is 0.25 wide; an eighth of it loses one tiling


def test_the_corners_have_tiles_of_their_own() -> None:
    tiled = TileCoding(UNIT, tilings=8, tiles=[3, 5])
    assert tiled.observation_space == spaces.MultiBinary(8 * 4 * 6)
    corners = [tiled.active([x, y]) for x in (0, 1) for y in (0, 1)]
    assert len(np.unique(corners)) == 4 * 8
    assert np.min(corners) >= 0
    assert np.max(corners) < 8 * 24


def test_the_range_of_cart_pole_is_known() -> None:
    binned = Binning(gym.make("CartPole-v1"), bins=[1, 1, 6, 6])
    middle = binned.observation(np.array([0.0, 0.0, 0.2094, -3.4]))
    assert middle.tolist() == [0, 0, 5, 0]


@pytest.mark.parametrize("wrapper", [Binning, TileCoding])
@pytest.mark.parametrize(
    ("env", "kwargs", "message"),
    [
        (ENDLESS, {}, r"without bounds \(entries 0\)\. Give low and high, 2 numbers each"),
        (UNIT, {"low": [0, 0, 0]}, "takes for low one number or 2 of them"),
        (UNIT, {"low": 1.0}, "each low to be below its high"),
        (gym.make("FrozenLake-v1"), {}, "a Box of one dimension, not Discrete"),
    ],
)
def test_ranges_that_cannot_be_cut_are_refused(
    wrapper: Any, env: gym.Env[Any, Any], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ZooError, match=message):
        wrapper(env, **kwargs)


@pytest.mark.parametrize("bins", [0, 2.5, [3], [3, 0], "many"])
def test_counts_must_be_whole_and_above_zero(bins: Any) -> None:
    with pytest.raises(ZooError, match="takes for bins a whole number above 0 or a list of 2"):
        Binning(UNIT, bins=bins)


def test_a_table_of_tiles_over_memory_is_refused() -> None:
    with pytest.raises(ZooError, match="would make 8,016,008 features"):
        TileCoding(UNIT, tiles=1000)


@pytest.mark.slow
def test_bins_solve_cart_pole() -> None:
    bins = ("binning", {"bins": [6, 6, 12, 12]})
    made, env = learner(
        "q-learning", "CartPole-v1", n_envs=8, wrappers=[bins],
        epsilon=1, final=0.02, exploration_steps=100_000,
    )  # fmt: skip
    config, best = EnvironmentConfig("CartPole-v1", {}, (bins,)), 0.0
    for progress in made.train(env, 200_000):
        if progress.steps >= 100_000 and best < 475:
            best = max(best, zoo.evaluate(made.agent(), env=config, episodes=20).mean_return)
    assert best >= 475

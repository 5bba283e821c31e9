from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from zoo.drawing.scene import scene_of


def test_a_lake_has_letters_arrows_and_ends() -> None:
    scene = scene_of(gym.make("FrozenLake-v1"), 16, 4)
    assert (scene.grid, scene.signs) == ((4, 4), ("←", "↓", "→", "↑"))
    assert scene.letters is not None
    assert ["".join(row) for row in scene.letters] == ["S", "HH", "H", "HG"]
    assert np.flatnonzero(scene.ends).tolist() == [5, 7, 11, 12, 15]
    assert scene.reached.all()


def test_nobody_comes_to_the_cliff() -> None:
    scene = scene_of(gym.make("CliffWalking-v1"), 48, 4)
    assert scene.grid == (4, 12)
    assert np.flatnonzero(~scene.reached).tolist() == list(range(37, 47))
    assert np.flatnonzero(scene.ends).tolist() == [47]
    assert scene.letters is not None
    assert (scene.letters[3, 0], scene.letters[3, 11]) == ("S", "G")


def test_taxis_states_have_parts_and_404_are_reached() -> None:
    scene = scene_of(gym.make("Taxi-v4"), 500, 6)
    assert scene.digits is not None
    assert list(scene.digits(123)) == [1, 1, 0, 3]
    assert (scene.reached.sum(), scene.ends.sum()) == (404, 4)
    assert scene.signs == ("↓", "↑", "→", "←", "P", "D")


def test_the_arrows_of_a_plugins_grid_are_used() -> None:
    scene = scene_of(gym.make("CartPole-v1"), 8, 2)
    assert (scene.actions, scene.signs) == (("push left", "push right"), ("←", "→"))

    class Row(gym.Env[Any, Any]):
        observation_space = spaces.Discrete(3)
        action_space = spaces.Discrete(2)
        grid_shape = (1, 3)
        arrows = ("↖", "•")

    scene = scene_of(Row(), 3, 2)
    assert (scene.grid, scene.signs, scene.letters) == ((1, 3), ("↖", "•"), None)


def test_a_wrapper_that_makes_other_states_hides_the_map() -> None:
    env = gym.wrappers.TransformObservation(
        gym.make("FrozenLake-v1"), lambda s: s // 2, spaces.Discrete(8)
    )
    scene = scene_of(env, 8, 4)
    assert (scene.grid, scene.letters) == (None, None)
    assert scene.signs == ("←", "↓", "→", "↑")


@pytest.mark.parametrize("env", [None, gym.make("FrozenLake-v1")])
def test_what_is_not_known_is_counted(env: Any) -> None:
    scene = scene_of(env, 20, 3)
    assert (scene.grid, scene.actions) == (None, ("0", "1", "2"))
    assert not scene.ends.any()

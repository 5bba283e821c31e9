"""The wrapper `action-masks` tells what the environment last reported."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from zoo import EnvironmentConfig, ZooError
from zoo.environments.make import make
from zoo.environments.masks import ActionMasks


def test_the_mask_is_that_of_the_present_state():
    env = make(EnvironmentConfig("Taxi-v4", wrappers=(("action-masks", {}),)))
    _, info = env.reset(seed=3)
    masks = env.get_wrapper_attr("action_masks")
    seen = set()
    for _ in range(30):
        mask = masks()
        assert mask.dtype == np.bool_
        np.testing.assert_array_equal(mask, info["action_mask"])
        seen.add(mask.tobytes())
        _, _, _, _, info = env.step(int(np.flatnonzero(mask)[-1]))
    assert len(seen) > 1


def test_an_environment_without_masks_is_refused_at_its_reset():
    env = ActionMasks(gym.make("CartPole-v1"))
    with pytest.raises(ZooError, match="action_mask"):
        env.reset()


def test_continuous_actions_are_refused():
    with pytest.raises(ZooError, match="discrete actions"):
        ActionMasks(gym.make("Pendulum-v1"))

"""Environments that cost nothing, so that what is measured is learning: see gpu.py."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

EPISODE = 1000
"""Steps of an episode."""


class Free(gym.Env[Any, Any]):
    """Shows observations that were drawn beforehand, and rewards every action alike."""

    observation_space: spaces.Box
    shown = 64

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        shape = (self.shown, *self.observation_space.shape)
        if self.observation_space.dtype == np.uint8:
            self._observations = rng.integers(256, size=shape, dtype=np.uint8)
        else:
            self._observations = rng.standard_normal(shape).astype(np.float32)
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._steps = 0
        return self._observations[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._steps += 1
        observation = self._observations[self._steps % self.shown]
        return observation, 1.0, self._steps == EPISODE, False, {}


class Frames(Free):
    """The shapes of Pong: four grey frames of 84 by 84, six actions."""

    observation_space = spaces.Box(0, 255, (84, 84, 4), np.uint8)
    action_space = spaces.Discrete(6)


class Joints(Free):
    """The shapes of HalfCheetah: 17 numbers, six torques."""

    observation_space = spaces.Box(-np.inf, np.inf, (17,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (6,), np.float32)

"""A vector environment that plays back what a test has written down."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode


class Scripted:
    """Two copies with observations (t, copy): at step t (from 1) reward t * 10 + copy.

    Copy 0 terminates with step 2, copy 1 is truncated with step 3, where it has seen (7, 7);
    whoever begins anew sees (-t, copy).
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    num_envs = 2

    def __init__(self, bad: tuple[str, int, float] | None = None) -> None:
        """Put `bad` = (what, t, value) into copy 1: `observation`, `reward` or `final_obs`."""
        self.single_observation_space = spaces.Box(-99, 99, (2,), np.float32)
        self.single_action_space = spaces.Discrete(2)
        self.t, self.bad, self.actions = 0, bad, []

    def reset(self) -> tuple[np.ndarray, dict[str, Any]]:
        return self._observe(1), {}

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        self.actions.append(actions)
        self.t += 1
        terminated = np.array([self.t == 2, False])
        truncated = np.array([False, self.t == 3])
        rewards = self.t * 10.0 + np.arange(2)
        observations, infos = self._observe(1), {}
        done = terminated | truncated
        if done.any():
            observations[done, 0] *= -1
            infos["final_obs"] = np.array([None, None], object)
            for i in np.flatnonzero(done):
                infos["final_obs"][i] = np.array([7, 7], np.float32)
        if self.bad and self.bad[1] == self.t:
            what, _, value = self.bad
            if what == "reward":
                rewards[1] = value
            elif what == "final_obs":
                infos["final_obs"][1][0] = value
            else:
                observations[1, 0] = value
        return observations, rewards, terminated, truncated, infos

    def _observe(self, sign: int) -> np.ndarray:
        return np.stack([np.full(2, sign * self.t), np.arange(2)], axis=1).astype(np.float32)

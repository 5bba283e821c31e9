"""Which actions are legal, for algorithms that learn with masks."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from zoo.errors import ZooError


class ActionMasks(gym.Wrapper):
    """Give `info["action_mask"]`, as Taxi-v4 reports it, as the method `action_masks`.

    The method is what agents and algorithms that use masks look for. Raises `ZooError` at the
    first reset where the environment reports no mask.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        if not isinstance(env.action_space, gym.spaces.Discrete):
            raise ZooError(
                f"the wrapper 'action-masks' needs discrete actions, not {env.action_space}"
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._keep(info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._keep(info)
        return observation, reward, terminated, truncated, info

    def action_masks(self) -> np.ndarray:
        """Return (number of actions,) bool: which of them the present state allows."""
        return self._mask

    def _keep(self, info: dict[str, Any]) -> None:
        if "action_mask" not in info:
            raise ZooError(
                "the environment reports no info['action_mask'], which 'action-masks' reads",
                "Leave the wrapper out, with use_masking: false in the recipe",
            )
        self._mask = np.asarray(info["action_mask"], np.bool_)

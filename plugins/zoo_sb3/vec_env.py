"""The host's vector environment as the `VecEnv` that SB3 learns from."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from zoo import ZooError
from zoo_sb3.support import shown

Indices = int | Iterable[int] | None


class HostVecEnv(VecEnv):
    """A `gymnasium.vector.VectorEnv` with autoreset in the same step, in SB3's terms.

    It has spaces from the start, and an environment from `attach` on, so that a model can be
    built around it before there is one. SB3's seeds are not passed on: the host seeds.

    With `monitored` it stands for copies inside SB3's `Monitor`: an info at the end of an
    episode has `episode`, with the return `r` and the length `l`.
    """

    def __init__(
        self,
        observation_space: Space[Any],
        action_space: Space[Any],
        num_envs: int,
        *,
        monitored: bool = False,
    ) -> None:
        """Take single spaces, which are copied: SB3 seeds the action space and samples it."""
        self.env: VectorEnv[Any, Any, Any] | None = None
        self._spaces = observation_space, action_space
        self.monitored = monitored
        self.steps = 0
        """Steps of the environment since it was attached, over all copies."""
        self.episodes = 0
        """Episodes that have finished, over all copies."""
        self.resumed = np.zeros(num_envs, np.bool_)
        """(num_envs,) bool: the copies that went on with an episode at the last reset."""
        self._rewards: list[list[float]] = [[] for _ in range(num_envs)]
        super().__init__(num_envs, deepcopy(observation_space), deepcopy(action_space))

    def attach(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Learn from `env` from now on; `ZooError` where it cannot be learnt from."""
        spaces = env.single_observation_space, env.single_action_space
        if spaces != self._spaces:
            raise ZooError(
                "the environment's spaces {} and {} are not those that the algorithm was made for: "
                "{} and {}".format(*map(shown, (*spaces, *self._spaces))),
                "Use the environment that the run began with",
            )
        mode = env.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ZooError(
                f"a vector environment with autoreset mode {mode} cannot be learnt from by SB3",
                "Use one with AutoresetMode.SAME_STEP, as zoo.train makes them",
            )
        self.env = env
        self.steps = 0

    def reset(self) -> Any:
        """Return the copies' first observations (num_envs, ...), or those under way."""
        observations, infos = self._attached().reset()
        resumed = infos.get("resumed", np.zeros(self.num_envs, np.bool_))
        self.resumed = np.asarray(resumed, np.bool_)
        self._rewards = [[] for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Return observations, rewards (float32), dones and infos, an info for each copy."""
        assert self.env is not None
        observations, rewards, terminated, truncated, infos = self.env.step(self._actions)
        self.steps += self.num_envs
        dones = terminated | truncated
        each: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if self.monitored:
            for i, reward in enumerate(rewards.tolist()):
                self._rewards[i].append(reward)
        if dones.any():
            for i in np.flatnonzero(dones).tolist():
                each[i] = self._final_info(i, infos)
                each[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
        return observations, rewards.astype(np.float32), dones, each

    def close(self) -> None:
        """Do nothing: the environment is the host's."""

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        if self.env is None:
            if attr_name == "render_mode":  # which VecEnv's constructor asks for
                return [None] * self.num_envs
            raise AttributeError(attr_name)
        return [env.get_wrapper_attr(attr_name) for env in self._copies(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        for env in self._copies(indices):
            env.set_wrapper_attr(attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        return [
            env.get_wrapper_attr(method_name)(*method_args, **method_kwargs)
            for env in self._copies(indices)
        ]

    def env_is_wrapped(self, wrapper_class: type, indices: Indices = None) -> list[bool]:
        found = self.monitored and issubclass(Monitor, wrapper_class)
        return [found for _ in self._get_indices(indices)]

    def _attached(self) -> VectorEnv[Any, Any, Any]:
        if self.env is None:
            raise RuntimeError("no environment is attached")
        return self.env

    def _copies(self, indices: Indices) -> list[Any]:
        """Return the single environments; `AttributeError` where there are none."""
        copies = self._attached().unwrapped.envs  # type: ignore[attr-defined]
        return [copies[i] for i in self._get_indices(indices)]

    def _final_info(self, i: int, infos: dict[str, Any]) -> dict[str, Any]:
        """Return SB3's info on the end of copy i's episode."""
        self.episodes += 1
        info: dict[str, Any] = {"terminal_observation": infos["final_obs"][i]}
        final = infos.get("final_info", {})
        if "is_success" in final and final["_is_success"][i]:
            info["is_success"] = bool(final["is_success"][i])
        if self.monitored:
            rewards, self._rewards[i] = self._rewards[i], []
            info["episode"] = {"r": round(sum(rewards), 6), "l": len(rewards)}
        return info

"""A vector environment that steps its copies one after the other, and quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array, iterate

from zoo.environments.code import origin, summary
from zoo.errors import ZooError

_ARRAYS = (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary)


class SameStepVectorEnv(SyncVectorEnv):
    """Gymnasium's `SyncVectorEnv` with autoreset in the same step, less work around each step,
    and a `ZooError` that names the environment, the copy and the place where a copy raises.

    Observations, rewards and flags are new arrays at each step. Where an episode ends, the
    observation is the next episode's first; `infos["final_obs"]` and `infos["final_info"]`
    hold the last of the one that ended.
    """

    def __init__(
        self,
        factories: Sequence[Callable[[], gym.Env[Any, Any]]],
        *,
        first_seed: int | None = None,
        name: str = "",
    ) -> None:
        """Make one copy by each factory; the first reset uses `first_seed` unless given a seed."""
        try:
            super().__init__(factories, autoreset_mode=AutoresetMode.SAME_STEP)
        except ZooError:
            raise
        except Exception as error:  # no spaces, say, or other ones in each copy
            raise ZooError(
                f"{f'environment {name}' if name else 'the environment'} is not one that can be "
                f"copied: {summary(error)}",
                "Give its class an observation_space and an action_space, equal in all copies",
            ) from error
        self.first_seed = first_seed
        self.name = name or _name(self.envs[0])
        self._first_reset = True
        space = self.single_observation_space
        self._array_observations = isinstance(space, (*_ARRAYS, spaces.Discrete))
        self._array_actions = isinstance(self.action_space, _ARRAYS)
        self._shape, self._dtype = space.shape, space.dtype
        for made in (self.action_space, self.single_action_space, self.observation_space, space):
            made.seed(first_seed)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Reset the copies; an int seeds copy i with `seed + i`.

        `options["reset_mask"]` (num_envs,) bool picks the copies to reset, as Gymnasium has it.
        """
        if seed is None and self._first_reset:
            seed = self.first_seed
        seeds = _per_copy(seed, self.num_envs)
        mask = np.ones(self.num_envs, np.bool_)
        if options is not None and "reset_mask" in options:
            mask = np.asarray(options["reset_mask"], np.bool_)
            options = {key: value for key, value in options.items() if key != "reset_mask"}
        infos: dict[str, Any] = {}
        for i in np.flatnonzero(mask).tolist():
            self._env_obs[i], info = self._reset_copy(i, seed=seeds[i], options=options)
            infos = self._add_info(infos, info, i)
        if self._first_reset:
            self._check_shapes()
            self._first_reset = False
        return self._batch(self._env_obs), infos

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all copies; see the class for the end of episodes."""
        n, observations = self.num_envs, self._env_obs
        rewards = np.empty(n, np.float64)
        terminations, truncations = np.empty(n, np.bool_), np.empty(n, np.bool_)
        infos: dict[str, Any] = {}
        each: Iterable[Any] = actions
        if not self._array_actions:
            each = iterate(self.action_space, actions)
        i = -1
        try:
            for env, action in zip(self.envs, each, strict=True):
                i += 1
                observation, reward, terminated, truncated, info = env.step(action)
                rewards[i], terminations[i], truncations[i] = reward, terminated, truncated
                if terminated or truncated:
                    final = {"final_obs": observation, "final_info": info}
                    infos = self._add_info(infos, final, i)
                    observation, info = self._reset_copy(i)
                if info:
                    infos = self._add_info(infos, info, i)
                observations[i] = observation
            batch = self._batch(observations)
        except ZooError:
            raise
        except Exception as error:
            raise self._failure(i, "step", error) from error
        return batch, rewards, terminations, truncations, infos

    def _reset_copy(
        self, i: int, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset one copy; subclasses note it here."""
        try:
            return self.envs[i].reset(seed=seed, options=options)
        except ZooError:
            raise
        except Exception as error:
            raise self._failure(i, "reset", error) from error

    def _batch(self, observations: Sequence[Any]) -> Any:
        """Put the copies' observations into new arrays with a leading axis of num_envs."""
        if not self._array_observations:
            space, n = self.single_observation_space, self.num_envs
            return concatenate(space, observations, cast(Any, create_empty_array(space, n)))
        batch = np.empty((self.num_envs, *self._shape), self._dtype)  # type: ignore[misc]
        for i, observation in enumerate(observations):
            batch[i] = observation
        return batch

    def _check_shapes(self) -> None:
        """Refuse observations that would silently be broadcast to the shape of the space."""
        if not self._array_observations:
            return
        returned: list[Any] = self._env_obs
        for i, observation in enumerate(returned):
            if np.shape(observation) != self._shape:
                raise ZooError(
                    f"environment {self.name} (copy {i}) returned an observation of shape "
                    f"{np.shape(observation)}, its observation space has {self._shape}",
                    "Make the two agree in the environment's code",
                )

    def _failure(self, i: int, verb: str, error: Exception) -> ZooError:
        return ZooError(
            f"environment {self.name} (copy {max(i, 0)} of {self.num_envs}) raised "
            f"{summary(error)} in {verb} ({origin(error)})",
            "The fault lies in the environment's code, or in the action that it was given",
        )


def _per_copy(seed: int | Sequence[int | None] | None, n: int) -> Sequence[int | None]:
    if seed is None:
        return [None] * n
    if isinstance(seed, int | np.integer):
        return [int(seed) + i for i in range(n)]
    if len(seed) != n:
        raise ValueError(f"{len(seed)} seeds for {n} environments")
    return seed


def _name(env: gym.Env[Any, Any]) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__

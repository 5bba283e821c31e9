"""Wrappers that recipes name under `env_wrapper` and `frame_stack`.

Their observations equal those of Stable-Baselines3, sb3-contrib and RL Zoo, so that recipes and
results carry over; each returns new arrays, which callers may keep. Arguments come from YAML.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import ResizeObservation as _ResizeObservation

from zoo.errors import ZooError

Step = tuple[Any, Any, bool, bool, dict[str, Any]]
Reset = tuple[Any, dict[str, Any]]


class FrameStack(gym.Wrapper):
    """Stack the last `n` observations along the channels, with zeros before the first.

    Channels are the last axis, except for images (uint8, 3 axes, 0 to 255) whose smallest axis
    is the first; `channels` ("first" or "last") overrides that. The entries of a Dict are
    stacked one by one. Equals Stable-Baselines3's `VecFrameStack`, last observation included.
    """

    def __init__(self, env: gym.Env[Any, Any], n: int = 4, channels: str | None = None) -> None:
        super().__init__(env)
        space: Any = env.observation_space
        boxes: dict[str, Any] = space.spaces if isinstance(space, spaces.Dict) else {"": space}
        _require(all(isinstance(box, spaces.Box) for box in boxes.values()), "frame-stack",
                 "observations that are a Box or a Dict of Boxes", space)  # fmt: skip
        if n < 1 or channels not in (None, "first", "last"):
            raise ZooError("the wrapper 'frame-stack' takes n >= 1 and channels first or last")
        self._stacks = {key: _Stack(box, n, channels) for key, box in boxes.items()}
        stacked: dict[str, Any] = {key: stack.space for key, stack in self._stacks.items()}
        self._is_dict = isinstance(space, spaces.Dict)
        self.observation_space = spaces.Dict(stacked) if self._is_dict else stacked[""]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        observation, info = self.env.reset(seed=seed, options=options)
        for stack in self._stacks.values():
            stack.clear()
        return self._push(observation), info

    def step(self, action: Any) -> Step:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._push(observation), reward, terminated, truncated, info

    def _push(self, observation: Any) -> Any:
        if self._is_dict:
            return {key: stack.push(observation[key]) for key, stack in self._stacks.items()}
        return self._stacks[""].push(observation)


class _Stack:
    """The last `n` arrays of a Box space, joined along one axis."""

    def __init__(self, box: spaces.Box, n: int, channels: str | None) -> None:
        first = _has_channels_first(box) if channels is None else channels == "first"
        self.axis = 0 if first else len(box.shape) - 1
        # Stable-Baselines3 repeats each bound in place, which is right for images only.
        low, high = (np.concatenate([bound] * n, axis=self.axis) for bound in (box.low, box.high))
        self.space = spaces.Box(low, high, dtype=box.dtype)
        self._older = (slice(None),) * self.axis + (slice(box.shape[self.axis], None),)
        self.clear()

    def clear(self) -> None:
        self._joined = np.zeros(self.space.shape, self.space.dtype)

    def push(self, array: np.ndarray) -> np.ndarray:
        newest = np.asarray(array, self.space.dtype)
        self._joined = np.concatenate((self._joined[self._older], newest), axis=self.axis)
        return self._joined


class FrameSkip(gym.Wrapper):
    """Repeat each action `skip` times, or until the episode ends, and sum the rewards."""

    def __init__(self, env: gym.Env[Any, Any], skip: int = 4) -> None:
        super().__init__(env)
        if skip < 1:
            raise ZooError("the wrapper 'frame-skip' takes skip >= 1")
        self.skip = skip

    def step(self, action: Any) -> Step:
        total = 0.0
        for _ in range(self.skip):
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            if terminated or truncated:
                break
        return observation, total, terminated, truncated, info


class History(gym.Wrapper):
    """Give the last `horizon` observations and actions as one vector, zeros before the first.

    The observation has shape (horizon * (observation size + action size),): all observations,
    the newest last, then all actions. For one-dimensional Boxes, as RL Zoo's `HistoryWrapper`.
    """

    key: ClassVar[str | None] = None

    def __init__(self, env: gym.Env[Any, Any], horizon: int = 2) -> None:
        super().__init__(env)
        whole: Any = env.observation_space
        seen, acts = whole, cast(Any, env.action_space)
        if self.key is not None:
            _require(isinstance(whole, spaces.Dict) and self.key in whole.spaces, "history-dict",
                     f"a Dict observation with the entry {self.key!r}", whole)  # fmt: skip
            seen = whole.spaces[self.key]
        name = "history" if self.key is None else "history-dict"
        _require(_is_vector(seen), name, "observations that are a Box of one dimension", seen)
        _require(_is_vector(acts), name, "actions that are a Box of one dimension", acts)
        low, high = (
            np.concatenate((np.tile(observed, horizon), np.tile(acted, horizon)))
            for observed, acted in ((seen.low, acts.low), (seen.high, acts.high))
        )
        box = spaces.Box(low, high, dtype=seen.dtype)
        self._observations = np.zeros((horizon, *seen.shape), seen.dtype)
        self._actions = np.zeros((horizon, *acts.shape), acts.dtype)
        if self.key is None:
            self.observation_space = box
        else:
            self.observation_space = spaces.Dict({**whole.spaces, self.key: box})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        observation, info = self.env.reset(seed=seed, options=options)
        self._observations[...] = 0
        self._actions[...] = 0
        return self._remember(observation), info

    def step(self, action: Any) -> Step:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._actions[:-1] = self._actions[1:]
        self._actions[-1] = action
        return self._remember(observation), reward, terminated, truncated, info

    def _remember(self, observation: Any) -> Any:
        self._observations[:-1] = self._observations[1:]
        self._observations[-1] = observation if self.key is None else observation[self.key]
        joined = np.concatenate((self._observations.ravel(), self._actions.ravel()))
        return joined if self.key is None else {**observation, self.key: joined}


class HistoryDict(History):
    """`History` for the entry `observation` of a Dict, as in goal-conditioned environments."""

    key = "observation"


class TimeFeature(gym.Wrapper):
    """Append the part of the episode that remains, from 1 down to 0 (arXiv:1712.00378).

    An episode's length is the environment's own limit, else `max_steps`. In `test_mode` the
    feature stays 1, which shows whether an agent relies on it. For one-dimensional Boxes, alone
    or as the entry `observation` of a Dict; equals sb3-contrib's `TimeFeatureWrapper`.
    """

    def __init__(
        self, env: gym.Env[Any, Any], max_steps: int = 1000, test_mode: bool = False
    ) -> None:
        super().__init__(env)
        space: Any = env.observation_space
        self._is_dict = isinstance(space, spaces.Dict)
        seen: Any = space.spaces.get("observation") if isinstance(space, spaces.Dict) else space
        _require(_is_vector(seen), "time-feature", "observations of one dimension", space)
        low, high = np.append(seen.low, 0.0), np.append(seen.high, 1.0)
        box = spaces.Box(low.astype(seen.dtype), high.astype(seen.dtype), dtype=seen.dtype)
        if isinstance(space, spaces.Dict):
            self.observation_space = spaces.Dict({**space.spaces, "observation": box})
        else:
            self.observation_space = box
        limit = env.spec.max_episode_steps if env.spec is not None else None
        self.max_steps = max_steps if limit is None else limit
        self.test_mode = test_mode
        self._elapsed = 0
        self._dtype = box.dtype

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        self._elapsed = 0
        observation, info = self.env.reset(seed=seed, options=options)
        return self._append(observation), info

    def step(self, action: Any) -> Step:
        self._elapsed += 1
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._append(observation), reward, terminated, truncated, info

    def _append(self, observation: Any) -> Any:
        remaining = 1.0 if self.test_mode else 1 - self._elapsed / self.max_steps
        feature = np.array(remaining, self._dtype)
        if self._is_dict:
            return {**observation, "observation": np.append(observation["observation"], feature)}
        return np.append(observation, feature)


class TruncatedOnSuccess(gym.Wrapper):
    """Truncate an episode after `n_successes` steps in a row with `info["is_success"]`.

    `reward_offset` is added to every reward, for goal-conditioned environments whose rewards
    are negative until success.
    """

    def __init__(
        self, env: gym.Env[Any, Any], reward_offset: float = 0.0, n_successes: int = 1
    ) -> None:
        super().__init__(env)
        self.reward_offset, self.n_successes = reward_offset, n_successes
        self._in_a_row = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        self._in_a_row = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> Step:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._in_a_row = self._in_a_row + 1 if info.get("is_success", False) else 0
        truncated = bool(truncated or self._in_a_row >= self.n_successes)
        return observation, float(reward) + self.reward_offset, terminated, truncated, info

    def compute_reward(self, achieved_goal: Any, desired_goal: Any, info: Any) -> Any:
        """Return the reward of other goals, for hindsight experience replay."""
        compute = self.env.get_wrapper_attr("compute_reward")
        return compute(achieved_goal, desired_goal, info) + self.reward_offset


class MaskVelocity(gym.ObservationWrapper):
    """Set the velocities in an observation to zero, so that the state is observed in part.

    Known for the environments below; `indices` names the entries for any other.
    """

    velocities: ClassVar[dict[str, tuple[int, ...]]] = {
        "CartPole": (1, 3),
        "MountainCar": (1,),
        "MountainCarContinuous": (1,),
        "Pendulum": (2,),
        "LunarLander": (2, 3, 5),
        "LunarLanderContinuous": (2, 3, 5),
    }

    def __init__(self, env: gym.Env[Any, Any], indices: Sequence[int] | None = None) -> None:
        super().__init__(env)
        space: Any = env.observation_space
        name = env.spec.name if env.spec is not None else ""
        _require(_is_vector(space), "mask-velocity", "observations of one dimension", space)
        indices = self.velocities.get(name) if indices is None else indices
        if indices is None:
            raise ZooError(
                f"the wrapper 'mask-velocity' does not know where {name} has its velocities",
                "Name the entries: mask-velocity: {indices: [1, 3]}",
            )
        self._mask = np.ones(space.shape, space.dtype)
        self._mask[list(indices)] = 0

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """Return the observation without its velocities."""
        return observation * self._mask


class ResizeObservation(_ResizeObservation):
    """Resize an image to `shape` (height, width), given as a list, which is what YAML has."""

    def __init__(self, env: gym.Env[Any, Any], shape: Sequence[int] = (64, 64)) -> None:
        super().__init__(env, tuple(shape))  # type: ignore[arg-type]


def _require(holds: bool, wrapper: str, what: str, space: spaces.Space[Any]) -> None:
    if not holds:
        raise ZooError(f"the wrapper {wrapper!r} needs {what}, the environment has {space}")


def _is_vector(space: Any) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 1


def _has_channels_first(box: spaces.Box) -> bool:
    """Whether a Box is an image whose channels, the smallest axis, come first."""
    image = len(box.shape) == 3 and box.dtype == np.uint8
    bounded = image and bool(np.all(box.low == 0) and np.all(box.high == 255))
    return bounded and int(np.argmin(box.shape)) == 0

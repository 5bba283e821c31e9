"""The preprocessing of Atari games that DQN introduced (Mnih et al., 2015).

Split into what every agent sees (`preprocess`) and what only training has (`EpisodicLife`,
`ClipReward`). All of it together gives the frames, rewards and ends of Stable-Baselines3's
`AtariWrapper`. Randomness comes from the environment's own generator, so it can be replayed.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from zoo.errors import MissingExtra, ZooError

NOOP, FIRE = 0, 1
Step = tuple[Any, Any, bool, bool, dict[str, Any]]
Reset = tuple[Any, dict[str, Any]]


def preprocess(
    env: gym.Env[Any, Any], noop_max: int = 30, frame_skip: int = 4, screen_size: int = 84
) -> gym.Env[Any, Any]:
    """Begin with up to `noop_max` no-ops and with FIRE where the game needs it, act on every
    `frame_skip`-th frame, and show the game as (screen_size, screen_size, 1) uint8, grey.

    Raises `ZooError` for an environment that is no Atari game or skips frames itself.
    """
    meanings = _meanings(env)
    if getattr(env.unwrapped, "_frameskip", 1) != 1:
        raise ZooError(
            "the wrapper 'atari' skips frames, and so does the environment",
            "Set env_kwargs: {frameskip: 1} in the recipe, or use the NoFrameskip-v4 id",
        )
    if noop_max > 0:
        env = NoopReset(env, noop_max)
    if frame_skip > 1:
        env = MaxAndSkip(env, frame_skip)
    if len(meanings) > FIRE and meanings[FIRE] == "FIRE" and len(meanings) >= 3:
        env = FireReset(env)
    return Warp(env, screen_size)


class NoopReset(gym.Wrapper):
    """Do nothing for 1 to `noop_max` frames after a reset, so that games begin differently."""

    def __init__(self, env: gym.Env[Any, Any], noop_max: int = 30) -> None:
        super().__init__(env)
        self.noop_max = noop_max

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        observation, info = self.env.reset(seed=seed, options=options)
        for _ in range(self.unwrapped.np_random.integers(1, self.noop_max + 1)):
            observation, _, terminated, truncated, info = self.env.step(NOOP)
            if terminated or truncated:
                observation, info = self.env.reset(seed=seed, options=options)
        return observation, info


class MaxAndSkip(gym.Wrapper):
    """Repeat each action for `skip` frames and show the maximum of the last two.

    Games draw some sprites only in every other frame; the maximum shows them all.
    """

    def __init__(self, env: gym.Env[Any, Any], skip: int = 4) -> None:
        super().__init__(env)
        self.skip = skip
        space = env.observation_space
        self._last_two = np.zeros((2, *space.shape), space.dtype)  # type: ignore[misc]

    def step(self, action: Any) -> Step:
        total = 0.0
        for i in range(self.skip):
            frame, reward, terminated, truncated, info = self.env.step(action)
            if i >= self.skip - 2:
                self._last_two[i - self.skip] = frame
            total += float(reward)
            if terminated or truncated:
                break
        return self._last_two.max(axis=0), total, terminated, truncated, info


class FireReset(gym.Wrapper):
    """Press FIRE, then the next button, after a reset: some games wait for it."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        self.env.reset(seed=seed, options=options)
        for action in (FIRE, FIRE + 1):
            observation, _, terminated, truncated, info = self.env.step(action)
            if terminated or truncated:
                self.env.reset(seed=seed, options=options)
        return observation, info


class Warp(gym.ObservationWrapper):
    """Turn (210, 160, 3) colour frames into (size, size, 1) grey ones."""

    def __init__(self, env: gym.Env[Any, Any], size: int = 84) -> None:
        super().__init__(env)
        try:
            import cv2
        except ImportError as error:
            raise MissingExtra("the wrapper 'atari'", "atari") from error
        shape = env.observation_space.shape
        if shape is None or len(shape) != 3 or shape[-1] != 3:
            raise ZooError(f"the wrapper 'atari' needs frames in colour, the game shows {shape}")
        cv2.ocl.setUseOpenCL(False)  # slower than the CPU for frames as small as these
        self._cv2 = cv2
        self.size = size
        self.observation_space = spaces.Box(0, 255, (size, size, 1), np.uint8)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """Return the frame in grey, of shape (size, size, 1) uint8."""
        cv2 = self._cv2
        grey = cv2.cvtColor(observation, cv2.COLOR_RGB2GRAY)
        return cv2.resize(grey, (self.size, self.size), interpolation=cv2.INTER_AREA)[:, :, None]


class EpisodicLife(gym.Wrapper):
    """End the episode when a life is lost, but reset the game only when all are.

    After a lost life, reset does nothing for one action and presses FIRE where the game needs
    it (`FireReset` does that after a real reset).
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        _meanings(env)
        self._fires = _has_wrapper(env, FireReset)
        self._lives = 0
        self._game_over = True

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Reset:
        if self._game_over:
            observation, info = self.env.reset(seed=seed, options=options)
        else:
            observation, info = self._next_life(seed, options)
        self._lives = self._count_lives()
        return observation, info

    def step(self, action: Any) -> Step:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._game_over = bool(terminated or truncated)
        lives = self._count_lives()
        # Qbert shows 0 lives for some frames while the game goes on: that is no loss.
        if 0 < lives < self._lives:
            terminated = True
        self._lives = lives
        return observation, reward, terminated, truncated, info

    def _next_life(self, seed: int | None, options: dict[str, Any] | None) -> Reset:
        actions = (NOOP, FIRE, FIRE + 1) if self._fires else (NOOP,)
        for action in actions:
            observation, _, terminated, truncated, info = self.env.step(action)
            if terminated or truncated:
                return self.env.reset(seed=seed, options=options)
        return observation, info

    def _count_lives(self) -> int:
        return self.unwrapped.ale.lives()  # type: ignore[attr-defined]


class ClipReward(gym.RewardWrapper):
    """Keep the sign of the reward: -1, 0 or 1."""

    def reward(self, reward: Any) -> float:
        """Return the sign."""
        return float(np.sign(float(reward)))


def _meanings(env: gym.Env[Any, Any]) -> list[str]:
    """Return what the actions of a game mean; `ZooError` for another environment."""
    if not hasattr(env.unwrapped, "ale"):
        name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
        raise ZooError(f"the atari wrappers are for Atari games, and {name} is none")
    return env.unwrapped.get_action_meanings()  # type: ignore[attr-defined]


def _has_wrapper(env: gym.Env[Any, Any], kind: type) -> bool:
    while isinstance(env, gym.Wrapper):
        if isinstance(env, kind):
            return True
        env = env.env
    return False

"""Small environments whose episodes can be worked out by hand."""

from __future__ import annotations

import random
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Counter(gym.Env[np.ndarray, int]):
    """Shows [steps done, a number drawn at reset, noise drawn at each step]; ends after `end`."""

    def __init__(self, end: int = 5, dtype: str = "float32", fail_at: int | None = None) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (3,), np.dtype(dtype))
        self.action_space = spaces.Discrete(3)
        self.end, self.fail_at = end, fail_at

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps, self.sum = 0, 0
        self.drawn = self.np_random.random()
        return self._observe(0.0), {"drawn": self.drawn}

    def step(self, action: int) -> Any:
        if self.steps == self.fail_at:
            raise RuntimeError("the pole broke\nin two")
        self.steps += 1
        self.sum += int(action)
        observation = self._observe(self.np_random.random() + self.sum)
        return observation, float(action), self.steps == self.end, False, {"sum": self.sum}

    def _observe(self, noise: float) -> np.ndarray:
        return np.array([self.steps, self.drawn, noise], self.observation_space.dtype)


class Unrepeatable(Counter):
    """Draws from a generator that no seed reaches."""

    source = random.SystemRandom()

    def _observe(self, noise: float) -> np.ndarray:
        return super()._observe(self.source.random())


class Hidden(Counter):
    """Shows nothing of the rewards that it draws where no seed reaches."""

    def step(self, action: int) -> Any:
        observation, _, terminated, truncated, info = super().step(action)
        return observation, Unrepeatable.source.random(), terminated, truncated, info


class Remembering(Counter):
    """Counts its resets, which no replay of one episode repeats."""

    resets = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.resets += 1
        return super().reset(seed=seed, options=options)

    def _observe(self, noise: float) -> np.ndarray:
        return super()._observe(float(self.resets))


class Continuous(gym.Env[np.ndarray, np.ndarray]):
    """Shows the sum of all actions of shape (2,) and a number drawn at reset."""

    def __init__(self) -> None:
        self.observation_space = spaces.Dict(
            {"sum": spaces.Box(-np.inf, np.inf, (2,)), "drawn": spaces.Discrete(100)}
        )
        self.action_space = spaces.Box(-1, 1, (2,))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.sum = np.zeros(2, np.float64)
        self.drawn = int(self.np_random.integers(100))
        return self._observe(), {}

    def step(self, action: np.ndarray) -> Any:
        self.sum += action * np.pi
        return self._observe(), float(self.sum[0]), bool(self.sum[0] > 30), False, {}

    def _observe(self) -> dict[str, Any]:
        return {"sum": self.sum.astype(np.float32), "drawn": self.drawn}


class Lives(Counter):
    """A game over `end` frames in which a life is lost every third frame, as ALE shows it."""

    def __init__(self, end: int = 10) -> None:
        super().__init__(end)
        self.ale = self

    def get_action_meanings(self) -> list[str]:
        return ["NOOP", "FIRE", "UP"]

    def lives(self) -> int:
        return 5 - self.steps // 3

"""Noise on actions, which lie in [-1, 1]."""

from __future__ import annotations

import math

import numpy as np

from zoo import State

THETA, DT = 0.15, 0.01
"""How fast Ornstein-Uhlenbeck noise returns to 0, and the time of a step, as in
Stable-Baselines3; https://arxiv.org/abs/1509.02971 has the same theta."""


class Noise:
    """Gaussian noise, independent from step to step, or an Ornstein-Uhlenbeck process,

        x <- x - theta x dt + std sqrt(dt) N(0, 1)

    of each copy of the environment, which begins at 0 with each episode, and whose deviation
    comes to std / sqrt(2 theta) in time.
    """

    def __init__(self, kind: str | None, std: float, size: int) -> None:
        """`kind` is `normal`, `ornstein-uhlenbeck` or None; actions have `size` numbers."""
        self.kind, self.std = kind, std
        self._x = np.zeros((0, size), np.float32)

    def began(self, copies: np.ndarray) -> None:
        """Note the copies, (n,) bool, whose next step is the first of an episode."""
        if len(self._x) != len(copies):
            self._x = np.zeros((len(copies), self._x.shape[1]), np.float32)
        self._x[copies] = 0.0

    def __call__(self, actions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return actions (n, size) with noise, within [-1, 1]."""
        if self.kind is None:
            return actions
        noise = rng.standard_normal(actions.shape, np.float32)
        if self.kind == "normal":
            noise *= np.float32(self.std)
        else:
            self._x *= np.float32(1 - THETA * DT)
            self._x += noise * np.float32(self.std * math.sqrt(DT))
            noise = self._x
        return np.minimum(np.maximum(actions + noise, np.float32(-1)), np.float32(1))

    def state(self) -> State:
        return {"x": self._x.copy()}

    def load_state(self, state: State) -> None:
        self._x = np.array(state["x"])

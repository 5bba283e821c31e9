"""Experience replay: what happened, kept for a while, and drawn from at random."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zoo import State, ZooError


class Batch(NamedTuple):
    """n transitions; the target of a value is `rewards + discounts * V(next_rows)`."""

    rows: np.ndarray
    """(n, ...): observations, in the shape and type of the buffer's rows"""
    actions: np.ndarray
    """(n, ...)"""
    rewards: np.ndarray
    """(n,) float32: the (n-step) returns, r_1 + gamma r_2 + ..."""
    next_rows: np.ndarray
    """(n, ...): the observations that follow the last of these rewards, final ones included"""
    discounts: np.ndarray
    """(n,) float32: gamma^k after k rewards; 0 where the episode terminated"""
    indices: np.ndarray
    """(n,) int64: the places in the buffer"""
    weights: np.ndarray
    """(n,) float32: importance weights; ones unless the buffer is prioritised"""


class Replay:
    """The last `capacity` transitions of all copies of the environment, drawn uniformly."""

    def __init__(
        self,
        capacity: int,
        copies: int,
        row_shape: tuple[int, ...],
        row_dtype: np.typing.DTypeLike,
        action_shape: tuple[int, ...],
        action_dtype: np.typing.DTypeLike,
        *,
        gamma: float,
        n_step: int = 1,
    ) -> None:
        """Make room for `capacity` transitions (rounded down to a multiple of `copies`)."""
        if n_step != 1:
            raise ZooError("n-step returns are not there yet")
        self.copies, self.gamma = copies, gamma
        self._places = max(capacity // copies, 1) * copies
        self._added = 0
        self._rows = np.zeros((self._places, *row_shape), row_dtype)
        self._next_rows = np.zeros_like(self._rows)
        self._actions = np.zeros((self._places, *action_shape), action_dtype)
        self._rewards = np.zeros(self._places, np.float32)
        self._discounts = np.zeros(self._places, np.float32)

    def __len__(self) -> int:
        """Return the number of transitions that can be drawn."""
        return min(self._added, self._places)

    def add(
        self,
        rows: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        next_rows: np.ndarray,
    ) -> None:
        """Add one step of all copies; `next_rows` has the final observation where one ended."""
        begin = self._added % self._places
        here = slice(begin, begin + self.copies)
        self._rows[here], self._actions[here], self._next_rows[here] = rows, actions, next_rows
        self._rewards[here] = rewards
        self._discounts[here] = np.where(terminated, 0.0, self.gamma)
        self._added += self.copies

    def cut(self, copies: np.ndarray) -> None:
        """Say that these copies (copies,) bool begin anew although their episodes did not end.

        To be called where a run goes on with other episodes than it was saved in.
        """

    def sample(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw `size` transitions with replacement; the next call may overwrite the arrays."""
        indices = rng.integers(len(self), size=size)
        return Batch(
            self._rows[indices],
            self._actions[indices],
            self._rewards[indices],
            self._next_rows[indices],
            self._discounts[indices],
            indices,
            np.ones(size, np.float32),
        )

    def state(self) -> State:
        n = len(self)
        return {
            "added": self._added,
            "rows": self._rows[:n].copy(),
            "next_rows": self._next_rows[:n].copy(),
            "actions": self._actions[:n].copy(),
            "rewards": self._rewards[:n].copy(),
            "discounts": self._discounts[:n].copy(),
        }

    def load_state(self, state: State) -> None:
        self._added = state["added"]
        n = len(self)
        self._rows[:n], self._next_rows[:n] = state["rows"], state["next_rows"]
        self._actions[:n], self._rewards[:n] = state["actions"], state["rewards"]
        self._discounts[:n] = state["discounts"]

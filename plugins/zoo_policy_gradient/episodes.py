"""Whole episodes out of rollouts that cut them where they will."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import numpy as np

from zoo import State, ZooError
from zoo_torch.memory import free_memory
from zoo_torch.rollout import Rollout

LONGEST = 100_000
"""Steps after which an episode that goes on is taken for one without an end."""
_LARGE = 1 << 26
"""Bytes of an episode from which on it is asked whether there is room for more: images."""


class Episode(NamedTuple):
    """The T steps of an episode, or of as much of it as there is."""

    rows: np.ndarray
    """(T, ...): the observations as in `Rollout`"""
    actions: np.ndarray
    """(T, ...): as the policy's distributions take them"""
    rewards: np.ndarray
    """(T,) float32: as in `Rollout`"""

    def then(self, other: Episode) -> Episode:
        """Return this one with what came after it, copied."""
        pairs = zip(self, other, strict=True)
        return Episode(*(np.concatenate([one, more]) for one, more in pairs))

    @np.errstate(all="ignore")
    def returns(self, gamma: float) -> np.ndarray:
        """Return G_t = R_t+1 + gamma G_t+1 for each step, (T,) float32."""
        backwards = accumulate(self.rewards[::-1].tolist(), lambda G, R: R + gamma * G)
        return np.fromiter(backwards, np.float32, len(self.rewards))[::-1]


class Unfinished:
    """What there is so far of the episodes under way, of each copy of the environment."""

    def __init__(self) -> None:
        self.parts: list[Episode | None] = []

    def begin(self, resumed: np.ndarray) -> None:
        """Forget the episodes of the copies (n,) that do not go on with theirs."""
        if len(self.parts) != len(resumed):
            self.parts = [None] * len(resumed)
        self.parts = [part if on else None for part, on in zip(self.parts, resumed, strict=True)]

    def finish(self, rollout: Rollout) -> list[Episode]:
        """Take in a rollout and return the episodes that ended in it, whole; `ZooError` where one
        does not end."""
        T, n = rollout.rewards.shape
        rows = rollout.rows.reshape(T, n, *rollout.rows.shape[1:])
        actions = rollout.actions.reshape(T, n, *rollout.actions.shape[1:])
        finished = []
        for i in range(n):
            start = 0
            for end in (np.flatnonzero(rollout.dones[:, i]) + 1).tolist():
                piece = slice(start, end), i
                last = Episode(rows[piece], actions[piece], rollout.rewards[piece])
                finished.append(self._with(i, last))
                self.parts[i], start = None, end
            piece = slice(start, T), i
            self.parts[i] = self._with(
                i, Episode(rows[piece], actions[piece], rollout.rewards[piece])
            )
        return finished

    def _with(self, i: int, more: Episode) -> Episode:
        """Return what there is of the episode of copy `i` with `more` of it, copied."""
        part = self.parts[i]
        _check_room(i, more.rows.nbytes + (0 if part is None else part.rows.nbytes))
        found = Episode(*(array.copy() for array in more)) if part is None else part.then(more)
        if len(found.rewards) > LONGEST:
            raise ZooError(
                f"an episode of copy {i} of the environment has not ended after {LONGEST:,} steps",
                "Learning from whole episodes needs ends: give the environment a "
                "max_episode_steps, or take an algorithm that does without, such as vpg",
            )
        return found

    def state(self) -> list[State | None]:
        """Return the parts, copied."""
        return [
            None if part is None else {name: array.copy() for name, array in part._asdict().items()}
            for part in self.parts
        ]

    def load_state(self, state: list[State | None]) -> None:
        """Take over what `state` returned."""
        self.parts = [None if part is None else Episode(**part) for part in state]


def _check_room(i: int, needed: int) -> None:
    """Raise `ZooError` where an episode of copy `i` needs more bytes than are free."""
    free = free_memory() if needed > _LARGE else None
    if free is not None and needed > free:
        raise ZooError(
            f"an episode of copy {i} of the environment takes {needed / 1e9:.3g} GB of memory so "
            f"far, and {free / 1e9:.3g} GB are free",
            "Learning from whole episodes keeps them: lower n_envs, give the environment a "
            "max_episode_steps, or take an algorithm that does without, such as vpg",
        )

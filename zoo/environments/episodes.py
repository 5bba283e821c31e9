"""What makes an episode repeatable: seeds of our own, and the actions since the last reset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

_EPISODES = 0x5EED
"""Sets the stream of seeds apart from the environment's own, which the same seed starts."""
_BLOCK_BYTES = 1 << 16
_BLOCK_STEPS = 256


class SeededEpisodes(gym.Wrapper):
    """Draws the seed of every reset from a generator of its own, and measures raw episodes.

    It lies inside all other wrappers, so it sees every reset that really reaches the
    environment, and rewards before they are clipped. `seeds` are those of the resets since
    the vector environment last emptied the list: they and the actions replay the episode.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.rng = np.random.default_rng()
        self.seeds: list[int] = []
        self.replay: list[int] = []  # seeds to use before any is drawn
        self.finished: list[tuple[float, int]] = []  # shared by all copies
        self.abandoned = False  # whether the next reset breaks an episode off
        self.total = 0.0
        self.length = 0
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        if seed is not None:
            self.rng = np.random.default_rng([seed, _EPISODES])
        elif self.replay:
            seed = self.replay.pop(0)
        else:
            seed = int(self.rng.integers(1 << 31))
        self.seeds.append(seed)
        if not self._over and not self.abandoned:  # a wrapper outside has ended the episode
            self.finished.append((self.total, self.length))
        self.total, self.length, self._over = 0.0, 0, False
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        result = self.env.step(action)
        self.total += float(result[1])
        self.length += 1
        if result[2] or result[3]:
            self.finished.append((self.total, self.length))
            self._over = True
        return result


class FreshWorld(gym.Wrapper):
    """Give a Box2D environment a new world for every episode.

    BipedalWalker and CarRacing keep theirs, and what earlier episodes left in it changes the
    last digits of later ones, so that a seed and actions would not repeat an episode.
    """

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        simulation: Any = self.unwrapped
        simulation._destroy()  # its bodies must go while their world is still there
        old = simulation.world
        simulation.world = type(old)(gravity=old.gravity, contactListener=old.contactListener)
        return self.env.reset(seed=seed, options=options)


def keeps_its_world(env: gym.Env[Any, Any]) -> bool:
    """Whether `FreshWorld` is for this environment."""
    kind = type(env.unwrapped)
    return kind.__name__ in ("BipedalWalker", "CarRacing") and hasattr(env.unwrapped, "world")


class ActionLog:
    """The actions of all copies since the oldest reset among their episodes under way.

    They lie in blocks of shape (steps, n, *action_shape), in the smallest integer type that
    holds a discrete action; `start[i]` is the step at which the episode of copy i began, and
    `resets[i]` are the steps before which a wrapper was reset, but not the environment.
    """

    def __init__(self, space: spaces.Space[Any], n: int) -> None:
        self.n = n
        self.compact = _smallest_integer(space)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.steps = 0
        self.start = [0] * self.n
        self.resets: list[list[int]] = [[] for _ in range(self.n)]
        self._blocks: list[tuple[np.ndarray, np.dtype[Any]]] = []  # with the actions' own dtype
        self._first = 0  # the step at which the first block begins
        self._block = np.empty((0,))
        self._dtype: np.dtype[Any] | None = None
        self._used = 0

    def append(self, actions: np.ndarray) -> None:
        """Note the actions (n, *action_shape) of one step."""
        used = self._used
        dtype = actions.dtype
        if used == len(self._block) or (dtype is not self._dtype and dtype != self._dtype):
            self._new_block(actions)
            used = 0
        self._block[used] = actions
        self._used = used + 1
        self.steps += 1

    def began(self, copy: int) -> None:
        """Note that an episode of `copy` begins before the next step."""
        self.start[copy] = self.steps
        self.resets[copy] = []

    def actions(self, copy: int) -> Iterator[Any]:
        """Yield the actions of the episode of `copy` under way, as they were passed."""
        step, start = self._first, self.start[copy]
        for block, dtype in self._filled():
            if step + len(block) > start:
                yield from block[max(start - step, 0) :, copy].astype(dtype)
            step += len(block)

    def state(self) -> dict[str, Any]:
        """Return the log as a tree, without what no episode under way needs."""
        step, oldest = self._first, min(self.start)
        blocks, dtypes = [], []
        for block, dtype in self._filled():
            if step + len(block) > oldest:
                blocks.append(block[max(oldest - step, 0) :].copy())
                dtypes.append(dtype.str)
            step += len(block)
        return {
            "blocks": blocks,
            "dtypes": dtypes,
            "start": [start - oldest for start in self.start],
            "resets": [[step - oldest for step in resets] for resets in self.resets],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.clear()
        dtypes = [np.dtype(name) for name in state["dtypes"]]
        self._blocks = list(zip(map(np.asarray, state["blocks"]), dtypes, strict=True))
        self.steps = sum(len(block) for block, _ in self._blocks)
        self.start = [int(start) for start in state["start"]]
        self.resets = [[int(step) for step in steps] for steps in state["resets"]]

    def _filled(self) -> list[tuple[np.ndarray, np.dtype[Any]]]:
        if self._dtype is None or not self._used:
            return list(self._blocks)
        return [*self._blocks, (self._block[: self._used], self._dtype)]

    def _new_block(self, actions: np.ndarray) -> None:
        self._blocks = self._filled()
        self._prune()
        dtype = self.compact if self.compact and actions.dtype.kind in "iu" else actions.dtype
        steps = max(_BLOCK_BYTES // max(actions.size * dtype.itemsize, 1), _BLOCK_STEPS)
        self._block = np.empty((steps, *actions.shape), dtype)
        self._dtype, self._used = actions.dtype, 0

    def _prune(self) -> None:
        """Drop the blocks that no episode under way needs."""
        oldest = min(self.start)
        while self._blocks and self._first + len(self._blocks[0][0]) <= oldest:
            self._first += len(self._blocks.pop(0)[0])


def _smallest_integer(space: spaces.Space[Any]) -> np.dtype[Any] | None:
    """Return the smallest integer type that holds the actions of a single `space`."""
    if isinstance(space, spaces.Discrete):
        low, high = int(space.start), int(space.start + space.n - 1)
    elif isinstance(space, spaces.MultiDiscrete):
        low, high = int(space.start.min()), int((space.start + space.nvec - 1).max())
    elif isinstance(space, spaces.MultiBinary):
        low, high = 0, 1
    else:
        return None
    for name in ("u1", "i1", "u2", "i2", "i4", "i8"):
        dtype: np.dtype[Any] = np.dtype(name)
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    return None

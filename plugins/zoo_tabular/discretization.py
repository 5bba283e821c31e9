"""From continuous observations to what tables and linear methods read: bins and tiles.

Both wrappers take a one-dimensional Box and the range `low` to `high` of each of its entries.
What lies outside counts as its edge. Where the Box is unbounded the range must be given, except
in CartPole-v1, whose useful range is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from zoo import ZooError

KNOWN_RANGES = {
    # Position (m), velocity (m/s), angle (rad), angular velocity (rad/s). Episodes end at 2.4 m
    # and at 12 degrees; a pole that turns faster than this can hardly be caught.
    "CartPole-v1": ([-2.4, -3.0, -0.2095, -3.5], [2.4, 3.0, 0.2095, 3.5]),
}
MOST_FEATURES = 1 << 20
"""More binary features than this would fill memory, since observations list each of them."""

Numbers = float | Sequence[float] | None


class Binning(gym.ObservationWrapper):
    """Cut each entry of the observation into `bins` equal parts, and give the parts' indices.

    `bins` is one number for all entries or a list with one for each; 1 leaves an entry out.
    Observations become MultiDiscrete, whose combinations are the states of a table.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        bins: int | Sequence[int] = 10,
        low: Numbers = None,
        high: Numbers = None,
    ) -> None:
        super().__init__(env)
        self.low, self.high = _range_of(env, low, high, "binning")
        self.bins = _counts(bins, self.low.size, "binning", "bins")
        self.observation_space = spaces.MultiDiscrete(self.bins)

    def observation(self, observation: Any) -> np.ndarray:
        share = _share(observation, self.low, self.high)
        return np.minimum((share * self.bins).astype(np.int64), self.bins - 1)


class TileCoding(gym.ObservationWrapper):
    """Lay several offset grids of tiles over the observation, and say which tiles it is in.

    Sutton & Barto (2018), section 9.5.4. Each of `tilings` grids has `tiles` tiles, and one more
    to cover the offset, along each entry; `tiles` is one number or a list. Grid i is displaced
    by i / tilings of a tile times the odd numbers 1, 3, 5, ..., the asymmetric offsets of
    page 219, which need a number of tilings that is a power of two and at least four times the
    number of entries to be spread evenly.

    Observations become MultiBinary with `tilings` ones: the binary features of linear methods.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        tilings: int = 8,
        tiles: int | Sequence[int] = 8,
        low: Numbers = None,
        high: Numbers = None,
    ) -> None:
        super().__init__(env)
        self.low, self.high = _range_of(env, low, high, "tile-coding")
        entries = self.low.size
        self.tiles = _counts(tiles, entries, "tile-coding", "tiles")
        self.tilings = int(_counts(tilings, 1, "tile-coding", "tilings")[0])
        size = self.size = self.tilings * math.prod((self.tiles + 1).tolist())
        if size > MOST_FEATURES:
            raise ZooError(
                f"the wrapper 'tile-coding' would make {size:,} features",
                f"Give fewer tiles or tilings: {MOST_FEATURES:,} features are the most",
            )
        displacement = 2 * np.arange(entries) + 1
        steps = np.arange(self.tilings)[:, None] * displacement
        self.offsets = steps % self.tilings / self.tilings
        """(tilings, entries), in tiles: each in [0, 1)"""
        self._strides = np.concatenate([np.cumprod(self.tiles[:0:-1] + 1)[::-1], [1]])
        self._first = np.arange(self.tilings) * (size // self.tilings)
        self.observation_space = spaces.MultiBinary(size)

    def active(self, observation: Any) -> np.ndarray:
        """Return the index (tilings,) of the tile that the observation is in, in each tiling."""
        share = _share(observation, self.low, self.high)
        tile = (share * self.tiles + self.offsets).astype(np.int64)
        return self._first + np.minimum(tile, self.tiles) @ self._strides

    def observation(self, observation: Any) -> np.ndarray:
        features = np.zeros(self.size, np.int8)
        features[self.active(observation)] = 1
        return features


def _share(observation: Any, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return how far each entry is from low to high, (entries,) in [0, 1]."""
    x = np.asarray(observation, np.float64)
    return np.minimum(np.maximum((x - low) / (high - low), 0.0), 1.0)


def _range_of(
    env: gym.Env[Any, Any], low: Numbers, high: Numbers, wrapper: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range (entries,) of each entry: what is given, known, or the space's own."""
    space = env.observation_space
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise ZooError(
            f"the wrapper {wrapper!r} needs observations that are a Box of one dimension, "
            f"not {space}"
        )
    name = env.spec.id if env.spec is not None else ""
    own = KNOWN_RANGES.get(name, (space.low, space.high))
    ends = []
    for given, default, what in ((low, own[0], "low"), (high, own[1], "high")):
        try:
            ends.append(np.broadcast_to(np.asarray(default if given is None else given,
                                                   np.float64), space.shape))  # fmt: skip
        except (TypeError, ValueError) as error:
            raise ZooError(
                f"the wrapper {wrapper!r} takes for {what} one number or "
                f"{space.shape[0]} of them, not {given!r}"
            ) from error
    lows, highs = ends
    # float32's largest number is Gymnasium's way to say that there is no bound
    bounded = (np.abs(ends) < 1e30).all(axis=0)
    if not bounded.all():
        entries = ", ".join(map(str, np.flatnonzero(~bounded)))
        raise ZooError(
            f"the wrapper {wrapper!r} cannot cut observations without bounds (entries {entries})",
            f"Give low and high, {space.shape[0]} numbers each",
        )
    if not (lows < highs).all():
        raise ZooError(f"the wrapper {wrapper!r} needs each low to be below its high")
    return lows, highs


def _counts(given: Any, entries: int, wrapper: str, what: str) -> np.ndarray:
    """Return a positive whole number for each entry, (entries,) int64."""
    counts = np.asarray(given)
    whole = counts.dtype.kind in "iu" and (counts >= 1).all()
    if not whole or counts.shape not in ((), (entries,)):
        several = f" or a list of {entries}" if entries > 1 else ""
        raise ZooError(
            f"the wrapper {wrapper!r} takes for {what} a whole number above 0{several}, "
            f"not {given!r}"
        )
    return np.broadcast_to(counts, (entries,)).astype(np.int64)

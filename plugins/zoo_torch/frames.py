"""Images of a replay buffer, each stored once.

An observation of k stacked frames shares k - 1 of them with the one before it, and the successor
of a transition is the observation of the next. So frames lie in a pool, a ring, and a row is the
list of its frames' numbers: 100,000 steps of 84 x 84 x 4 bytes take 0.72 GB, not 5.6 GB.

Nothing is supposed of the environment: frames are shared where they are found to be equal, byte
for byte, and whatever does not continue the row before it is stored with all its frames. A frame
here is one channel, so that colours need no special care.
"""

from __future__ import annotations

import math

import numpy as np

from zoo import State
from zoo.agents.images import channels_first
from zoo_torch.memory import check_room

_SPARE = 1 + 1 / 64
"""Room for the frames of first and final observations."""
_TRIED = 1000
"""Transitions after which it is known how many frames one brings."""
_TOLERATED = 9 / 8
"""How many more frames than were foreseen the pool does not grow for, but forgets earlier."""


class Frames:
    """Rows of uint8 with three dimensions <-> numbers of frames, (channels,) for each row.

    The newest frames are the last channels.
    """

    def __init__(self, places: int, copies: int, row_shape: tuple[int, ...]) -> None:
        """Foresee the frames of `places` transitions; `allocate` makes the room.

        A transition is supposed to bring one channel, or three where 3 divides their number, as
        then they may be colours. If it turns out to be far more, the pool grows early on.
        """
        self.axis = self.axis_of(row_shape)
        self.channels = channels = row_shape[self.axis]
        new = 3 if channels % 3 == 0 else 1
        self._shifts = sorted((shift for shift in {new, 1} if shift < channels), reverse=True)
        self._row_shape, self._copies, self._places = row_shape, copies, places
        self._planar = tuple(np.moveaxis(np.empty(row_shape, np.uint8), self.axis, 0).shape)
        self._size = math.prod(self._planar[1:])
        # At least what all copies write while a row keeps any of its frames.
        least = 2 * channels * (channels + 2) * copies
        self._total = max(math.ceil(places * new * _SPARE), least)
        self._written = self._added = 0
        self._pool = np.empty((0, self._size), np.uint8)
        # The newest successor of each copy: as it came, frame by frame, and its frames' numbers.
        self._last = np.zeros((copies, *row_shape), np.uint8)
        self._last_planes = np.zeros((copies, *self._planar), np.uint8)
        self._last_ids = np.full((copies, channels), -1)
        self._planes = np.zeros_like(self._last_planes)
        self._room = np.empty((0, self._size), np.uint8)

    @staticmethod
    def axis_of(row_shape: tuple[int, ...]) -> int:
        """Return the axis of the channels."""
        return 0 if channels_first(row_shape) else len(row_shape) - 1

    @property
    def nbytes(self) -> int:
        """The size of the pool."""
        return self._total * self._size

    @property
    def gone(self) -> int:
        """The number of the first frame that is still there."""
        return max(self._written - self._total, 0)

    def allocate(self) -> None:
        """Make the room that was foreseen."""
        self._pool = np.empty((self._total, self._size), np.uint8)

    def add(self, rows: np.ndarray, next_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Store one step of all copies, rows and their successors (copies, *row_shape); return
        their frames' numbers, each (copies, channels), ascending in a row.

        `ZooError` where there is no room for as many frames as there turn out to be.
        """
        ids, next_ids = np.empty((2, self._copies, self.channels), np.int64)
        planes = self._planes
        _copy_channels(np.moveaxis(next_rows, self.axis + 1, 1), planes)
        for i in range(self._copies):
            self._added += 1
            older = self._last_planes[i]
            if self._last_ids[i, 0] >= 0 and np.array_equal(rows[i], self._last[i]):
                ids[i] = self._last_ids[i]
            else:
                first = np.ascontiguousarray(np.moveaxis(rows[i], self.axis, 0))
                ids[i] = self._store(first, older, self._last_ids[i])
                older = first
            next_ids[i] = self._store(planes[i], older, ids[i])
        self._last[...] = next_rows
        self._planes, self._last_planes = self._last_planes, planes
        self._last_ids = next_ids
        if self._added - self._copies < _TRIED <= self._added:
            self._foresee()
        return ids, next_ids

    def _store(self, planes: np.ndarray, older: np.ndarray, ids: np.ndarray) -> list[int]:
        """Store an image (channels, height, width) that may continue `older`, whose frames have
        the numbers `ids`; return the numbers of its own."""
        for shift in self._shifts:
            if ids[0] >= 0 and np.array_equal(planes[:-shift], older[shift:]):
                return [*ids[shift:].tolist(), *(self._write(p) for p in planes[-shift:])]
        found = [self._write(planes[0])]
        for one, before in zip(planes[1:], planes, strict=False):  # the blanks before the first
            found.append(found[-1] if np.array_equal(one, before) else self._write(one))
        return found

    def _write(self, plane: np.ndarray) -> int:
        """Store a frame in place of the oldest, and return its number."""
        if self._written == self._total and self._added < _TRIED:
            self._foresee()
        self._pool[self._written % self._total] = plane.reshape(-1)
        self._written += 1
        return self._written - 1

    def _foresee(self) -> None:
        """Make room for as many frames for each transition as there were until now, where that
        is far more than was supposed, and none has been overwritten yet."""
        needed = math.ceil(self._places * self._written / self._added * _SPARE)
        if self._written <= self._total and needed > self._total * _TOLERATED:
            check_room(needed * self._size, self._places)
            written, self._total = self.written(), needed
            self.allocate()
            self._pool[: len(written)] = written

    def read(self, ids: np.ndarray, out: np.ndarray) -> None:
        """Write the rows whose frames have the numbers `ids` (n, channels) to `out`
        (n, *row_shape), contiguous."""
        slots = (ids % self._total).reshape(-1)
        first = self.axis == 0
        planes = out.reshape(-1, self._size) if first else self._scratch(len(slots))
        self._pool.take(slots, axis=0, out=planes, mode="clip")
        if not first:
            _copy_channels(planes.reshape(len(ids), *self._planar), np.moveaxis(out, -1, 1))

    def _scratch(self, planes: int) -> np.ndarray:
        if len(self._room) < planes:
            self._room = np.empty((planes, self._size), np.uint8)
        return self._room[:planes]

    def written(self) -> np.ndarray:
        """Return the pool as far as it was written to, as it is."""
        return self._pool[: min(self._written, self._total)]

    def state(self, copied: bool) -> State:
        """Return what was written, `copied` or as it is."""
        return {
            "written": self._written,
            "added": self._added,
            "total": self._total,
            "planes": self.written().copy() if copied else self.written(),
        }

    def load_state(self, state: State, newest: np.ndarray) -> None:
        """Take over what `state` returned; `newest` are the frames' numbers of each copy's
        newest successor (copies, channels)."""
        self._written, self._added = state["written"], state["added"]
        if state["total"] != self._total:
            check_room(state["total"] * self._size, self._places)
            self._total = state["total"]
            self.allocate()
        self.written()[...] = state["planes"]
        self._last_ids.fill(-1)
        if self._written:
            self._last_ids = newest.copy()
            self.read(newest, self._last)
            self._last_planes[...] = np.moveaxis(self._last, self.axis + 1, 1)


def _copy_channels(source: np.ndarray, target: np.ndarray) -> None:
    """Copy images (n, channels, height, width) between orders of memory: channel by channel,
    which takes NumPy a third of the time that it takes at once."""
    for channel in range(source.shape[1]):
        target[:, channel] = source[:, channel]

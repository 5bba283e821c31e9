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

from zoo import State, ZooError
from zoo_torch.memory import check_room

_SPARE = 1 + 1 / 64
"""Room for the frames of first and final observations."""
_TOLERATED = 9 / 8
"""How many more frames than were foreseen the pool does not grow for, but forgets earlier."""


class Frames:
    """Rows of uint8 with three dimensions <-> numbers of frames, (channels,) for each row.

    The channels are the last axis, except where the first is the smallest, as in
    `zoo.environments.wrappers.FrameStack`. The newest frames are the last channels.
    """

    def __init__(
        self, places: int, copies: int, row_shape: tuple[int, ...], frame_stack: int | None
    ) -> None:
        """Foresee the frames of `places` transitions; `allocate` makes the room.

        `frame_stack` is k, 1 for images that are not stacked. None finds out: channels are
        frames of their own, or, where 3 divides their number, also colours.  `ZooError` where k
        does not divide the channels.
        """
        self.axis = self.axis_of(row_shape)
        self.channels = channels = row_shape[self.axis]
        if frame_stack is not None and (frame_stack < 1 or channels % frame_stack):
            raise ZooError(
                f"observations of shape {row_shape} are no stack of {frame_stack} images",
                f"frame_stack must divide their {channels} channels",
            )
        colours = 3 if channels % 3 == 0 else 1
        new = colours if frame_stack is None else channels // frame_stack
        shifts = {colours, 1} if frame_stack is None else {new}
        self._shifts = sorted((shift for shift in shifts if shift < channels), reverse=True)
        self._row_shape, self._copies, self._places = row_shape, copies, places
        self._planar = tuple(np.moveaxis(np.empty(row_shape, np.uint8), self.axis, 0).shape)
        self._size = math.prod(self._planar[1:])
        # At least what all copies write while a row keeps any of its frames.
        least = 2 * channels * (channels + 2) * copies
        self._total = max(math.ceil(places * new * _SPARE), least)
        self._written = self._added = 0
        self._chunks: list[np.ndarray] = []
        # The newest successor of each copy: as it came, frame by frame, and its frames' numbers.
        self._last = np.zeros((copies, *row_shape), np.uint8)
        self._last_planes = np.zeros((copies, *self._planar), np.uint8)
        self._last_ids = np.full((copies, channels), -1)
        self._planes = np.zeros_like(self._last_planes)
        self._room = np.empty((0, self._size), np.uint8)

    @staticmethod
    def axis_of(row_shape: tuple[int, ...]) -> int:
        """Return the axis of the channels."""
        return 0 if int(np.argmin(row_shape)) == 0 else len(row_shape) - 1

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
        self._chunks.append(np.empty((self._total, self._size), np.uint8))

    def add(self, rows: np.ndarray, next_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Store one step of all copies, rows and their successors (copies, *row_shape); return
        their frames' numbers, each (copies, channels), ascending in a row."""
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
        if self._written == self._total:
            self._grow()
        slot = self._written % self._total
        for chunk in self._chunks:
            if slot < len(chunk):
                chunk[slot] = plane.reshape(-1)
                break
            slot -= len(chunk)
        self._written += 1
        return self._written - 1

    def _grow(self) -> None:
        """Make room for as many frames for each transition as there were until now, where that
        is far more than was foreseen. The pool is full for the first time."""
        needed = math.ceil(self._places * self._written / self._added * _SPARE)
        if needed > self._total * _TOLERATED:
            self._extend(needed)

    def _extend(self, total: int) -> None:
        more = total - self._total
        check_room(more * self._size, self._places)
        self._chunks.append(np.empty((more, self._size), np.uint8))
        self._total = total

    def read(self, ids: np.ndarray, out: np.ndarray) -> None:
        """Write the rows whose frames have the numbers `ids` (n, channels) to `out`
        (n, *row_shape), contiguous."""
        slots = (ids % self._total).reshape(-1)
        first = self.axis == 0
        planes = out.reshape(-1, self._size) if first else self._scratch(len(slots))
        if len(self._chunks) == 1:
            self._chunks[0].take(slots, axis=0, out=planes, mode="clip")
        else:
            start = 0
            for chunk in self._chunks:
                here = np.flatnonzero((slots >= start) & (slots < start + len(chunk)))
                planes[here] = chunk[slots[here] - start]
                start += len(chunk)
        if not first:
            _copy_channels(planes.reshape(len(ids), *self._planar), np.moveaxis(out, -1, 1))

    def _scratch(self, planes: int) -> np.ndarray:
        if len(self._room) < planes:
            self._room = np.empty((planes, self._size), np.uint8)
        return self._room[:planes]

    def written(self) -> list[np.ndarray]:
        """Return the pool as far as it was written to, piece by piece, as it is."""
        parts, left = [], min(self._written, self._total)
        for chunk in self._chunks:
            parts.append(chunk[:left])
            left -= len(parts[-1])
        return parts

    def state(self, copied: bool) -> State:
        """Return what was written, `copied` or as it is."""
        return {
            "written": self._written,
            "added": self._added,
            "sizes": [len(chunk) for chunk in self._chunks],
            "planes": [part.copy() if copied else part for part in self.written()],
        }

    def load_state(self, state: State, newest: np.ndarray) -> None:
        """Take over what `state` returned; `newest` are the frames' numbers of each copy's
        newest successor (copies, channels)."""
        self._written, self._added = state["written"], state["added"]
        sizes = state["sizes"]
        if [len(chunk) for chunk in self._chunks] != sizes:
            check_room((sum(sizes) - self._total) * self._size, self._places)
            self._chunks = [np.empty((size, self._size), np.uint8) for size in sizes]
            self._total = sum(sizes)
        for chunk, part in zip(self._chunks, state["planes"], strict=True):
            chunk[: len(part)] = part
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

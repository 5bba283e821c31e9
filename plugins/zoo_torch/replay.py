"""Experience replay: what happened, kept for a while, and drawn from at random.

A transition is one record, so that drawing it costs one look into a memory which is far larger
than the processor's caches: from a million transitions of four numbers, 256 are drawn in half of
the time that a separate array for each field takes. Images lie elsewhere (`zoo_torch.frames`)
and their records hold where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from zoo import State, ZooError
from zoo_torch.frames import Frames
from zoo_torch.memory import check_room, free_memory

TRUNCATED, TERMINATED, NEWEST = 1, 2, 4
"""Marks of a transition after which returns end; the newest of each copy is one, too."""
_BURST = 64 << 20
"""Most bytes of rows that `batches` draws at once."""


class Batch(NamedTuple):
    """n transitions; the target of a value is `rewards + discounts * V(next_rows)`."""

    rows: np.ndarray
    """(n, *row_shape): observations s_t"""
    actions: np.ndarray
    """(n, *action_shape): a_t"""
    rewards: np.ndarray
    """(n,) float32: r_{t+1} + gamma r_{t+2} + ... + gamma^{k-1} r_{t+k}, k = 1 to n_step"""
    next_rows: np.ndarray
    """(n, *row_shape): s_{t+k}, the final observation where the episode ended there"""
    discounts: np.ndarray
    """(n,) float32: gamma^k; 0 where the episode terminated"""
    indices: np.ndarray
    """(n,) int64: places in the buffer"""
    weights: np.ndarray
    """(n,) float32: importance weights; ones unless the buffer is prioritised"""


class Replay:
    """The last `capacity` transitions of all copies of the environment, drawn uniformly.

    Rewards become n-step returns when they are drawn (Sutton & Barto, 2nd ed., eq. 7.1). They
    end early, and bootstrap from there with their own gamma^k, where an episode ends and where
    a copy's newest transition is.
    """

    bytes_beside = 0
    """Bytes for each place that a subclass takes beside the records."""

    def __init__(  # noqa: PLR0917 - sizes, in the order of `add`
        self,
        capacity: int,
        copies: int,
        row_shape: tuple[int, ...],
        row_dtype: DTypeLike,
        action_shape: tuple[int, ...],
        action_dtype: DTypeLike,
        *,
        gamma: float,
        n_step: int = 1,
    ) -> None:
        """Make room for `capacity` transitions, rounded down to a multiple of `copies`.

        Rows of three dimensions and uint8 are images, which are kept as `Frames` says.
        `ZooError` where the memory that is free is not enough.
        """
        self.copies, self.gamma, self.n_step = copies, gamma, n_step
        self.row_shape, self.row_dtype = row_shape, np.dtype(row_dtype)
        steps = max(capacity // copies, 1)
        self.places = steps * copies
        images = len(row_shape) == 3 and self.row_dtype == np.uint8
        kept = ((row_shape[Frames.axis_of(row_shape)],), np.int64) if images else None
        shape, dtype = kept or (row_shape, self.row_dtype)
        fields = [("row", dtype, shape), ("next_row", dtype, shape),
                  ("action", np.dtype(action_dtype), action_shape),
                  ("reward", np.dtype(np.float32)), ("ended", np.dtype(np.uint8))]  # fmt: skip
        record = np.dtype(fields, align=True)
        needed = self.places * (record.itemsize + self.bytes_beside)
        frames = Frames(self.places, copies, row_shape) if images else None
        check_room(needed + (frames.nbytes if frames else 0), self.places)
        if frames:
            frames.allocate()
        self._frames = frames
        self._ring = np.zeros(self.places, record)
        self._fields = {name: self._ring[name] for name in record.names or ()}
        self._steps = 0
        """Steps that were ever added; step t of copy i is at place (t * copies + i) % places."""
        self._kept = 0
        """Of these, steps that can be drawn."""
        j, marks = np.arange(n_step), np.arange(8)
        goes_on = (marks & TERMINATED) == 0
        self._discounts = (gamma ** (j[:, None] + 1) * goes_on).astype(np.float32)
        """By the number of rewards - 1, and the marks of the last one."""
        self._powers = np.tril(np.broadcast_to(gamma**j, (n_step, n_step))).astype(np.float32)
        """By the number of rewards - 1: what each of them counts."""
        self._ahead = j * copies
        self._room: _Room | None = None

    def __len__(self) -> int:
        """Return the number of transitions that can be drawn.

        Where more images are new than was foreseen, it stays somewhat below the capacity.
        """
        return self._kept * self.copies

    def add(  # noqa: PLR0917 - the parts of a transition in their order
        self,
        rows: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        next_rows: np.ndarray,
    ) -> None:
        """Add one step of all copies; `next_rows` has the final observation where one ended.

        rows, next_rows: (copies, *row_shape); actions (copies, *action_shape); others (copies,).
        """
        self._fields["ended"][self._newest()] &= TRUNCATED | TERMINATED
        self._steps += 1
        self._kept = min(self._kept + 1, self.places // self.copies)
        here, fields = self._newest(), self._fields
        if self._frames is None:
            fields["row"][here], fields["next_row"][here] = rows, next_rows
        else:
            fields["row"][here], fields["next_row"][here] = self._frames.add(rows, next_rows)
        fields["action"][here], fields["reward"][here] = actions, rewards
        fields["ended"][here] = TERMINATED * terminated + TRUNCATED * truncated + NEWEST
        if self._frames is not None:
            self._forget()

    def cut(self, copies: np.ndarray) -> None:
        """Say that the episodes of these copies, (copies,) bool, do not go on: what is added
        next is of others. That is so where a run continues which was stopped within episodes."""
        self._fields["ended"][self._newest()] |= TRUNCATED * copies.astype(np.uint8)

    def sample(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw `size` transitions with replacement: `rng.integers(len(self), size=size)`, counted
        from the oldest, or from place 0 as long as that is the oldest or all places are taken.

        The next call for as many overwrites the arrays. Of several batches drawn at once, each
        is what it would be if they were drawn one by one.
        """
        return self._take(self._places(rng.integers(len(self), size=size)))

    def batches(self, rng: np.random.Generator, size: int, count: int) -> Iterator[Batch]:
        """Yield `count` batches of `size`, the same as by `sample`, drawn many at once: that is
        faster where nothing is added in between. The arrays last until the next one."""
        row = int(np.prod(self.row_shape)) * self.row_dtype.itemsize
        most = max(1, _BURST // max(1, 2 * row * size))
        for first in range(0, count, most):
            many = self.sample(rng, size * min(most, count - first))
            for start in range(0, len(many.indices), size):
                yield Batch(*(array[start : start + size] for array in many))

    def state(self) -> State:
        """Return what is kept, without the places that were never taken.

        It is copied, unless that took most of the memory that is free: then the arrays are the
        buffer's own, to be written to disk before anything is added.
        """
        taken = min(self._steps * self.copies, self.places)
        fields = {name: field[:taken] for name, field in self._fields.items()}
        needed = sum(field.nbytes for field in fields.values())
        needed += self._frames.written().nbytes if self._frames else 0
        free = free_memory()
        copied = free is None or needed < free / 2
        return {
            "places": self.places,
            "copies": self.copies,
            "steps": self._steps,
            "kept": self._kept,
            "fields": {name: field.copy() if copied else field for name, field in fields.items()},
            "frames": None if self._frames is None else self._frames.state(copied),
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned; `ZooError` where it was of a buffer unlike this one."""
        saved = {name: field.shape[1:] for name, field in state["fields"].items()}
        mine = {name: field.shape[1:] for name, field in self._fields.items()}
        if (state["places"], state["copies"], saved) != (self.places, self.copies, mine):
            raise ZooError(
                f"the checkpoint's replay buffer has {state['places']:,} places for "
                f"{state['copies']} copies of the environment, and this one {self.places:,} for "
                f"{self.copies}, or other observations or actions",
                "Continue with the buffer_size, n_envs and environment that the run began with",
            )
        self._steps, self._kept = state["steps"], state["kept"]
        for name, saved_field in state["fields"].items():
            self._fields[name][: len(saved_field)] = saved_field
        if self._frames is not None:
            self._frames.load_state(state["frames"], self._fields["next_row"][self._newest()])

    def _newest(self) -> slice:
        """Return the places of the newest step (of the last ones, before there is any)."""
        begin = (self._steps - 1) * self.copies % self.places
        return slice(begin, begin + self.copies)

    def _oldest(self) -> int:
        """Return the first place of the oldest step that is kept."""
        return (self._steps - self._kept) * self.copies % self.places

    def _forget(self) -> None:
        """Drop the oldest steps whose images have been overwritten."""
        assert self._frames is not None
        gone, rows = self._frames.gone, self._fields["row"]
        while self._kept > 1 and rows[self._oldest() :][: self.copies, 0].min() < gone:
            self._kept -= 1

    def _places(self, numbers: np.ndarray) -> np.ndarray:
        """Turn numbers from 0 to len(self) - 1 into places, in place."""
        if len(self) < self.places and self._kept < self._steps:
            numbers += self._oldest()
            numbers %= self.places
        return numbers

    def _take(self, indices: np.ndarray) -> Batch:
        """Return the transitions at `indices` (n,), with weights of 1."""
        if self._room is None or len(self._room.rewards) != len(indices):
            self._room = _Room(self, len(indices))
        room, fields = self._room, self._fields
        self._ring.take(indices, out=room.records, mode="clip")
        room.actions[...] = room.views["action"]
        ended, next_rows = room.views["ended"], room.views["next_row"]
        if self.n_step == 1:
            room.rewards[...] = room.views["reward"]
            self._discounts[0].take(ended, out=room.discounts, mode="clip")
        else:
            window = indices[:, None] + self._ahead
            window %= self.places
            over = fields["ended"][window] != 0
            over[:, -1] = True
            last = over.argmax(1)
            final = window[np.arange(len(last)), last]
            # eq. 7.1: the sum of gamma^j r_{t+j+1} for j up to the last
            np.einsum("ij,ij->i", fields["reward"][window], self._powers[last], out=room.rewards)
            room.discounts[...] = self._discounts[last, fields["ended"][final]]
            next_rows = fields["next_row"][final]
        if self._frames is None:
            room.rows[...], room.next_rows[...] = room.views["row"], next_rows
        else:
            self._frames.read(room.views["row"], room.rows)
            self._frames.read(next_rows, room.next_rows)
        room.weights.fill(1)
        return Batch(room.rows, room.actions, room.rewards, room.next_rows, room.discounts,
                     indices, room.weights)  # fmt: skip


class _Room:
    """Arrays for `size` transitions."""

    def __init__(self, replay: Replay, size: int) -> None:
        self.records = np.empty(size, replay._ring.dtype)
        self.views = {name: self.records[name] for name in replay._fields}
        action = self.views["action"]
        self.actions = np.empty(action.shape, action.dtype)
        shape = (size, *replay.row_shape)
        self.rows, self.next_rows = (np.empty(shape, replay.row_dtype) for _ in range(2))
        self.rewards, self.discounts, self.weights = np.empty((3, size), np.float32)

"""What is drawn from memory, against lists that are gone through one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import ZooError
from zoo_torch import memory
from zoo_torch.replay import Batch, Replay

GAMMA = 0.5
RUNNING, TERMINATED, TRUNCATED, BOTH, CUT = range(5)


class Lists:
    """The slow buffer: for each copy a list of (row, action, reward, next row, how it ended)."""

    def __init__(self, capacity: int, copies: int, n_step: int) -> None:
        self.kept, self.n_step = max(capacity // copies, 1), n_step
        self.copies: list[list[tuple[Any, ...]]] = [[] for _ in range(copies)]

    def add(self, step: list[tuple[Any, ...]]) -> None:
        for transitions, one in zip(self.copies, step, strict=True):
            transitions.append(one)
            del transitions[: -self.kept]

    def all(self) -> dict[tuple[float, ...], tuple[Any, ...]]:
        """Return (action, return, next row, discount) by the row, all of which differ."""
        return {
            tuple(transitions[at][0]): self._returned(transitions[at:])
            for transitions in self.copies
            for at in range(len(transitions))
        }

    def _returned(self, transitions: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        total, discount = 0.0, 1.0
        for _, _, reward, next_row, end in transitions[: self.n_step]:
            total += discount * reward
            discount *= 0.0 if end in (TERMINATED, BOTH) else GAMMA
            last = next_row
            if end != RUNNING:
                break
        return transitions[0][1], total, tuple(last), discount


def play(replay: Replay, lists: Lists | None, ends: list[list[int]], begin: int = 0) -> None:
    """Add a step for each of `ends`, rows of which say how copies end."""
    for t, row in enumerate(ends, begin):
        end, copies = np.array(row), np.arange(len(row))
        rows = np.stack([np.full(len(row), t), copies], 1).astype(np.float32)
        successors = rows + np.array([1, 0])
        successors[end != RUNNING] += [0.25, 0]  # final observations are none of the next rows
        actions, rewards = 100 * t + copies, 3.0 * t - copies
        if lists is not None:
            lists.add(list(zip(rows, actions, rewards, successors, end.tolist(), strict=True)))
        replay.add(rows, actions, rewards, np.isin(end, (TERMINATED, BOTH)),
                   np.isin(end, (TRUNCATED, BOTH)), successors)  # fmt: skip
        if (end == CUT).any():
            replay.cut(end == CUT)


def make(capacity: int, copies: int, n_step: int = 1, **kwargs: Any) -> Replay:
    return Replay(capacity, copies, (2,), np.float32, (), np.int64, gamma=GAMMA, n_step=n_step,
                  **kwargs)  # fmt: skip


def check(batch: Batch, lists: Lists) -> None:
    """Require that every transition is what the lists have, and that all of those are drawn."""
    expected, seen = lists.all(), set()
    for row, action, reward, next_row, discount in zip(
        batch.rows, batch.actions, batch.rewards, batch.next_rows, batch.discounts, strict=True
    ):
        assert expected[tuple(row)] == (action, reward, tuple(next_row), discount)
        seen.add(tuple(row))
    assert seen == set(expected)
    assert (batch.weights == 1).all()


@st.composite
def games(draw: st.DrawFn) -> tuple[int, int, int, list[list[int]]]:
    copies = draw(st.integers(1, 3))
    end = st.sampled_from([RUNNING] * 4 + [TERMINATED, TRUNCATED, BOTH, CUT])
    ends = draw(st.lists(st.lists(end, min_size=copies, max_size=copies), min_size=1, max_size=25))
    return draw(st.integers(1, 20)), copies, draw(st.integers(1, 4)), ends


@given(games())
@settings(max_examples=120, deadline=None)
def test_what_is_drawn_is_what_lists_say(game: tuple[int, int, int, list[list[int]]]) -> None:
    capacity, copies, n_step, ends = game
    replay, lists = make(capacity, copies, n_step), Lists(capacity, copies, n_step)
    play(replay, lists, ends)
    assert len(replay) == len(lists.all())
    check(replay.sample(np.random.default_rng(0), 400), lists)


@given(games(), st.integers(0, 25))
@settings(max_examples=100, deadline=None)
def test_a_resumed_buffer_goes_on_bit_for_bit(
    game: tuple[int, int, int, list[list[int]]], pause: int
) -> None:
    capacity, copies, n_step, ends = game
    whole, resumed = make(capacity, copies, n_step), make(capacity, copies, n_step)
    play(whole, None, ends[:pause])
    resumed.load_state(whole.state())
    for one in (whole, resumed):
        play(one, None, ends[pause:], begin=pause)
    for mine, its in zip(*(r.sample(np.random.default_rng(1), 50) for r in (whole, resumed)),
                         strict=True):  # fmt: skip
        assert mine.tobytes() == its.tobytes()


def test_returns_by_hand() -> None:
    replay = make(100, 1, n_step=3)
    play(replay, None, [[RUNNING], [RUNNING], [TERMINATED], [RUNNING], [TRUNCATED], [RUNNING]])
    batch = replay.sample(np.random.default_rng(0), 100)
    found = {
        float(row[0]): (float(r), float(n[0]), float(d))
        for row, r, n, d in zip(
            batch.rows, batch.rewards, batch.next_rows, batch.discounts, strict=True
        )
    }
    assert found == {  # rewards are 0, 3, 6, 9, 12, 15
        0: (0 + 1.5 + 1.5, 3.25, 0),
        1: (3 + 3, 3.25, 0),
        2: (6, 3.25, 0),
        3: (9 + 6, 5.25, 0.25),
        4: (12, 5.25, 0.5),
        5: (15, 6, 0.5),
    }


def test_an_end_is_not_taken_for_one_of_the_episode_before_it_was_overwritten() -> None:
    replay = make(3, 1, n_step=2)
    play(replay, None, [[TERMINATED], [RUNNING], [RUNNING], [RUNNING]])
    batch = replay.sample(np.random.default_rng(0), 50)
    assert dict(zip(batch.rows[:, 0].tolist(), batch.discounts.tolist(), strict=True)) == {
        1: 0.25, 2: 0.25, 3: 0.5
    }  # fmt: skip


def test_transitions_are_drawn_alike_often() -> None:
    replay = make(50, 2)
    play(replay, None, [[RUNNING] * 2] * 40)
    counts = np.bincount(replay.sample(np.random.default_rng(0), 100_000).indices)
    assert len(counts) == 50
    chi_square = ((counts - 2000.0) ** 2 / 2000).sum()
    assert 25 < chi_square < 85  # 49 degrees of freedom: one in 1000 lies outside of 24 to 86


@pytest.mark.parametrize("size", [1, 7, 64])
def test_many_batches_at_once_are_those_that_are_drawn_one_by_one(size: int) -> None:
    replay = make(1000, 4, n_step=3)
    play(replay, None, [[RUNNING, RUNNING, RUNNING, TRUNCATED]] * 77)
    one, many, numbers = (np.random.default_rng(3) for _ in range(3))
    count = 0
    for lent in replay.batches(many, size, 9):
        batch = Batch(*(array.copy() for array in lent))
        for mine, its in zip(batch, replay.sample(one, size), strict=True):
            assert mine.tobytes() == its.tobytes()
        assert batch.indices.tolist() == numbers.integers(77 * 4, size=size).tolist()
        count += 1
    assert count == 9
    assert one.bit_generator.state == many.bit_generator.state == numbers.bit_generator.state


def test_large_rows_are_drawn_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_torch.replay._BURST", 1000)  # 7 batches of 64 bytes, twice
    replay = make(10, 1)
    play(replay, None, [[RUNNING]] * 10)
    sizes = []
    draw = replay.sample
    monkeypatch.setattr(replay, "sample", lambda rng, n: sizes.append(n) or draw(rng, n))
    found = [b.indices.tolist() for b in replay.batches(np.random.default_rng(0), 8, 20)]
    assert sizes == [56, 56, 48]
    rng = np.random.default_rng(0)
    assert found == [rng.integers(10, size=8).tolist() for _ in range(20)]


@pytest.mark.parametrize("n_step", [1, 2])
@pytest.mark.parametrize(
    ("row_shape", "row_dtype", "action_shape", "action_dtype"),
    [((), np.int64, (3,), np.float32), ((2, 3), np.float64, (2, 2), np.int8),
     ((7,), np.uint8, (), np.int64), ((3, 2, 2), np.float32, (1,), np.float64),
     ((2, 3, 2), np.bool_, (), np.bool_)],
)  # fmt: skip
def test_rows_and_actions_of_any_kind(
    row_shape, row_dtype, action_shape, action_dtype, n_step: int
) -> None:
    rng = np.random.default_rng(0)
    replay = Replay(12, 2, row_shape, row_dtype, action_shape, action_dtype, gamma=1.0,
                    n_step=n_step)  # fmt: skip
    rows = rng.integers(0, 99, (7, 2, *row_shape)).astype(row_dtype)
    actions = rng.integers(0, 9, (7, 2, *action_shape)).astype(action_dtype)
    no = np.zeros(2, np.bool_)
    for t in range(6):
        replay.add(rows[t], actions[t], np.ones(2), no, no, rows[t + 1])
    batch = replay.sample(rng, 30)
    t, copy = batch.indices // 2, batch.indices % 2
    assert batch.rows.dtype == batch.next_rows.dtype == row_dtype
    assert batch.actions.dtype == action_dtype
    assert (batch.rows == rows[t, copy]).all()
    assert (batch.actions == actions[t, copy]).all()
    assert (batch.next_rows == rows[np.minimum(t + n_step, 6), copy]).all()
    assert (batch.rewards == np.minimum(n_step, 6 - t)).all()


def test_a_state_has_what_was_added_and_is_detached() -> None:
    replay = make(1_000_000, 2)
    play(replay, None, [[RUNNING] * 2] * 5)
    state = replay.state()
    assert {len(field) for field in state["fields"].values()} == {10}
    before = {name: field.tobytes() for name, field in state["fields"].items()}
    play(replay, None, [[TERMINATED] * 2] * 5, begin=50)
    assert {name: field.tobytes() for name, field in state["fields"].items()} == before


@pytest.mark.parametrize(
    "other",
    [make(11, 1), make(12, 2), Replay(12, 1, (3,), np.float32, (), np.int64, gamma=1.0)],
    ids=["size", "copies", "rows"],
)
def test_a_state_of_another_buffer_is_refused(other: Replay) -> None:
    with pytest.raises(ZooError, match="the checkpoint's replay buffer has"):
        make(12, 1).load_state(other.state())


def test_what_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 2_000_000_000)
    with pytest.raises(ZooError) as raised:
        Replay(1_000_000, 1, (376,), np.float32, (17,), np.float32, gamma=0.99)
    assert "a replay buffer of 1,000,000 transitions needs 3.08 GB" in raised.value.message
    assert "2 GB are free" in raised.value.message
    assert raised.value.hint == "Lower buffer_size to 580,000 or less"
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    assert len(Replay(1_000_000, 1, (376,), np.float32, (17,), np.float32, gamma=0.99)) == 0

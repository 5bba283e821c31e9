"""Images come out of the buffer as they went in, and each lies in it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import ZooError
from zoo.environments.wrappers import FrameStack
from zoo.storage.tree import load_tree, save_tree
from zoo_torch import memory
from zoo_torch.frames import Frames
from zoo_torch.prioritized import PrioritizedReplay
from zoo_torch.replay import Replay

HEIGHT, WIDTH = 6, 5


class Pictures(gym.Env[Any, Any]):
    """Random pictures of `channels`, of which some are like the one before or blank."""

    def __init__(self, rng: np.random.Generator, channels: int, first: bool) -> None:
        shape = (channels, HEIGHT, WIDTH) if first else (HEIGHT, WIDTH, channels)
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.action_space = spaces.Discrete(2)
        self.rng, self.picture = rng, np.zeros(shape, np.uint8)

    def reset(self, **kwargs: Any) -> tuple[np.ndarray, dict[str, Any]]:
        return self.look(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        terminated, truncated = self.rng.random(2) < 0.1
        return self.look(), float(self.rng.integers(9)), bool(terminated), bool(truncated), {}

    def look(self) -> np.ndarray:
        kind = self.rng.random()
        if kind < 0.8:
            self.picture = self.rng.integers(0, 256, self.picture.shape, np.uint8)
        elif kind < 0.9:
            self.picture = np.zeros_like(self.picture)
        return self.picture


class Script:
    """Steps of several copies, `(rows, actions, rewards, terminated, truncated, next_rows)`."""

    def __init__(
        self, copies: int, k: int, channels: int, first: bool, seed: int, *, strange: float = 0.0
    ) -> None:
        """Stack k pictures; of the rows, the part `strange` is changed in one byte somewhere."""
        self.rng, self.strange = np.random.default_rng(seed), strange
        order = "first" if first else "last"
        self.envs = [
            FrameStack(Pictures(self.rng, channels, first), k, order) for _ in range(copies)
        ]
        self.row_shape = self.envs[0].observation_space.shape or ()
        self.rows = np.stack([env.reset()[0] for env in self.envs])

    def steps(self, count: int) -> list[tuple[np.ndarray, ...]]:
        return [self.step() for _ in range(count)]

    def step(self) -> tuple[np.ndarray, ...]:
        rows, actions = self.rows, self.rng.integers(0, 2, len(self.envs))
        results = [env.step(action) for env, action in zip(self.envs, actions, strict=True)]
        successors = np.stack([result[0] for result in results])
        rewards, terminated, truncated = (np.array([r[i] for r in results]) for i in (1, 2, 3))
        self.rows = successors.copy()
        for i in np.flatnonzero(terminated | truncated):
            self.rows[i] = self.envs[i].reset()[0]
        for array in (self.rows, successors):
            for i in np.flatnonzero(self.rng.random(len(self.envs)) < self.strange):
                array[i].reshape(-1)[self.rng.integers(array[i].size)] ^= 1
        return rows, actions, rewards, terminated, truncated, successors


def make(script: Script, capacity: int, cls: Any = Replay, **kwargs: Any) -> Any:
    return cls(capacity, len(script.envs), script.row_shape, np.uint8, (), np.int64,
               gamma=0.5, **kwargs)  # fmt: skip


def add(replay: Replay, steps: list[tuple[np.ndarray, ...]]) -> None:
    for step in steps:
        replay.add(*step)


def plain(steps: list[tuple[np.ndarray, ...]], n_step: int, replay: Replay) -> Replay:
    """Return a buffer of as many steps as `replay` keeps, which takes images for numbers."""
    copies, size = replay.copies, steps[0][0][0].size
    other = Replay(len(replay), copies, (size,), np.uint8, (), np.int64, gamma=0.5, n_step=n_step)
    for rows, *middle, successors in steps:
        other.add(rows.reshape(copies, size), *middle, successors.reshape(copies, size))
    return other


def check(replay: Replay, steps: list[tuple[np.ndarray, ...]], n_step: int = 1) -> None:
    """Require that the buffer draws the newest steps, each as it was."""
    copies, kept = replay.copies, len(replay) // replay.copies
    other = plain(steps, n_step, replay)
    batch = replay.sample(np.random.default_rng(0), 40 * len(replay))
    assert batch.rows.dtype == np.uint8
    # Steps from the oldest on, from places; both rings are ordered from there.
    oldest = (len(steps) - kept) * copies
    age = (batch.indices - oldest) % replay.places
    assert set(age.tolist()) == set(range(len(replay)))
    expected = other._take((oldest + age) % other.places)
    for name in ("rows", "actions", "rewards", "next_rows", "discounts"):
        mine, its = getattr(batch, name), getattr(expected, name)
        assert (mine.reshape(len(mine), -1) == its.reshape(len(its), -1)).all(), name


@given(
    copies=st.integers(1, 3),
    k=st.integers(1, 4),
    channels=st.integers(1, 3),
    first=st.booleans(),
    count=st.integers(1, 60),
    capacity=st.integers(3, 60),
    n_step=st.sampled_from([1, 3]),
    strange=st.sampled_from([0.0, 0.1, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_images_come_out_as_they_went_in(
    copies, k, channels, first, count, capacity, n_step, strange
) -> None:
    if k * channels > WIDTH:  # then the smallest axis is another
        channels = 1
    script = Script(copies, k, channels, first, seed=count, strange=strange)
    replay = make(script, capacity, n_step=n_step)
    steps = script.steps(count)
    add(replay, steps)
    check(replay, steps, n_step)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("k", "channels"), [(4, 1), (1, 3), (2, 2)])
def test_the_ring_goes_round_and_keeps_nearly_all(first, k, channels) -> None:
    script = Script(2, k, channels, first, seed=1)
    replay = make(script, 400)
    steps = script.steps(700)
    for number, step in enumerate(steps, 1):
        replay.add(*step)
        if number % 100 == 0:
            check(replay, steps[:number])
    assert 320 <= len(replay) <= 400


def test_a_frame_is_stored_once() -> None:
    script = Script(1, 4, 1, False, seed=2)
    replay = make(script, 1000)
    steps = script.steps(500)
    add(replay, steps)
    episodes = 1 + sum(bool(step[3][0] | step[4][0]) for step in steps)
    frames = len(replay.state()["frames"]["planes"])
    # A step brings one; the first of an episode and the blank before it are two, or one if blank.
    assert 500 + episodes < frames <= 500 + 2 * episodes


@pytest.mark.parametrize(
    ("shape", "axis"), [((84, 84, 4), 2), ((4, 84, 84), 0), ((10, 10, 12), 2), ((6, 6, 6), 2)]
)
def test_channels_are_where_encoders_look_for_them(shape: tuple[int, ...], axis: int) -> None:
    assert Frames.axis_of(shape) == axis


def test_the_size_is_a_frame_for_each_step() -> None:
    made = Replay(100_000, 1, (84, 84, 4), np.uint8, (), np.int64, gamma=0.99)
    assert made._frames is not None
    assert 100_000 * 84 * 84 <= made._frames.nbytes < 0.72e9


def test_images_that_share_nothing_find_room() -> None:
    """Four colours that are not stacked: four frames for each step, where one was foreseen."""
    script = Script(1, 1, 4, False, seed=3)
    replay = make(script, 400)
    steps = script.steps(900)
    add(replay, steps)
    assert len(replay) >= 350
    check(replay, steps)


def test_growing_beyond_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(1, 1, 4, False, seed=3)
    replay = make(script, 400)
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(ZooError, match="a replay buffer of 400 transitions needs"):
        add(replay, script.steps(400))


@pytest.mark.parametrize("copies", [1, 3])
def test_a_large_buffer_finds_out_early_that_it_needs_more(
    monkeypatch: pytest.MonkeyPatch, copies: int
) -> None:
    script = Script(copies, 1, 4, False, seed=3)
    replays = [make(script, 100_000) for _ in range(2)]
    size = HEIGHT * WIDTH
    assert all(100_000 < len(one._frames._pool) < 110_000 for one in replays)
    steps = script.steps(1000 // copies + 1)
    add(replays[0], steps)
    assert len(replays[0]._frames._pool) > 300_000
    check(replays[0], steps)
    monkeypatch.setattr(memory, "free_memory", lambda: 200_000 * size)
    with pytest.raises(ZooError, match=r"a replay buffer of [\d,]+ transitions needs 0\.01\d* GB"):
        add(replays[1], steps)


def test_a_first_allocation_beyond_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 1_000_000_000)
    with pytest.raises(ZooError, match=r"1,000,000 transitions needs 7\.2\d GB"):
        Replay(1_000_000, 1, (84, 84, 4), np.uint8, (), np.int64, gamma=0.99)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("cls", [Replay, PrioritizedReplay])
@pytest.mark.parametrize(("pause", "channels"), [(0, 1), (20, 1), (333, 1), (333, 4)])
def test_a_resumed_buffer_goes_on_bit_for_bit(first, cls, pause, channels) -> None:
    script = Script(2, 1 if channels == 4 else 4, channels, first, seed=4, strange=0.1)
    whole, resumed = (make(script, 200, cls, n_step=2) for _ in range(2))
    steps = script.steps(400)
    add(whole, steps[:pause])
    add(resumed, script.steps(5))  # what is there before is gone
    resumed.load_state(whole.state())
    for one in (whole, resumed):
        add(one, steps[pause:])
    batches = [one.sample(np.random.default_rng(5), 300) for one in (whole, resumed)]
    for mine, its in zip(*batches, strict=True):
        assert mine.tobytes() == its.tobytes()
    assert len(whole) == len(resumed)
    planes = [one.state()["frames"]["planes"] for one in (whole, resumed)]
    assert planes[0].tobytes() == planes[1].tobytes()


@pytest.mark.parametrize("channels", [1, 4])
def test_a_state_that_memory_cannot_hold_twice_goes_straight_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    script = Script(2, 1, channels, False, seed=4)
    replay, other = make(script, 100), make(script, 100)
    steps = script.steps(130)
    add(replay, steps)
    monkeypatch.setattr("zoo_torch.replay.free_memory", lambda: 1000)
    state = replay.state()
    assert np.may_share_memory(state["frames"]["planes"], replay._frames.written())
    assert np.may_share_memory(state["fields"]["row"], replay._ring)
    save_tree(tmp_path, state)
    other.load_state(load_tree(tmp_path))
    check(other, steps)


def test_what_is_dropped_for_lack_of_room_is_not_drawn_by_priority() -> None:
    """Rows that never continue each other fill the pool long before the ring, twice."""
    script = Script(2, 4, 1, False, seed=6, strange=1.0)
    replay = make(script, 100, PrioritizedReplay)
    replay._frames._foresee = lambda: None  # as if what went before had been as foreseen
    rng, late, added = np.random.default_rng(0), 0, 0
    for _ in range(40):
        add(replay, script.steps(6))
        added += 6
        batch = replay.sample(rng, 64)
        age = (batch.indices - (2 * added - len(replay))) % replay.places
        assert (age < len(replay)).all()
        replay.add(*script.step())
        added += 1
        replay.update_priorities(batch.indices, rng.random(64))  # which comes too late for some
        there = replay.state()["priorities"] > 0
        assert there.sum() == len(replay)
        late += int((~there[batch.indices]).sum())
    assert len(replay) < 90
    assert late > 0

"""Whole episodes out of rollouts, and what is kept of those under way."""

from __future__ import annotations

import numpy as np
import pytest

from zoo import ZooError
from zoo_policy_gradient import episodes
from zoo_policy_gradient.episodes import Episode, Unfinished
from zoo_torch.rollout import Rollout


def rollout(dones: list[list[bool]], begin: int = 0) -> Rollout:
    """Return one whose rows say (step, copy); an action is the step and a reward ten times it."""
    ends = np.array(dones)
    T, n = ends.shape
    t, i = np.divmod(np.arange(T * n), n)
    t += begin
    return Rollout(
        rows=np.stack([t, i], 1).astype(np.float32), actions=t,
        rewards=(10.0 * t).reshape(T, n).astype(np.float32), dones=ends,
        values=np.zeros((T, n), np.float32), last_values=np.zeros(n, np.float32),
    )  # fmt: skip


def steps(episode: Episode) -> list[int]:
    return episode.actions.tolist()


def test_episodes_are_put_together_across_rollouts() -> None:
    parts = Unfinished()
    parts.begin(np.zeros(2, np.bool_))
    first = parts.finish(rollout([[False, False], [True, False], [False, False]]))
    assert [steps(one) for one in first] == [[0, 1]]
    assert parts.finish(rollout([[False, False]], begin=3)) == []
    last = parts.finish(rollout([[True, False], [True, True], [False, False]], begin=4))
    assert [steps(one) for one in last] == [[2, 3, 4], [5], [0, 1, 2, 3, 4, 5]]
    for episode, copy in zip(last, [0, 0, 1], strict=True):
        assert episode.rows[:, 0].tolist() == steps(episode)
        assert set(episode.rows[:, 1]) == {copy}
        assert episode.rewards.tolist() == [10 * t for t in steps(episode)]


def test_an_episode_that_ends_with_a_rollout_leaves_nothing_behind() -> None:
    parts = Unfinished()
    parts.begin(np.zeros(1, np.bool_))
    assert [steps(one) for one in parts.finish(rollout([[False], [True]]))] == [[0, 1]]
    assert [steps(one) for one in parts.finish(rollout([[True]], begin=2))] == [[2]]


def test_what_is_kept_does_not_change_with_the_rollout_s_arrays() -> None:
    parts = Unfinished()
    parts.begin(np.zeros(1, np.bool_))
    collected = rollout([[True], [False]])
    (whole,) = parts.finish(collected)
    collected.rows[:], collected.rewards[:] = -1, -1
    (other,) = parts.finish(rollout([[True]], begin=2))
    assert whole.rows.tolist() == [[0, 0]]
    assert other.rewards.tolist() == [10, 20]


def test_returns_are_discounted_sums_to_the_end() -> None:
    episode = Episode(np.zeros((3, 1)), np.zeros(3), np.float32([1, 2, 4]))
    assert episode.returns(0.5).tolist() == [1 + 0.5 * (2 + 0.5 * 4), 2 + 0.5 * 4, 4]
    assert episode.returns(0.5).dtype == np.float32


def test_pictures_keep_their_shape_and_type() -> None:
    parts = Unfinished()
    parts.begin(np.zeros(2, np.bool_))
    first, second = rollout([[False, False]] * 2), rollout([[True, False]], begin=2)
    pictures = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), np.uint8)
    assert parts.finish(first._replace(rows=pictures[:4])) == []
    (whole,) = parts.finish(second._replace(rows=pictures[4:]))
    assert whole.rows.dtype == np.uint8
    assert np.array_equal(whole.rows, pictures[::2])


def test_an_episode_that_memory_has_no_room_for_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = 100
    monkeypatch.setattr(episodes, "_LARGE", 10)
    monkeypatch.setattr(episodes, "free_memory", lambda: free)
    parts = Unfinished()
    parts.begin(np.zeros(1, np.bool_))
    for begin in range(12):  # of 8 bytes each
        parts.finish(rollout([[False]], begin))
    with pytest.raises(ZooError, match=r"copy 0 .* GB of memory so far, and 1e-07 GB") as caught:
        parts.finish(rollout([[False]], 12))
    assert "n_envs" in (caught.value.hint or "")
    free = None  # where nobody can tell
    parts.finish(rollout([[False]], 13))


def test_episodes_that_are_not_resumed_are_forgotten() -> None:
    parts = Unfinished()
    parts.begin(np.zeros(2, np.bool_))
    parts.finish(rollout([[False, False]]))
    other = Unfinished()
    other.load_state(parts.state())
    other.begin(np.array([True, False]))
    found = other.finish(rollout([[True, True]], begin=1))
    assert [steps(one) for one in found] == [[0, 1], [1]]
    other.load_state(parts.state())
    other.begin(np.zeros(3, np.bool_))  # another number of copies
    assert [steps(one) for one in other.finish(rollout([[True] * 3], begin=5))] == [[5]] * 3


def test_an_episode_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episodes, "LONGEST", 5)
    parts = Unfinished()
    parts.begin(np.zeros(2, np.bool_))
    parts.finish(rollout([[True, False]] * 5))
    with pytest.raises(ZooError, match=r"copy 1 .* has not ended after 5 steps") as caught:
        parts.finish(rollout([[True, False]]))
    assert "vpg" in (caught.value.hint or "")

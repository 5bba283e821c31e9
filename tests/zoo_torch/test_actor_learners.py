"""Segments and where they end, RMSprop that is shared, and that nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo_torch.scripted import Scripted
from zoo import State, ZooError
from zoo_torch.actor_learners import ActorLearner, Segment, Turns, rms_prop


class Recorder(ActorLearner):
    """Acts by 0, and keeps the segments that it is given; its gradient is theta' of them."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.parameters, self.gradient = np.zeros((2, 3), np.float32)
        self.segments: list[Segment] = []
        self.episodes = 0
        self.left: list[float] = []

    def act(self, row: np.ndarray, remaining: float) -> np.ndarray:
        self.left.append(remaining)
        return np.zeros(1, np.int64)

    def accumulate(self, segment: Segment) -> dict[str, float]:
        self.segments.append(segment)
        self.gradient[:] = self.parameters
        return {"train/length": float(len(segment.rewards))}

    def begin_episode(self) -> None:
        self.episodes += 1


class Constant:
    """A config that does not change theta by much."""

    n_steps, max_grad_norm, rms_prop_alpha, rms_prop_eps = 3, 40.0, 0.5, 1e-3

    def learning_rate(self, remaining: float) -> float:
        return 0.1


class Algorithm:
    """What `Turns` needs."""

    def __init__(self) -> None:
        self.config: Any = Constant()
        self.shared = {
            "theta": np.float32([1, 2, 3]),
            "g": np.zeros(3, np.float32),
            "counts": np.array([[0, 0, 0], [100, 7, 9]]),
        }
        self.seen: list[int] = []

    def rows(self, observations: Any) -> np.ndarray:
        return observations

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return actions

    def stepped(self, T: int) -> None:
        self.seen.append(T)


def turns(env: Any = None, lengths: tuple[int, int] = (3, 3), **changes: Any) -> Turns:
    """Return two actor-learners whose first segments have these lengths."""
    learners = [Recorder(np.random.default_rng(i)) for i in range(2)]
    found = Turns(Algorithm(), env or Scripted(), learners, **changes)
    for learner, length in zip(learners, lengths, strict=True):
        learner.begin(found.algorithm.shared["theta"], length)
    return found


def take(found: Turns, steps: int, total: int = 100) -> None:
    for _ in range(steps):
        found.step(total)


def test_what_is_left_of_the_training_counts_the_steps_of_all_processes() -> None:
    found = turns(lengths=(2, 3))
    rates: list[float] = []
    found.algorithm.config.learning_rate = lambda remaining: rates.append(remaining) or 0.1
    take(found, 3, total=104)
    left = [1 - 100 / 104, 1 - 102 / 104, 0.0]
    for learner in found.learners:
        assert learner.left == pytest.approx(left)
    assert rates == pytest.approx(left[1:])  # of the updates, with the second step and the third


def lengths(learner: Any) -> list[int]:
    return [len(segment.rewards) for segment in learner.segments]


def test_a_segment_ends_after_t_max_steps_or_with_the_episode() -> None:
    found = turns()
    for _ in range(7):  # copy 0 terminates with step 2, copy 1 is truncated with step 3
        found.step(100)
    one, other = found.learners
    assert (lengths(one), lengths(other)) == ([2, 3], [3, 3])
    assert one.segments[0].rows.tolist() == [[0, 0], [1, 0]]
    assert one.segments[0].rewards.tolist() == [10, 20]
    assert one.segments[0].terminated
    assert one.segments[1].rows.tolist() == [[-2, 0], [3, 0], [4, 0]]
    assert one.segments[1].last.tolist() == [[5, 0]]
    assert not one.segments[1].terminated
    assert one.segments[0].rewards.dtype == np.float32


def test_what_follows_a_truncated_episode_is_its_own_last_state() -> None:
    found = turns()
    for _ in range(3):
        found.step(100)
    cut = found.learners[1].segments[0]
    assert (cut.last.tolist(), cut.terminated) == ([[7, 7]], False)


def test_first_segments_differ_in_length() -> None:
    algorithm, env = Algorithm(), Scripted()
    algorithm.config.n_steps, env.num_envs = 50, 2
    learners = [Recorder(np.random.default_rng(i)) for i in range(2)]
    Turns(algorithm, env, learners)
    firsts = [learner._most for learner in learners]
    assert firsts[0] != firsts[1]
    assert all(1 <= first <= 50 for first in firsts)


def test_each_works_with_theta_as_it_was_at_its_own_last_update() -> None:
    found = turns(lengths=(1, 2))
    theta = found.algorithm.shared["theta"]
    found.step(100)  # the first is due
    after_one = theta.copy()
    assert after_one.tolist() != [1, 2, 3]
    assert found.learners[0].parameters.tolist() == after_one.tolist()
    assert found.learners[1].parameters.tolist() == [1, 2, 3]
    found.step(100)  # the second is, and the first too, whose episode ends; by the stale theta'
    assert found.learners[1].gradient.tolist() == [1, 2, 3]
    assert found.learners[0].gradient.tolist() == after_one.tolist()


def test_steps_episodes_and_updates_are_counted_in_the_own_row() -> None:
    found = turns(process=0)
    for _ in range(3):
        found.step(100)
    assert found.algorithm.shared["counts"].tolist() == [[6, 2, 2], [100, 7, 9]]
    assert found.algorithm.seen == [102, 104, 106]
    assert [learner.episodes for learner in found.learners] == [2, 2]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (("reward", 2, np.nan), "nan in the reward of copy 5 of the environment at step 104"),
        (("observation", 2, np.inf), "inf in the observation of copy 5 of the env.* at step 104"),
        (("final_obs", 3, np.nan), "nan in the observation of copy 5 of the env.* at step 106"),
    ],
)
def test_what_is_not_finite_is_named_by_its_place_among_all_copies(bad, said) -> None:
    found = turns(Scripted(bad), first=4)
    with pytest.raises(ZooError, match=said):
        take(found, 4)


def test_divergence_is_a_line_and_leaves_theta() -> None:
    found = turns(lengths=(1, 1))
    for learner in found.learners:
        learner.parameters[:] = np.nan
    with pytest.raises(ZooError, match=r"training diverged at step 102: .* norm is nan, after 9"):
        found.step(100)
    assert found.algorithm.shared["theta"].tolist() == [1, 2, 3]


def resumed(state: State) -> Recorder:
    learner = Recorder(np.random.default_rng(99))
    learner.load_state(state)
    return learner


def test_a_segment_under_way_goes_on_after_a_resume() -> None:
    found = turns()
    for _ in range(4):
        found.step(100)
    one = found.learners[0]
    again = resumed(one.state())
    assert again.parameters.tolist() == one.parameters.tolist()
    assert again.rng.random() == one.rng.random()
    last = np.zeros((1, 2), np.float32)
    for mine, theirs in zip(again.segment(last, False), one.segment(last, False), strict=True):
        assert np.array_equal(mine, theirs)
    step = np.zeros((1, 2), np.float32), np.zeros(1, np.int64), np.float32(0)
    assert again.follow(*step, False) == one.follow(*step, False) == True  # noqa: E712


def test_what_lasts_is_the_generator() -> None:
    found = turns()
    found.step(100)
    again = resumed(found.learners[0].lasting())
    assert not again.begun
    assert again.rng.random() == found.learners[0].rng.random()


def test_rms_prop_is_the_paper_s() -> None:
    rng = np.random.default_rng(0)
    theta, g = rng.standard_normal((2, 5)).astype(np.float32)
    g = np.abs(g)
    expected_theta, expected_g = theta.astype(float), g.astype(float)
    for _ in range(10):
        d = rng.standard_normal(5).astype(np.float32)
        rms_prop(theta, g, d, eta=0.1, alpha=0.9, epsilon=0.01)
        expected_g = 0.9 * expected_g + 0.1 * d**2
        expected_theta = expected_theta - 0.1 * d / np.sqrt(expected_g + 0.01)
    assert g == pytest.approx(expected_g, rel=1e-5)
    assert theta == pytest.approx(expected_theta, rel=1e-4)

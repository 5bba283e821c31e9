"""The loop of the off-policy algorithms: what it remembers, when it learns, what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from pydantic import ValidationError

from tests.zoo_torch.scripted import Scripted
from zoo import Agent, ZooError
from zoo_torch.configuration import OffPolicyConfig
from zoo_torch.off_policy import OffPolicyAlgorithm, Part
from zoo_torch.replay import Batch

BOX = spaces.Box(-99, 99, (2,), np.float32)


class Recorder(OffPolicyAlgorithm):
    """Acts by 1 after the start, and notes what it was given to learn from."""

    action_type = np.int64
    loss = 1.0

    def __init__(self, **settings: Any) -> None:
        config = OffPolicyConfig(**{"batch_size": 3, "buffer_size": 20} | settings)
        super().__init__(config, BOX, spaces.Discrete(2), seed=0)
        self.learnt: list[tuple[int, Batch]] = []
        self.explored: list[float] = []
        self.left: list[float] = []
        self.begun: list[list[bool]] = []
        self.followed = 0

    def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
        self.explored.append(remaining)
        return np.ones(len(rows), np.int64)

    def anything(self, n: int) -> np.ndarray:
        return np.zeros(n, np.int64)

    def in_space(self, actions: np.ndarray) -> np.ndarray:
        return actions

    def update(self, batch: Batch, remaining: float) -> float:
        self.learnt.append((self.steps, Batch(*(one.copy() for one in batch))))
        self.left.append(remaining)
        return self.loss

    def batches(self, count: int, remaining: float) -> Iterator[Batch]:
        self.left.append(remaining)
        return super().batches(count, remaining)

    def before_learning(self, remaining: float) -> None:
        self.left.append(remaining)
        self.followed += 1

    def began(self, copies: np.ndarray) -> None:
        self.begun.append(copies.tolist())

    def parts(self) -> dict[str, Part]:
        return {}

    def agent(self) -> Agent:
        raise NotImplementedError


def finish(progress: Iterator[Any]) -> list[Any]:
    return list(progress)


def test_it_remembers_the_last_observations_of_episodes() -> None:
    one, env = Recorder(learning_starts=100), Scripted()
    finish(one.train(env, 8))  # four steps of two copies
    assert one.episodes == 2
    batch = one.replay._take(np.arange(8))
    assert batch.rows.tolist() == [
        [0, 0], [0, 1], [1, 0], [1, 1], [-2, 0], [2, 1], [3, 0], [-3, 1]
    ]  # fmt: skip
    assert batch.next_rows.tolist() == [
        [1, 0], [1, 1], [7, 7], [2, 1], [3, 0], [7, 7], [4, 0], [4, 1]
    ]  # fmt: skip
    assert batch.rewards.tolist() == [10, 11, 20, 21, 30, 31, 40, 41]
    # terminated with step 2 of copy 0; the truncation with step 3 of copy 1 goes on
    assert batch.discounts == pytest.approx([0.99, 0.99, 0, 0.99, 0.99, 0.99, 0.99, 0.99])
    assert one.begun == [[True, True], [True, False], [False, True]]


def test_it_acts_at_random_first_and_learns_afterwards() -> None:
    one, env = Recorder(learning_starts=4, gradient_steps=2), Scripted()
    finish(one.train(env, 12))
    assert [actions.tolist() for actions in env.actions] == [[0, 0]] * 2 + [[1, 1]] * 4
    assert [steps for steps, _ in one.learnt] == [6, 6, 8, 8, 10, 10, 12, 12]
    assert one.explored == pytest.approx([1 - 4 / 12, 1 - 6 / 12, 1 - 8 / 12, 1 - 10 / 12])
    assert one.updates == 8
    assert one.followed == 4
    assert one.left == pytest.approx([1 - steps / 12 for steps in (6, 8, 10, 12) for _ in range(4)])


@pytest.mark.parametrize(("gradient_steps", "count"), [(1, 1), (3, 3), (-1, 6)])
def test_as_many_updates_as_asked_follow_every_train_freq_steps(
    gradient_steps: int, count: int
) -> None:
    one = Recorder(learning_starts=0, train_freq=3, gradient_steps=gradient_steps)
    finish(one.train(Scripted(), 12))
    assert [steps for steps, _ in one.learnt] == [6] * count + [12] * count
    assert all(len(batch.rewards) == 3 for _, batch in one.learnt)


def test_it_takes_no_more_steps_than_it_was_told_to() -> None:
    one = Recorder(learning_starts=0, train_freq=100)
    assert finish(one.train(Scripted(), 12))[-1].steps == 12
    assert [steps for steps, _ in one.learnt] == [12]


def test_a_batch_is_of_transitions_that_happened() -> None:
    one = Recorder(learning_starts=4, gamma=0.5, batch_size=50)
    finish(one.train(Scripted(), 8))
    for _, batch in one.learnt:
        t = batch.rewards // 10
        assert (batch.next_rows[:, 0] == t)[batch.next_rows[:, 0] != 7].all()
        assert (batch.actions == (t > 2)).all()
        assert set(batch.discounts.tolist()) <= {0.0, 0.5}


def test_progress_is_told_after_some_steps_or_many_updates() -> None:
    calm, busy = Recorder(learning_starts=5000), Recorder(learning_starts=0, gradient_steps=64)
    steps = [progress.steps for progress in calm.train(Scripted(), 2000)]
    assert steps == [512, 1024, 1536, 2000]
    told = finish(busy.train(Scripted(), 24))
    assert [progress.steps for progress in told] == [8, 16, 24]
    assert told[0].metrics["train/loss"] == 1.0
    assert "train/loss" not in next(Recorder(learning_starts=50).train(Scripted(), 8)).metrics


def test_it_goes_on_as_if_it_had_not_stopped() -> None:
    straight, first, second = (Recorder(learning_starts=2) for _ in range(3))
    finish(straight.train(Scripted(), 20))
    env = Scripted()
    finish(first.train(env, 12))
    state = first.state()
    second.load_state(state)
    env.reset = lambda: (env._observe(1), {"resumed": np.array([True, True])})
    finish(second.train(env, 20))
    assert (second.steps, second.episodes) == (straight.steps, straight.episodes)
    assert second.begun[0] == [False, False]
    for (_, one), (_, other) in zip(straight.learnt[-4:], second.learnt[-4:], strict=True):
        assert one.rewards.tolist() == other.rewards.tolist()
        assert one.rows.tolist() == other.rows.tolist()


def test_an_episode_that_is_not_resumed_is_cut() -> None:
    one = Recorder(learning_starts=100, n_steps=3, gamma=1.0)
    finish(one.train(Scripted(), 2))
    finish(one.train(Scripted(), 4))  # begins anew, without `resumed`
    assert one.replay._take(np.arange(2)).rewards.tolist() == [10, 11]


def test_what_is_not_finite_stops_it() -> None:
    for bad, words in (
        (("reward", 2, np.nan), r"nan in the reward of copy 1 .* at step 4"),
        (("observation", 1, np.inf), r"inf in the observation of copy 1 .* at step 2"),
        (("final_obs", 3, np.nan), r"nan in the observation of copy 1 .* at step 6"),
    ):
        with pytest.raises(ZooError, match=words):
            finish(Recorder().train(Scripted(bad), 10))
    diverging = Recorder(learning_starts=0)
    diverging.loss = float("nan")
    with pytest.raises(ZooError, match="diverged at step 2: the loss is nan, after 0 updates"):
        finish(diverging.train(Scripted(), 10))


def test_what_it_learnt_is_finite_whenever_it_may_be_saved() -> None:
    class Learnt:
        numbers = np.zeros(2, np.float32)

        def state(self) -> dict[str, Any]:
            return {"numbers": self.numbers.copy()}

        def load_state(self, state: dict[str, Any]) -> None:
            self.numbers = state["numbers"]

    class Overflowing(Recorder):
        learnt_so_far = Learnt()

        def update(self, batch: Batch, remaining: float) -> float:
            if self.updates == 300:
                self.learnt_so_far.numbers[1] = np.inf
            return 1.0

        def parts(self) -> dict[str, Part]:
            return {"learnt": self.learnt_so_far}

    learning = Overflowing(learning_starts=0).train(Scripted(), 2000)
    assert next(learning).steps == 512
    with pytest.raises(ZooError, match="diverged at step 1,024: what it learnt holds inf"):
        next(learning)


def test_an_action_that_is_not_finite_is_not_the_environments_fault() -> None:
    class Lost(Recorder):
        def explore(self, rows: np.ndarray, remaining: float) -> np.ndarray:
            return np.full(len(rows), np.nan, np.float32)

    with pytest.raises(ZooError, match="training diverged at step 4: an action is nan"):
        finish(Lost(learning_starts=4).train(Scripted(), 10))


def test_a_memory_larger_than_what_is_free_is_refused_before_training_begins() -> None:
    with pytest.raises(ZooError, match="buffer_size"):
        Recorder(buffer_size=10**13).check(Scripted())


def test_no_gradient_steps_are_refused() -> None:
    with pytest.raises(ValidationError, match="nothing is learnt"):
        OffPolicyConfig(gradient_steps=0)


def test_another_autoreset_mode_is_refused() -> None:
    env = Scripted()
    env.metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}
    with pytest.raises(ZooError, match="autoreset mode"):
        finish(Recorder().train(env, 10))

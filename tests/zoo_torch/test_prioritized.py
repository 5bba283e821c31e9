"""What is drawn by priority, against sums that are added up and against expectations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import ZooError
from zoo_torch.prioritized import PrioritizedReplay

ALPHA, EPS = 0.7, 1e-3


def make(capacity: int, copies: int = 1, **kwargs: Any) -> PrioritizedReplay:
    settings = {"gamma": 0.5, "alpha": ALPHA, "eps": EPS} | kwargs
    return PrioritizedReplay(capacity, copies, (1,), np.float32, (), np.int64, **settings)


def add(replay: PrioritizedReplay, first: int, end: int) -> None:
    """Add the steps from `first`, whose rows are their numbers."""
    no, copies = np.zeros(replay.copies, np.bool_), replay.copies
    for t in range(first, end):
        rows = np.full((copies, 1), t, np.float32)
        replay.add(rows, np.arange(copies), np.full(copies, t), no, no, rows + 1)


class Slow:
    """Priorities by place in an array, and a draw by a cumulative sum."""

    def __init__(self, places: int, copies: int) -> None:
        self.p, self.copies, self.steps = np.zeros(places), copies, 0
        self.largest = 1.0

    def add(self, count: int) -> None:
        for _ in range(count * self.copies):
            self.p[self.steps % len(self.p)] = self.largest
            self.steps += 1

    def sample(self, rng: np.random.Generator, size: int, beta: float) -> Any:
        total, n = self.p.sum(), (self.p > 0).sum()
        upto = self.p.cumsum()
        drawn = [
            int(np.flatnonzero(upto > (stretch + where) / size * total)[0])
            for stretch, where in enumerate(rng.random(size))
        ]
        weights = (n * self.p[self.p > 0] / total) ** -beta
        return drawn, [(n * self.p[i] / total) ** -beta / weights.max() for i in drawn]

    def update(self, indices: list[int], errors: np.ndarray) -> None:
        for i, error in zip(indices, errors.tolist(), strict=True):
            self.p[i] = (abs(error) + EPS) ** ALPHA
            self.largest = max(self.largest, self.p[i])


@given(
    capacity=st.integers(1, 60),
    copies=st.integers(1, 3),
    seed=st.integers(0, 1000),
    n_step=st.sampled_from([1, 3]),
    adds=st.lists(st.integers(1, 30), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_draws_and_weights_are_those_of_a_cumulative_sum(
    capacity, copies, seed, n_step, adds
) -> None:
    replay = make(capacity, copies, n_step=n_step)
    slow = Slow(replay.places, copies)
    mine, its, errors = (np.random.default_rng([seed, n]) for n in (0, 0, 1))
    step = 0
    for count in adds:
        add(replay, step, step + count)
        slow.add(count)
        step += count
        for beta in (0.4, 1.0):
            batch = replay.sample(mine, 16, beta)
            drawn, weights = slow.sample(its, 16, beta)
            assert batch.indices.tolist() == drawn
            assert batch.weights == pytest.approx(np.array(weights), rel=1e-5)
            # Rows are numbers of steps: the newest that is at a place of the ring.
            steps = replay.places // copies
            newest = step - 1 - (step - 1 - batch.indices // copies) % steps
            assert (batch.rows[:, 0] == newest).all()
            assert (batch.next_rows[:, 0] == np.minimum(newest + n_step, step)).all()
            new = errors.normal(size=16) * 3
            replay.update_priorities(batch.indices, new)
            slow.update(drawn, new)


def test_transitions_are_drawn_as_often_as_equation_1_says() -> None:
    replay, n = make(50), 50
    add(replay, 0, n)
    errors = np.linspace(0, 5, n)
    replay.update_priorities(np.arange(n), -errors)
    p = (errors + EPS) ** ALPHA
    expected = 100_000 * p / p.sum()
    rng = np.random.default_rng(0)
    draws = np.concatenate([replay.sample(rng, 1).indices for _ in range(10_000)])
    counts = np.bincount(draws, minlength=n)
    chi_square = ((counts - expected / 10) ** 2 / (expected / 10)).sum()
    assert 24 < chi_square < 86  # 49 degrees of freedom: one in 500 lies outside
    # Stretches of equal probability leave next to nothing to chance.
    batch = replay.sample(rng, 100_000)
    assert np.abs(np.bincount(batch.indices, minlength=n) - expected).max() < 2


def test_weights_undo_what_priorities_do_to_a_mean() -> None:
    """With beta 1 the weighted mean over many draws is the plain mean over the buffer."""
    replay = make(40)
    add(replay, 0, 40)
    replay.update_priorities(np.arange(40), np.linspace(0.1, 9, 40) ** 2)
    batch = replay.sample(np.random.default_rng(0), 100_000, beta=1.0)
    assert batch.rows.mean() > 25
    mean = (batch.weights * batch.rows[:, 0]).sum() / batch.weights.sum()
    assert mean == pytest.approx(19.5, rel=1e-3)
    assert batch.weights.max() == pytest.approx(1.0)


def test_without_alpha_or_beta_nothing_is_weighted() -> None:
    uniform = make(8, alpha=0.0)
    add(uniform, 0, 8)
    uniform.update_priorities(np.arange(8), np.arange(8.0))
    batch = uniform.sample(np.random.default_rng(0), 800, beta=1.0)
    assert np.bincount(batch.indices).tolist() == pytest.approx([100] * 8, abs=1)
    assert batch.weights == pytest.approx(np.ones(800))
    skewed = make(8)
    add(skewed, 0, 8)
    skewed.update_priorities(np.arange(8), np.arange(8.0))
    assert (skewed.sample(np.random.default_rng(0), 8, beta=0.0).weights == 1).all()


def test_a_new_transition_is_as_likely_as_the_likeliest_ever() -> None:
    replay = make(4, alpha=1.0, eps=0.0)
    add(replay, 0, 3)
    replay.update_priorities(np.array([0, 1, 2]), np.array([8.0, 1.0, 2.0]))
    replay.update_priorities(np.array([0]), np.array([1.0]))
    add(replay, 3, 4)
    counts = np.bincount(replay.sample(np.random.default_rng(0), 1200).indices)
    assert counts.tolist() == pytest.approx([100, 100, 200, 800], abs=1)


def test_each_stretch_gives_one() -> None:
    replay = make(64)
    add(replay, 0, 64)
    for seed in range(5):
        drawn = replay.sample(np.random.default_rng(seed), 64).indices
        assert drawn.tolist() == list(range(64))


def test_the_last_error_of_a_transition_counts() -> None:
    replay = make(2, alpha=1.0, eps=0.0)
    add(replay, 0, 2)
    replay.update_priorities(np.array([0, 1, 0]), np.array([50.0, 1.0, 3.0]))
    assert replay.state()["priorities"].tolist() == [3, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_errors_that_are_not_finite_are_refused(bad: float) -> None:
    replay = make(4)
    add(replay, 0, 4)
    before = replay.state()["priorities"].tolist()
    with pytest.raises(ZooError, match=f"a TD error is {abs(bad)}"):
        replay.update_priorities(np.array([0, 1]), np.array([1.0, bad], np.float32))
    assert replay.state()["priorities"].tolist() == before


@pytest.mark.parametrize("pause", [0, 3, 10, 47])
def test_a_resumed_buffer_goes_on_bit_for_bit(pause: int) -> None:
    def learn(replay: PrioritizedReplay, first: int, end: int, rngs: Any) -> list[bytes]:
        seen = []
        for t in range(first, end):
            add(replay, t, t + 1)
            if t % 3 == 2:
                batch = replay.sample(rngs[0], 8, beta=0.5)
                seen += [array.tobytes() for array in batch]
                replay.update_priorities(batch.indices, rngs[1].normal(size=8))
        return seen

    whole, resumed = make(40, 2, n_step=2), make(40, 2, n_step=2)
    rngs = [np.random.default_rng(seed) for seed in (0, 1)]
    learn(whole, 0, pause, rngs)
    add(resumed, 200, 230)  # what is there before is gone
    resumed.load_state(whole.state())
    copies = [np.random.default_rng(0) for _ in rngs]
    for copy, rng in zip(copies, rngs, strict=True):
        copy.bit_generator.state = rng.bit_generator.state
    expected = learn(whole, pause, 90, rngs)
    assert expected
    assert learn(resumed, pause, 90, copies) == expected
    for mine, its in zip(whole._sums.levels + whole._least.levels,
                         resumed._sums.levels + resumed._least.levels, strict=True):  # fmt: skip
        assert mine.tobytes() == its.tobytes()


def test_batches_follow_the_priorities_of_their_moment() -> None:
    replay = make(8, alpha=1.0, eps=1e-9)
    add(replay, 0, 8)
    drawn = []
    for batch in replay.batches(np.random.default_rng(0), 8, 2, beta=0.5):
        drawn.append(batch.indices.tolist())
        replay.update_priorities(np.arange(8), np.eye(8)[5])
    assert drawn == [list(range(8)), [5] * 8]


def test_a_hundred_thousand_at_once() -> None:
    replay = make(100_000)
    add(replay, 0, 1)
    replay._steps = replay._kept = 100_000
    replay._fields["row"][:, 0] = np.arange(100_000)
    errors = np.random.default_rng(1).exponential(size=100_000)
    replay.update_priorities(np.arange(100_000), errors)
    batch = replay.sample(np.random.default_rng(0), 32, 0.4)
    p = (errors + EPS) ** ALPHA
    targets = (np.arange(32) + np.random.default_rng(0).random(32)) / 32 * p.sum()
    assert batch.indices.tolist() == p.cumsum().searchsorted(targets, side="right").tolist()
    assert (batch.rows[:, 0] == batch.indices).all()
    assert batch.weights == pytest.approx((p[batch.indices] / p.min()) ** -0.4)

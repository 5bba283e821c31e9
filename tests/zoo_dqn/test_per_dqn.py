"""Prioritised DQN against autograd, and what it does with its errors."""

from __future__ import annotations

import numpy as np
import pytest

from tests.zoo_dqn.plainly import ACTIONS, BOX, batch_of, check_update
from tests.zoo_dqn.test_double_dqn import loss
from zoo_dqn.per_dqn import PERDQN, PERDQNConfig


def learner(**settings: object) -> PERDQN:
    config = PERDQNConfig(
        policy_kwargs={"net_arch": [8]}, buffer_size=64, batch_size=16, **settings
    )
    per = PERDQN(config, BOX, ACTIONS, seed=0)
    per.replay = per.make_replay(1)
    batch = batch_of(64)
    for i in range(64):
        per.replay.add(
            batch.rows[[i]], batch.actions[[i]], batch.rewards[[i]], np.array([i % 4 == 0]),
            np.array([False]), batch.next_rows[[i]],
        )  # fmt: skip
    return per


def test_the_gradient_is_that_of_the_weighted_loss_by_autograd() -> None:
    slopes = check_update(
        PERDQN(PERDQNConfig(policy_kwargs={"net_arch": [8]}), BOX, ACTIONS, seed=0), loss
    )
    assert slopes.errors.min() >= 0


def test_what_it_draws_next_is_what_surprised_it() -> None:
    per = learner(alpha=1.0)
    (batch,) = per.batches(1, 1.0)
    for _ in range(40):
        (batch,) = per.batches(1, 1.0)
        per.learnt(batch, per.slopes(batch))
    errors = per.slopes(per.replay._take(np.arange(64))).errors.astype(np.float64)
    counts = np.zeros(64)
    for batch in per.batches(2000, 1.0):
        np.add.at(counts, batch.indices, 1)
    assert counts / counts.sum() == pytest.approx(errors / errors.sum(), abs=0.01)
    assert np.corrcoef(counts, errors)[0, 1] > 0.98


def test_weights_make_up_for_the_draws_more_and_more() -> None:
    per = learner(alpha=1.0, beta=0.4)
    per.replay.update_priorities(np.arange(64), np.arange(1.0, 65.0))
    for remaining, beta in ((1.0, 0.4), (0.0, 1.0)):
        (batch,) = per.batches(1, remaining)
        priorities = batch.indices + 1.0
        assert batch.weights == pytest.approx(priorities**-beta, rel=1e-3)
    assert per.config.correction(0.5) == pytest.approx(0.7)


def test_every_update_is_noted_before_the_next_batch_is_drawn() -> None:
    per = learner(alpha=1.0)
    seen = []
    for batch in per.batches(3, 1.0):
        seen.append(batch.indices.copy())
        slopes = per.slopes(batch)._replace(errors=np.where(batch.indices == 7, 1e6, 0))
        if (batch.indices != 7).all():
            per.replay.update_priorities(np.array([7]), np.array([1e6]))
        per.learnt(batch, slopes)
    assert (seen[-1] == 7).mean() > 0.9

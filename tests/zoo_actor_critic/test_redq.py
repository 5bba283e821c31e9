"""REDQ's update by autograd of its losses, and what its random subsets are for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.zoo_actor_critic.softly import (
    ACTIONS,
    BOX,
    Plain,
    both,
    check_following,
    fixed_noise,
    make_batch,
    policy,
)
from zoo import ZooError
from zoo_actor_critic.redq import REDQ, REDQConfig

CRITICS = 4


def learner(**settings: object) -> REDQ:
    kwargs = {"net_arch": [8, 8], "n_critics": CRITICS}
    return REDQ(REDQConfig(policy_kwargs=kwargs, ent_coef=0.3, **settings), BOX, ACTIONS, seed=0)


def test_an_update_follows_the_gradients_of_the_paper_s_losses() -> None:
    algorithm, batch = learner(policy_delay=1), make_batch()
    algorithm.critics.target.parameters += 0.1
    eps, next_eps = fixed_noise(algorithm)[::-1]
    actor, critics = Plain(algorithm.actor.online), Plain(algorithm.critics.online)
    target = Plain(algorithm.critics.target)
    twin = np.random.default_rng()
    twin.bit_generator.state = algorithm.rng.bit_generator.state
    S = twin.choice(CRITICS, 2, replace=False)
    with torch.no_grad():
        a, log_prob = policy(actor(torch.tensor(batch.next_rows)), next_eps)
        V = target(both(batch.next_rows, a))[S].min(0).values[:, 0] - 0.3 * log_prob
        y = torch.tensor(batch.rewards) + torch.tensor(batch.discounts) * V
    L = (critics(both(batch.rows, batch.actions))[..., 0] - y).square().mean(1).sum()

    loss = algorithm.update(batch, 1.0)
    assert loss == pytest.approx(L.item(), rel=1e-5)
    assert algorithm.critics.online.gradient == pytest.approx(critics.by_leaves(L), abs=1e-4)

    a, log_prob = policy(actor(torch.tensor(batch.rows)), eps)
    improved = Plain(algorithm.critics.online)
    J_pi = (0.3 * log_prob - improved(both(batch.rows, a)).mean((0, 2))).mean()
    assert algorithm.actor.online.gradient == pytest.approx(actor.by_leaves(J_pi), abs=1e-5)


def test_the_policy_is_updated_once_for_g_updates_of_the_critics() -> None:
    algorithm, batch = learner(policy_delay=3), make_batch()
    moved = []
    for _ in range(6):
        before = algorithm.actor.online.parameters.copy()
        algorithm.update(batch, 1.0)
        algorithm.updates += 1
        moved.append(not np.array_equal(algorithm.actor.online.parameters, before))
    assert moved == [False, False, True, False, False, True]


def test_targets_follow_the_critics_by_their_share_as_often_as_asked() -> None:
    check_following(learner(tau=0.25, target_update_interval=2, policy_delay=9), tau=0.25)


def test_targets_take_the_least_of_some_critics_drawn_anew() -> None:
    def spread(M: int) -> tuple[float, float]:
        """Return the mean of many targets of one batch, and how much they vary."""
        algorithm, batch = learner(subset_size=M), make_batch()
        rng = np.random.default_rng(5)
        algorithm.critics.target.parameters += rng.standard_normal(
            len(algorithm.critics.target.parameters)
        ).astype(np.float32)
        algorithm.normal = lambda n: np.zeros((n, 2), np.float32)  # type: ignore[method-assign]
        targets = np.array([algorithm._targets(batch) for _ in range(200)])
        return float(targets.mean()), float(targets.std(0).max())

    (one, varies), (two, also), (four, never) = spread(1), spread(2), spread(4)
    assert one > two > four  # the more critics, the lower their least
    assert varies > 0.1
    assert also > 0.1
    assert never == pytest.approx(0, abs=1e-4)


def test_more_critics_in_a_subset_than_there_are_is_refused() -> None:
    with pytest.raises(ZooError, match="subset_size is 5, but there are 4 critics"):
        learner(subset_size=5)

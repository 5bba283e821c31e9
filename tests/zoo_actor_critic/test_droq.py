"""DroQ's update by autograd of its losses, with the same units dropped."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.zoo_actor_critic.softly import (
    ACTIONS,
    BOX,
    N,
    Plain,
    both,
    check_following,
    fixed_noise,
    make_batch,
    masks,
    policy,
)
from zoo_actor_critic.droq import DroQ, DroQConfig


def learner(p: float = 0.3, **settings: object) -> DroQ:
    kwargs = {"net_arch": [8, 8], "dropout_rate": p}
    return DroQ(DroQConfig(policy_kwargs=kwargs, ent_coef=0.3, **settings), BOX, ACTIONS, seed=0)


def test_an_update_follows_the_gradients_of_the_paper_s_losses() -> None:
    algorithm, batch = learner(policy_delay=1), make_batch()
    algorithm.critics.target.parameters += 0.1
    eps, next_eps = fixed_noise(algorithm)[::-1]
    actor, critics = Plain(algorithm.actor.online), Plain(algorithm.critics.online)
    target, chain = Plain(algorithm.critics.target), algorithm.critics.online
    twin = np.random.default_rng()
    twin.bit_generator.state = algorithm.rng.bit_generator.state
    with torch.no_grad():
        a, log_prob = policy(actor(torch.tensor(batch.next_rows)), next_eps)
        Q = target(both(batch.next_rows, a), keep=masks(twin, chain, N))
        V = Q.min(0).values[:, 0] - 0.3 * log_prob
        y = torch.tensor(batch.rewards) + torch.tensor(batch.discounts) * V
    Q = critics(both(batch.rows, batch.actions), keep=masks(twin, chain, N))
    L = (Q[..., 0] - y).square().mean(1).sum()

    loss = algorithm.update(batch, 1.0)
    assert loss == pytest.approx(L.item(), rel=1e-5)
    assert chain.gradient == pytest.approx(critics.by_leaves(L), rel=1e-4, abs=1e-4)

    a, log_prob = policy(actor(torch.tensor(batch.rows)), eps)
    Q = Plain(chain)(both(batch.rows, a), keep=masks(twin, chain, N))
    J_pi = (0.3 * log_prob - Q.mean((0, 2))).mean()
    assert algorithm.actor.online.gradient == pytest.approx(actor.by_leaves(J_pi), abs=1e-5)
    assert twin.bit_generator.state == algorithm.rng.bit_generator.state


def test_the_policy_is_updated_once_for_g_updates_of_the_critics() -> None:
    algorithm, batch = learner(policy_delay=2), make_batch()
    moved = []
    for _ in range(4):
        before = algorithm.actor.online.parameters.copy()
        algorithm.update(batch, 1.0)
        algorithm.updates += 1
        moved.append(not np.array_equal(algorithm.actor.online.parameters, before))
    assert moved == [False, True, False, True]


def test_targets_follow_the_critics_by_their_share_as_often_as_asked() -> None:
    check_following(learner(tau=0.25, target_update_interval=2, policy_delay=9), tau=0.25)


def test_targets_and_values_vary_with_what_is_dropped_and_only_with_that() -> None:
    batch = make_batch()
    for p, vary in ((0.3, True), (0.0, False)):
        algorithm = learner(p)
        algorithm.normal = lambda n: np.zeros((n, 2), np.float32)  # type: ignore[method-assign]
        targets = [algorithm._targets(batch) for _ in range(2)]
        values = [algorithm.critics(batch.rows, batch.actions) for _ in range(2)]
        assert (not np.array_equal(*targets)) is vary
        assert (not np.array_equal(*values)) is vary


def test_layer_norm_can_be_left_out() -> None:
    config = DroQConfig(policy_kwargs={"net_arch": [8], "layer_norm": False})
    plain = DroQ(config, BOX, ACTIONS, seed=0)
    kinds = [type(layer).__name__ for layer in plain.critics.online.layers]
    assert kinds == ["Linear", "Dropout", "Activation", "Linear"]
    normed = [type(layer).__name__ for layer in learner().critics.online.layers]
    assert normed[:4] == ["Linear", "Dropout", "LayerNorm", "Activation"]  # figure 1

"""TQC's truncation and its losses: by hand, and by autograd of the losses written plainly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.zoo_actor_critic.softly import (
    ACTIONS,
    BOX,
    N,
    Plain,
    both,
    fixed_noise,
    make_batch,
    policy,
)
from zoo import ZooError
from zoo_actor_critic.tqc import TQC, TQCConfig, quantile_huber, truncated

CRITICS, M, D = 3, 5, 2


def learner(**settings: object) -> TQC:
    kwargs = {"net_arch": [8, 8], "n_critics": CRITICS, "n_quantiles": M}
    config = TQCConfig(
        policy_kwargs=kwargs, top_quantiles_to_drop_per_net=D, ent_coef=0.3, **settings
    )
    return TQC(config, BOX, ACTIONS, seed=0)


def test_the_largest_atoms_of_all_critics_together_are_dropped() -> None:
    theta = np.float32([[[1, 9, 2, 8]], [[3, 4, 5, 10]]])  # 2 critics, 1 row, 4 atoms
    assert sorted(truncated(theta, 1)[0]) == [1, 2, 3, 4, 5, 8]  # 9 and 10 are, whosever they are
    assert sorted(truncated(theta, 3)[0]) == [1, 2]
    assert sorted(truncated(theta, 0)[0]) == [1, 2, 3, 4, 5, 8, 9, 10]


def test_truncation_lowers_the_mean_of_noisy_atoms() -> None:
    theta = np.random.default_rng(0).standard_normal((5, 100, 25)).astype(np.float32)
    means = [truncated(theta, d).mean() for d in (0, 1, 2, 5)]
    assert means[0] == pytest.approx(0, abs=0.05)
    assert np.all(np.diff(means) < -0.05)


def plain_loss(theta: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """eq. 14, summed over the critics: theta (N, n, M), y (n, kN)."""
    total = torch.zeros(())
    for critic in theta:
        for m in range(critic.shape[1]):
            tau = (2 * m + 1) / (2 * critic.shape[1])
            for i in range(y.shape[1]):
                u = y[:, i] - critic[:, m]
                huber = F.huber_loss(u, torch.zeros_like(u), reduction="none")
                total = total + ((tau - (u < 0).float()).abs() * huber).mean()
    return total / (critic.shape[1] * y.shape[1])


@pytest.mark.parametrize("n", [3, 40])
def test_the_slopes_of_the_quantile_huber_loss_are_those_of_autograd(n: int) -> None:
    rng = np.random.default_rng(0)
    theta = (2 * rng.standard_normal((CRITICS, n, M))).astype(np.float32)
    y = (3 * rng.standard_normal((n, 9))).astype(np.float32)
    tau = np.float32([0.1, 0.3, 0.5, 0.7, 0.9])
    leaf = torch.tensor(theta, requires_grad=True)
    expected = plain_loss(leaf, torch.tensor(y))
    expected.backward()
    by_theta, loss = quantile_huber(theta, y, tau)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert by_theta == pytest.approx(leaf.grad.numpy(), abs=1e-6)


def test_an_update_follows_the_gradients_of_the_paper_s_losses() -> None:
    algorithm, batch = learner(), make_batch()
    algorithm.critics.target.parameters += 0.1
    eps, next_eps = fixed_noise(algorithm)[::-1]
    actor, critics = Plain(algorithm.actor.online), Plain(algorithm.critics.online)
    target = Plain(algorithm.critics.target)
    with torch.no_grad():
        a, log_prob = policy(actor(torch.tensor(batch.next_rows)), next_eps)
        z = target(both(batch.next_rows, a)).transpose(0, 1).reshape(N, -1).sort(1).values
        z = z[:, : CRITICS * (M - D)] - 0.3 * log_prob[:, None]
        y = torch.tensor(batch.rewards)[:, None] + torch.tensor(batch.discounts)[:, None] * z
    J_Z = plain_loss(critics(both(batch.rows, batch.actions)), y)

    loss = algorithm.update(batch, 1.0)
    assert loss == pytest.approx(J_Z.item(), rel=1e-5)
    assert algorithm.critics.online.gradient == pytest.approx(critics.by_leaves(J_Z), abs=1e-5)

    a, log_prob = policy(actor(torch.tensor(batch.rows)), eps)
    improved = Plain(algorithm.critics.online)
    J_pi = (0.3 * log_prob - improved(both(batch.rows, a)).mean((0, 2))).mean()
    assert algorithm.actor.online.gradient == pytest.approx(actor.by_leaves(J_pi), abs=1e-5)


def test_the_targets_follow_in_their_intervals() -> None:
    algorithm = learner(tau=0.25, target_update_interval=2)
    before = algorithm.critics.target.parameters.copy()
    algorithm.update(make_batch(), 1.0)
    online, target = algorithm.critics.online.parameters, algorithm.critics.target.parameters
    assert target == pytest.approx(0.75 * before + 0.25 * online, abs=1e-6)
    algorithm.updates, before = 1, target.copy()
    algorithm.update(make_batch(), 1.0)
    assert np.array_equal(target, before)


def test_to_drop_all_quantiles_is_refused() -> None:
    config = TQCConfig(policy_kwargs={"n_quantiles": 4}, top_quantiles_to_drop_per_net=4)
    with pytest.raises(ZooError, match="leaves none of 4 quantiles") as error:
        TQC(config, BOX, ACTIONS, seed=0)
    assert "n_quantiles" in error.value.hint

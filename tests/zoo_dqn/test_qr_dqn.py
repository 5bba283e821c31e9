"""Quantile-regression DQN against autograd, and what quantile regression finds."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.zoo_dqn.plainly import ACTIONS, BOX, Network, batch_of, check_update
from zoo_dqn.dqn import DQNConfig
from zoo_dqn.qr_dqn import QRDQN, QRDQNConfig
from zoo_dqn.quantiles import quantile_huber
from zoo_torch.quantiles import midpoints

N = 5


def learner(kappa: float = 1.0) -> QRDQN:
    config = QRDQNConfig(policy_kwargs={"net_arch": [8]}, n_quantiles=N, kappa=kappa)
    return QRDQN(config, BOX, ACTIONS, seed=0)


def rho(u: torch.Tensor, tau: torch.Tensor, kappa: float) -> torch.Tensor:
    """Return equation 10 of the paper, over kappa as in equation 3 of IQN's."""
    L = F.huber_loss(u, torch.zeros_like(u), reduction="none", delta=kappa)
    return (tau - (u < 0).float()).abs() * L / kappa


@pytest.mark.parametrize("kappa", [1.0, 0.3])
def test_the_gradient_is_that_of_the_loss_by_autograd(kappa: float) -> None:
    tau = torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])

    def loss(online: Network, target: Network, b: SimpleNamespace) -> torch.Tensor:
        following = target(b.next_rows)
        best = following.mean(2).argmax(1)
        T = b.r[:, None] + b.gamma[:, None] * following[b.i, best]
        theta = online(b.rows)[b.i, b.a]
        losses = torch.zeros(len(b.r))
        for i in range(N):
            for j in range(N):
                losses += rho(T[:, j] - theta[:, i], tau[i], kappa) / N
        return (b.w * losses).mean()

    check_update(learner(kappa), loss)


def test_the_loss_worked_out_by_hand() -> None:
    theta, targets = np.float32([[0, 1]]), np.float32([[0.5, 3]])
    by_theta, losses = quantile_huber(theta, targets, midpoints(2)[None], 1.0)
    # u = T_j - theta_i: 0.5, 3 for tau 0.25; -0.5, 2 for tau 0.75
    rows = [0.25 * (0.125 + 2.5) / 2, (0.25 * 0.125 + 0.75 * 1.5) / 2]
    assert losses == pytest.approx([sum(rows)])
    assert by_theta[0] == pytest.approx([-0.25 * (0.5 + 1) / 2, -(0.25 * -0.5 + 0.75 * 1) / 2])


def test_regression_finds_the_quantiles_of_a_distribution() -> None:
    samples = np.random.default_rng(0).exponential(size=(1, 4000)).astype(np.float32)
    theta, tau = np.zeros((1, 4), np.float32), np.float32([[0.1, 0.3, 0.6, 0.9]])
    for _ in range(3000):
        by_theta, _ = quantile_huber(theta, samples, tau, 0.01)
        theta -= np.float32(0.02) * by_theta
    assert theta[0] == pytest.approx(np.quantile(samples, tau[0]), abs=0.03)


def test_the_agent_reads_quantiles_first_and_acts_by_their_mean() -> None:
    qr = learner()
    rows = np.random.default_rng(2).uniform(-1, 1, (50, 3)).astype(np.float32)
    expected = qr.online.forward(rows).mean(2).argmax(1).tolist()
    assert qr.agent().act(rows).tolist() == expected
    assert len(set(expected)) > 1


def test_defaults_are_those_that_rl_zoo_s_recipes_build_on() -> None:
    sb3, contrib = pytest.importorskip("stable_baselines3"), pytest.importorskip("sb3_contrib")
    for config, theirs in ((DQNConfig(), sb3.DQN), (QRDQNConfig(), contrib.QRDQN)):
        defaults = inspect.signature(theirs).parameters
        shared = {key for key in type(config).model_fields if key in defaults} - {"policy_kwargs"}
        found = {key: getattr(config, key) for key in shared}
        found["learning_rate"] = config.learning_rate(1.0)
        assert len(shared) == 14
        assert found == {key: defaults[key].default for key in shared}
    policy = inspect.signature(contrib.qrdqn.policies.QRDQNPolicy).parameters
    assert QRDQNConfig().n_quantiles == policy["n_quantiles"].default
    model = contrib.QRDQN("MlpPolicy", "CartPole-v1", batch_size=64, device="cpu")
    theirs = model.policy.optimizer.defaults["eps"]
    assert QRDQN(QRDQNConfig(batch_size=64), BOX, ACTIONS, seed=0).optimizer.eps == theirs


def test_gradients_are_as_long_as_they_are_unless_a_norm_is_given() -> None:
    """The root of Adam's second moment after one step is sqrt(1 - beta2) |gradient|."""
    norms = []
    for most in (None, 1e-3):
        config = QRDQNConfig(n_quantiles=N, max_grad_norm=most)
        qr = QRDQN(config, BOX, ACTIONS, seed=0)
        qr.update(batch_of(), 1.0)
        norms.append(float(np.sqrt(qr.optimizer.v.sum() / 0.001)))
    assert norms[0] > 0.01
    assert norms[1] == pytest.approx(1e-3, rel=1e-2)

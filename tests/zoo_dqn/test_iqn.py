"""Implicit quantile networks against autograd, their agent, and what they find."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.zoo_dqn.plainly import ACTIONS, BOX, apart, batch_of, leaf
from tests.zoo_dqn.test_qr_dqn import rho
from zoo import ZooError
from zoo_dqn.implicit_agent import MOST, ImplicitQuantileAgent, cosines
from zoo_dqn.iqn import IQN, IQNConfig

ROWS = np.random.default_rng(2).uniform(-1, 1, (40, 3)).astype(np.float32)


def learner(net_arch: tuple[int, ...] = (8, 6), **settings: object) -> IQN:
    numbers = {"n_tau": 3, "n_target_tau": 4, "n_policy_tau": 5}
    config = IQNConfig(policy_kwargs={"net_arch": list(net_arch)}, **numbers | settings)
    return IQN(config, BOX, ACTIONS, seed=0)


def Z(parameters: list[torch.Tensor], rows: np.ndarray, tau: np.ndarray) -> torch.Tensor:
    """Return quantiles (n, N, actions) one tau at a time, as the paper has them."""
    W, b, W_phi, b_phi, *f = parameters
    psi = torch.relu(torch.from_numpy(rows) @ W + b)
    columns = []
    for j in range(tau.shape[1]):
        t = torch.from_numpy(tau[:, j : j + 1])
        waves = torch.cat([torch.cos(torch.pi * i * t) for i in range(64)], 1)
        x = psi * torch.relu(waves @ W_phi + b_phi)
        for weight, bias in zip(f[:-2:2], f[1:-2:2], strict=True):
            x = torch.relu(x @ weight + bias)
        columns.append(x @ f[-2] + f[-1])
    return torch.stack(columns, 1)


def parameters_of(network: object) -> list[torch.Tensor]:
    parts = (network._psi, network._phi, network._f)
    return [leaf(one) for part in parts for pair in part.parameters for one in pair]


@pytest.mark.parametrize("net_arch", [(8, 6), (8,), (8, 6, 5)])
def test_loss_and_gradient_are_those_of_autograd(net_arch: tuple[int, ...]) -> None:
    iqn, batch = apart(learner(net_arch)), batch_of()
    rng = np.random.default_rng()
    rng.bit_generator.state = iqn.rng.bit_generator.state
    slopes = iqn.slopes(batch)
    iqn.online.backward(slopes.by_outputs)

    leaves, frozen = parameters_of(iqn.online), parameters_of(iqn.target)
    n = len(batch.rewards)
    taus = [rng.random((n, N), np.float32) for N in (5, 4, 3)]
    i, a = torch.arange(n), torch.from_numpy(batch.actions)
    with torch.no_grad():
        best = Z(frozen, batch.next_rows, taus[0]).mean(1).argmax(1)
        worth = Z(frozen, batch.next_rows, taus[1])[i, :, best]
        T = torch.from_numpy(batch.rewards)[:, None]
        T = T + torch.from_numpy(batch.discounts)[:, None] * worth
    theta = Z(leaves, batch.rows, taus[2])[i, :, a]
    losses = torch.zeros(n)
    for row in range(3):
        for column in range(4):
            tau = torch.from_numpy(taus[2][:, row])
            losses = losses + rho(T[:, column] - theta[:, row], tau, 1.0) / 4
    loss = (torch.from_numpy(batch.weights) * losses).mean()
    loss.backward()
    gradient = np.concatenate([one.grad.numpy().ravel() for one in leaves])
    assert slopes.loss == pytest.approx(float(loss.detach()), rel=1e-4)
    assert iqn.online.gradient == pytest.approx(gradient, rel=1e-3, abs=1e-5)
    assert np.abs(gradient).max() > 1e-3


def test_cosines_are_those_of_the_paper() -> None:
    found = cosines(np.float32([0, 0.5, 1]))
    assert found[0] == pytest.approx(np.ones(64))
    assert found[1, :5] == pytest.approx([1, 0, -1, 0, 1], abs=1e-5)
    assert found[2, :4] == pytest.approx([1, -1, 1, -1], abs=1e-4)


def test_the_agent_looks_at_the_midpoints() -> None:
    iqn = learner()
    iqn.online.parameters[:] = np.random.default_rng(1).normal(0, 0.5, len(iqn.online.parameters))
    midpoints = np.tile(np.float32([0.1, 0.3, 0.5, 0.7, 0.9]), (40, 1))
    expected = iqn.online.infer(ROWS, midpoints).mean(1).argmax(1).tolist()
    agent = iqn.agent()
    assert agent.act(ROWS).tolist() == expected
    assert len(set(expected)) > 1
    again = ImplicitQuantileAgent.restore(
        agent.describe(), agent.tensors(), agent.observation_space, agent.action_space
    )
    assert again.act(ROWS).tolist() == expected
    assert agent.act(ROWS, deterministic=False).dtype == ACTIONS.dtype


def test_an_agent_of_parts_that_do_not_fit_is_refused() -> None:
    agent = learner().agent()
    spaces = agent.observation_space, agent.action_space
    for change, words in (
        ({"quantiles": 0}, "from 1 to 10,000"),
        ({"quantiles": 10**9}, "from 1 to 10,000"),
        ({"network": {"kind": "table"}}, "do not fit"),
    ):
        with pytest.raises(ZooError, match=words):
            ImplicitQuantileAgent.restore(agent.describe() | change, agent.tensors(), *spaces)
    tensors = agent.tensors()
    for wrong in (
        {**tensors, "phi.weight": tensors["phi.weight"][:, :9]},
        {k: v for k, v in tensors.items() if k != "phi.bias"},
        {**tensors, "other": np.zeros(3, np.float32)},
    ):
        with pytest.raises(ZooError, match=r"phi|does not use|do not fit"):
            ImplicitQuantileAgent.restore(agent.describe(), wrong, *spaces)


def test_as_many_quantiles_may_choose_an_action_as_the_agent_may_look_at() -> None:
    assert learner(n_policy_tau=MOST).agent().describe()["quantiles"] == MOST
    with pytest.raises(ValidationError, match="n_policy_tau"):
        learner(n_policy_tau=MOST + 1)


@pytest.mark.slow
def test_it_learns_the_quantile_function_of_a_reward() -> None:
    iqn = learner((32, 32), n_tau=16, n_target_tau=16, kappa=0.1, learning_rate=2e-3)
    rng = np.random.default_rng(0)
    for _ in range(1500):
        batch = batch_of(64)._replace(
            rows=np.ones((64, 3), np.float32),
            actions=np.zeros(64, np.int64),
            rewards=rng.exponential(size=64).astype(np.float32),
            discounts=np.zeros(64, np.float32),
        )
        iqn.update(batch._replace(weights=np.ones(64, np.float32)), 1.0)
    tau = np.float32([[0.1, 0.5, 0.8]])
    found = iqn.online.infer(np.ones((1, 3), np.float32), tau)[0, :, 0]
    assert found == pytest.approx(-np.log(1 - tau[0]), abs=0.2)


def test_a_network_without_a_hidden_layer_is_refused() -> None:
    with pytest.raises(ZooError, match="at least one hidden layer"):
        learner(())


def test_its_agents_load_without_what_trained_them() -> None:
    program = """
import sys
import zoo_dqn.implicit_agent
print([name for name in ("torch", "zoo_torch", "threadpoolctl") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout.strip() == "[]"

"""Categorical DQN against autograd, and its projection against the paper's loop."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.zoo_dqn.plainly import ACTIONS, BOX, Network, check_update
from zoo import ZooError
from zoo.config.schema import validate
from zoo_dqn.c51 import C51, C51Config
from zoo_dqn.categorical import log_softmax, project

Z = np.linspace(-2, 2, 5).astype(np.float32)


def algorithm_1(p: np.ndarray, r: float, gamma: float, z: np.ndarray) -> np.ndarray:
    """Return what the paper's pseudocode does for one transition, with the share of both
    neighbours given to an atom that is hit."""
    v_min, v_max, N = float(z[0]), float(z[-1]), len(z)
    delta = (v_max - v_min) / (N - 1)
    m = np.zeros(N)
    for j in range(N):
        Tz = min(max(r + gamma * float(z[j]), v_min), v_max)
        b = min(max((Tz - v_min) / delta, 0), N - 1)
        l, u = math.floor(b), math.ceil(b)  # noqa: E741 - the paper's names
        if l == u:
            m[l] += p[j]
        else:
            m[l] += p[j] * (u - b)
            m[u] += p[j] * (b - l)
    return m


def test_the_projection_is_that_of_the_paper_s_loop() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), 200).astype(np.float32)
    rewards = rng.normal(0, 2, 200).astype(np.float32)
    discounts = np.where(rng.random(200) < 0.3, 0, 0.9).astype(np.float32)
    expected = [
        algorithm_1(*one, Z) for one in zip(p, rewards.tolist(), discounts.tolist(), strict=True)
    ]
    assert project(p, rewards, discounts, Z) == pytest.approx(np.array(expected), abs=1e-5)


@pytest.mark.parametrize(
    ("reward", "discount", "expected"),
    [
        (0.0, 1.0, [0.1, 0.2, 0.4, 0.2, 0.1]),  # every atom is hit
        (1.0, 1.0, [0, 0.1, 0.2, 0.4, 0.3]),  # what would leave the bounds stays at them
        (9.0, 1.0, [0, 0, 0, 0, 1]),
        (-9.0, 0.9, [1, 0, 0, 0, 0]),
        (1.0, 0.0, [0, 0, 0, 1, 0]),  # terminated: the reward is certain
        (0.25, 0.0, [0, 0, 0.75, 0.25, 0]),
        (0.0, 0.5, [0, 0.1 + 0.5 * 0.2, 0.5 * 0.2 + 0.4 + 0.5 * 0.2, 0.1 + 0.5 * 0.2, 0]),
    ],
)
def test_projections_worked_out_by_hand(
    reward: float, discount: float, expected: list[float]
) -> None:
    p = np.float32([[0.1, 0.2, 0.4, 0.2, 0.1]])
    found = project(p, np.float32([reward]), np.float32([discount]), Z)
    assert found[0] == pytest.approx(expected, abs=1e-6)


def test_a_projection_keeps_the_mean_within_the_bounds() -> None:
    p = np.random.default_rng(1).dirichlet(np.ones(51), 64).astype(np.float32)
    z = np.linspace(-10, 10, 51, dtype=np.float32)
    rewards = np.linspace(-0.9, 0.9, 64, dtype=np.float32)
    m = project(p, rewards, np.full(64, 0.9, np.float32), z)
    assert m.sum(1) == pytest.approx(np.ones(64), abs=1e-5)
    assert m @ z == pytest.approx(rewards + 0.9 * (p @ z), abs=1e-4)


def learner() -> C51:
    config = C51Config(policy_kwargs={"net_arch": [8]}, n_atoms=5, v_min=-2, v_max=2)
    return C51(config, BOX, ACTIONS, seed=0)


def loss(online: Network, target: Network, b: SimpleNamespace) -> torch.Tensor:
    with torch.no_grad():
        p = target(b.next_rows).softmax(2)
        best = (p @ torch.from_numpy(Z)).argmax(1)
        m = torch.tensor(np.array([
            algorithm_1(one.numpy(), float(r), float(gamma), Z)
            for one, r, gamma in zip(p[b.i, best], b.r, b.gamma, strict=True)
        ]))  # fmt: skip
    return -(b.w * (m * online(b.rows)[b.i, b.a].log_softmax(1)).sum(1)).mean()


def test_the_gradient_is_that_of_the_loss_by_autograd() -> None:
    check_update(learner(), loss)


def test_the_agent_acts_by_the_means_of_the_distributions() -> None:
    c51 = learner()
    rows = np.random.default_rng(2).uniform(-1, 1, (50, 3)).astype(np.float32)
    logits = c51.online.forward(rows).astype(np.float64)
    p = np.exp(logits) / np.exp(logits).sum(2, keepdims=True)
    assert c51.agent().act(rows).tolist() == (p @ Z).argmax(1).tolist()
    assert c51.greedy(rows).tolist() == (p @ Z).argmax(1).tolist()


def test_logits_of_any_size_have_logarithms() -> None:
    found = log_softmax(np.float32([[1e4, -1e4, 1e4]]))
    assert found[0] == pytest.approx([-np.log(2), -2e4 - np.log(2), -np.log(2)])


def test_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ZooError, match=r"v_min 3\.0 is not below v_max 3\.0"):
        validate(C51Config, {"v_min": 3, "v_max": 3})


@pytest.mark.parametrize(
    ("v_min", "v_max", "words"),
    [
        (-1e300, 10, "too far apart"),
        (-1.7e308, 1.7e308, "too far apart"),
        (-1e38, 3e38, "too far apart"),
        (10, 10.0000001, "too near each other for 51"),
        (0, 1e-45, "too near each other for 51"),
    ],
)
def test_atoms_that_float32_cannot_tell_apart_are_refused(
    v_min: float, v_max: float, words: str
) -> None:
    with pytest.raises(ZooError, match=words):
        validate(C51Config, {"v_min": v_min, "v_max": v_max})


def test_the_widest_and_the_finest_atoms_are_projected_onto() -> None:
    p = np.full((1, 3), 1 / 3, np.float32)
    for bound in (1.7e38, 1e-37):
        z = validate(C51Config, {"v_min": -bound, "v_max": bound, "n_atoms": 3}).atoms()
        found = project(p, np.zeros(1, np.float32), np.ones(1, np.float32), z)
        assert found == pytest.approx(p)

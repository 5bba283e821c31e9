"""VPG's two kinds of steps against torch, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from zoo import ZooError
from zoo_policy_gradient.vpg import VPG, VPGConfig
from zoo_torch.rollout import Rollout

BOX = spaces.Box(-1, 1, (3,), np.float32)


def make(**config) -> VPG:
    settings = {"policy_kwargs": {"net_arch": [8]}, **config}
    return VPG(VPGConfig(**settings), BOX, spaces.Discrete(2), seed=0)


def samples(rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    advantages, returns = rng.standard_normal((2, rows)).astype(np.float32)
    return {
        "rows": rng.standard_normal((rows, 3)).astype(np.float32),
        "actions": rng.integers(2, size=rows),
        "advantages": advantages,
        "returns": returns,
    }


def networks(algorithm: VPG) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return the policy's and the value function's parameters as leaves of autograd."""
    return tuple(
        [torch.tensor(one, requires_grad=True) for pair in network.parameters for one in pair]
        for network in (algorithm.model.policy, algorithm.model.value)
    )


def through(leaves: list[torch.Tensor], rows: np.ndarray) -> torch.Tensor:
    w1, b1, w2, b2 = leaves
    return torch.tanh(torch.tensor(rows) @ w1 + b1) @ w2 + b2


@pytest.mark.parametrize("normalize", [False, True])
def test_an_update_is_that_of_autograd_and_two_of_torch_s_own_adams(normalize: bool) -> None:
    algorithm = make(normalize_advantage=normalize, n_critic_updates=4)
    data = samples(12)
    policy, value = networks(algorithm)
    optimizers = torch.optim.Adam(policy, lr=0.01), torch.optim.Adam(value, lr=0.02)
    for _ in range(2):
        algorithm._improve(data, 0.01)
        algorithm._fit(data, 0.02)

        A = torch.tensor(data["advantages"])
        if normalize:
            A = (A - A.mean()) / (A.std() + 1e-8)
        log_p = through(policy, data["rows"]).log_softmax(1)
        chosen = log_p.gather(1, torch.tensor(data["actions"])[:, None])[:, 0]
        optimizers[0].zero_grad()
        (-(chosen * A).mean()).backward()
        optimizers[0].step()
        for _ in range(4):
            optimizers[1].zero_grad()
            V = through(value, data["rows"])[:, 0]
            (V - torch.tensor(data["returns"])).square().mean().backward()
            optimizers[1].step()
    for network, leaves in ((algorithm.model.policy, policy), (algorithm.model.value, value)):
        found = np.concatenate([one.ravel() for pair in network.parameters for one in pair])
        expected = np.concatenate([leaf.detach().numpy().ravel() for leaf in leaves])
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert algorithm.updates == 2 * (1 + 4)


def test_values_are_fitted_to_discounted_sums_and_advantages_are_generalised() -> None:
    algorithm = make(gamma=0.5, gae_lambda=0.5)
    rewards = np.float32([[1], [2], [4]])
    values = np.float32([[10], [20], [30]])
    rollout = Rollout(
        rows=np.zeros((3, 3), np.float32), actions=np.zeros(3, np.int64), rewards=rewards,
        dones=np.array([[False], [True], [False]]), values=values, last_values=np.float32([40]),
    )  # fmt: skip
    found = algorithm._samples(rollout)
    assert found["returns"].tolist() == [1 + 0.5 * 2, 2, 4 + 0.5 * 40]
    deltas = [1 + 0.5 * 20 - 10, 2 - 20, 4 + 0.5 * 40 - 30]
    assert found["advantages"].tolist() == [deltas[0] + 0.25 * deltas[1], *deltas[1:]]


def test_a_training_that_diverges_stops_and_names_the_step() -> None:
    algorithm = make()
    data = samples(12)
    data["returns"][3] = np.inf
    algorithm.steps = 4321
    before = algorithm.model.parameters.copy()
    with pytest.raises(ZooError, match=r"diverged at step 4,321: .* (nan|inf), after"):
        algorithm._fit(data, 0.01)
    assert np.array_equal(algorithm.model.parameters, before)


@pytest.mark.slow
def test_it_learns_cartpole() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 4, seed=0)
    config = VPGConfig(n_steps=256, learning_rate=0.01, vf_learning_rate=0.005, n_critic_updates=40)
    algorithm = VPG(config, env.single_observation_space, env.single_action_space, seed=0)
    for _ in algorithm.train(env, 80_000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:50]) < 50
    assert np.mean(returns[-20:]) > 300

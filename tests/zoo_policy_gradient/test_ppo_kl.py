"""The slopes of the penalised objective against autograd, an update against torch, the penalty's
adaptation, and what is learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as theirs

import zoo
from zoo import ZooError
from zoo_policy_gradient.ppo_kl import LEAST, MOST, PPOKL, PPOKLConfig, adapted, ppo_kl_slopes
from zoo_torch.rollout import Shuffle

BOX = spaces.Box(-1, 1, (3,), np.float32)
NO_STDS = np.zeros(0, np.float32)


def objective(
    log_p: torch.Tensor, V: torch.Tensor, S: torch.Tensor, kl: torch.Tensor,
    batch: dict[str, torch.Tensor], config: PPOKLConfig, beta: float,
) -> torch.Tensor:  # fmt: skip
    """Return eq. 8 of the paper for a minibatch, with the other terms of eq. 9, plainly."""
    A = batch["advantages"]
    if config.normalize_advantage:
        A = (A - A.mean()) / (A.std() + 1e-8)
    r = (log_p - batch["log_probs"]).exp()
    L_vf = (V - batch["returns"]).square().mean()
    return (r * A - beta * kl).mean() - config.vf_coef * L_vf + config.ent_coef * S.mean()


def samples(rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    floats = {
        name: rng.standard_normal(rows).astype(np.float32)
        for name in ("advantages", "returns", "values")
    }
    outputs = rng.standard_normal((rows, 2)).astype(np.float32)
    actions = rng.integers(2, size=rows)
    log_p = outputs - np.logaddexp(*outputs.T)[:, None]
    return {
        "rows": rng.standard_normal((rows, 3)).astype(np.float32),
        "actions": actions,
        "log_probs": log_p[np.arange(rows), actions].astype(np.float32),
        "outputs": outputs,
        **floats,
    }


@pytest.mark.parametrize("normalize", [False, True])
def test_the_slopes_are_those_of_the_objective_by_autograd(normalize: bool) -> None:
    config = PPOKLConfig(normalize_advantage=normalize, vf_coef=0.3, ent_coef=0.02)
    data, rng = samples(50), np.random.default_rng(3)
    log_p = (data["log_probs"] + rng.normal(0, 0.3, 50)).astype(np.float32)
    V = rng.normal(0, 1, 50).astype(np.float32)
    zeros = np.zeros(50, np.float32)
    leaves = [torch.tensor(one, requires_grad=True) for one in (log_p, V, zeros, zeros)]
    tensors = {name: torch.from_numpy(array) for name, array in data.items()}
    (-objective(*leaves, tensors, config, 1.7)).backward()
    found = ppo_kl_slopes(log_p - data["log_probs"], V, data, config, 1.7)
    assert found.log_prob == pytest.approx(leaves[0].grad.numpy(), rel=1e-4, abs=1e-6)
    assert found.values == pytest.approx(leaves[1].grad.numpy(), rel=1e-4, abs=1e-6)
    assert found.entropy == pytest.approx(float(leaves[2].grad[0]))
    assert found.kl == pytest.approx(float(leaves[3].grad[0]))


def test_an_update_is_that_of_modules_autograd_and_torch_s_own_adam() -> None:
    config = PPOKLConfig(
        batch_size=5, n_epochs=3, ent_coef=0.01, initial_beta=3.0, policy_kwargs={"net_arch": [8]}
    )
    algorithm = PPOKL(config, BOX, spaces.Discrete(2), seed=0)
    data = samples(12)  # the last minibatch has two
    layers = [*algorithm.model.policy.parameters, *algorithm.model.value.parameters]
    leaves = [torch.tensor(one, requires_grad=True) for pair in layers for one in pair]
    optimizer = torch.optim.Adam(leaves, lr=0.01, eps=1e-5)
    rng = np.random.default_rng()
    rng.bit_generator.state = algorithm.rng.bit_generator.state

    algorithm._optimize(data, NO_STDS, Shuffle(data, 5), 0.01)
    for _ in range(3):
        order = rng.permutation(12)
        for start in (0, 5, 10):
            part = {k: torch.from_numpy(v[order[start : start + 5]]) for k, v in data.items()}
            w1, b1, w2, b2, u1, c1, u2, c2 = leaves
            logits = torch.tanh(part["rows"] @ w1 + b1) @ w2 + b2
            values = (torch.tanh(part["rows"] @ u1 + c1) @ u2 + c2)[:, 0]
            old, pi = (theirs.Categorical(logits=one) for one in (part["outputs"], logits))
            terms = (
                pi.log_prob(part["actions"]),
                values,
                pi.entropy(),
                theirs.kl_divergence(old, pi),
            )
            optimizer.zero_grad()
            (-objective(*terms, part, config, 3.0)).backward()
            torch.nn.utils.clip_grad_norm_(leaves, 0.5)
            optimizer.step()
    expected = np.concatenate([leaf.detach().numpy().ravel() for leaf in leaves])
    assert algorithm.updates == 9
    assert algorithm.model.parameters == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_the_penalty_is_halved_and_doubled_at_one_and_a_half_times_the_target() -> None:
    assert adapted(1.0, d=0.0066, target=0.01) == 0.5
    assert adapted(1.0, d=0.0067, target=0.01) == 1.0
    assert adapted(1.0, d=0.0149, target=0.01) == 1.0
    assert adapted(1.0, d=0.0151, target=0.01) == 2.0
    assert adapted(1.5 * LEAST, d=0.0, target=0.01) == LEAST
    assert adapted(0.7 * MOST, d=1.0, target=0.01) == MOST


@pytest.mark.parametrize("space", [spaces.Discrete(2), spaces.Box(-1, 1, (2,))])
def test_a_larger_penalty_keeps_the_policy_nearer(space: spaces.Space[Any]) -> None:
    moved = []
    for beta in (0.01, 1.0, 100.0):
        algorithm = PPOKL(PPOKLConfig(initial_beta=beta), BOX, space, seed=0)
        data, rng = samples(64), np.random.default_rng(0)
        pi, family = algorithm.model.distributions(data["rows"]), algorithm.model.family
        log_std = algorithm.model.log_std.copy()
        noise = family.noise(rng, 1, 64)[0]
        data["outputs"] = pi.outputs.copy()
        data["actions"] = family.draw(pi.outputs, log_std, noise)
        data["log_probs"] = pi.log_prob(data["actions"])
        algorithm._optimize(data, log_std, Shuffle(data, 64), 0.01)
        moved.append(algorithm._measure(data, log_std)["train/kl"])
    assert moved[0] > 1.3 * moved[1] > 10 * moved[2] > 0


def test_the_penalty_is_part_of_the_state() -> None:
    algorithm = PPOKL(PPOKLConfig(), BOX, spaces.Discrete(2), seed=0)
    algorithm.beta = 0.125
    other = PPOKL(PPOKLConfig(), BOX, spaces.Discrete(2), seed=0)
    assert other.beta == 1.0
    other.load_state(algorithm.state())
    assert other.beta == 0.125


def test_a_training_that_diverges_stops_and_names_the_step() -> None:
    algorithm = PPOKL(PPOKLConfig(n_steps=8), BOX, spaces.Discrete(2), seed=0)
    data = samples(12)
    data["log_probs"][3] = -1e3  # a ratio that overflows, which nothing clips
    data["advantages"][3] = 5
    algorithm.steps = 4321
    with pytest.raises(ZooError, match=r"diverged at step 4,321: .* (nan|inf), after"):
        algorithm._optimize(data, NO_STDS, Shuffle(data, 12), 0.01)


@pytest.mark.slow
def test_it_solves_cartpole_and_keeps_near_the_target() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 8, seed=0)
    config = PPOKLConfig(
        n_steps=32, batch_size=256, gae_lambda=0.8, gamma=0.98, n_epochs=20, learning_rate=1e-3
    )
    algorithm = PPOKL(config, env.single_observation_space, env.single_action_space, seed=0)
    progress = list(algorithm.train(env, 80_000))
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[-20:]) > 400
    assert len({one.metrics["train/beta"] for one in progress}) > 3  # it adapts
    assert 0.003 < np.median([one.metrics["train/kl"] for one in progress]) < 0.03

"""A2C's slopes by hand, its updates against torch, its optimisers, and what it learns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from tests.zoo_torch.scripted import Scripted
from zoo_actor_critic.a2c import A2C, A2CConfig, Outcomes, a2c_slopes
from zoo_torch.optimizers import Adam, RMSprop

BOX = spaces.Box(-1, 1, (3,), np.float32)
GAMMA = 0.9
Value = Callable[[torch.Tensor], torch.Tensor]


def slopes(**config):
    outcomes = Outcomes(np.array([0, 1]), np.float32([2, -4]), np.float32([1, 3]))
    return a2c_slopes(np.float32([0.5, 5]), outcomes, A2CConfig(**config))


def test_the_slopes_worked_out_by_hand() -> None:
    # of ((V - R)^2 c - A log p - b H) / 2, summed over two samples
    found = slopes(vf_coef=0.3, ent_coef=0.1)
    assert found.log_prob == pytest.approx([-1.0, 2.0])
    assert found.values == pytest.approx([0.3 * -0.5, 0.3 * 2.0])
    assert found.entropy == pytest.approx(-0.05)


def test_normalised_advantages_have_mean_0_and_deviation_1() -> None:
    found = slopes(normalize_advantage=True).log_prob
    assert found == pytest.approx(np.array([-0.5, 0.5]) * 3 / np.std([2.0, -4.0], ddof=1))


def test_a_single_advantage_is_left_as_it_is() -> None:
    one = Outcomes(np.array([0]), np.float32([3]), np.float32([1]))
    found = a2c_slopes(np.float32([0.5]), one, A2CConfig(normalize_advantage=True))
    assert found.log_prob.tolist() == [-3.0]


def test_the_optimiser_is_the_one_that_the_config_asks_for() -> None:
    def optimizer(**config):
        return A2C(A2CConfig(**config), BOX, spaces.Discrete(2), seed=0).optimizer

    plain, tf_like = optimizer(rms_prop_eps=1e-3), optimizer(rms_prop_tf_like=True)
    assert isinstance(plain, RMSprop)
    assert (plain.eps, plain.tf_like, float(plain.square.max())) == (1e-3, False, 0.0)
    assert (tf_like.tf_like, float(tf_like.square.min())) == (True, 1.0)
    assert isinstance(optimizer(use_rms_prop=False), Adam)


def rollout_by(
    env: Scripted, s: np.ndarray, actions: list[np.ndarray], value: Value
) -> tuple[list[torch.Tensor], np.ndarray]:
    """Play actions; return s (T, n, 2), a and R (T, n) of the steps, and the next observations."""
    seen, rewards, ends, worth = [], [], [], []
    for a in actions:
        seen.append(s)
        s, r, terminated, truncated, infos = env.step(a)
        rewards.append(r)
        ends.append(terminated | truncated)
        finals = [infos["final_obs"][i] if truncated[i] else s[i] for i in range(2)]
        with torch.no_grad():
            V = value(torch.tensor(np.stack(finals)))[:, 0].numpy()
        worth.append(np.where(terminated, 0.0, V))
    returns, R = [], worth[-1]
    for r, end, V in zip(rewards[::-1], ends[::-1], worth[::-1], strict=True):
        R = r + GAMMA * np.where(end, V, R)
        returns.insert(0, R)
    return [torch.tensor(np.stack(one)) for one in (seen, actions, np.float32(returns))], s


@pytest.mark.parametrize("eps", [1e-5, 0.01])
def test_updates_are_those_of_modules_autograd_and_torch_s_own_rmsprop(eps: float) -> None:
    env = Scripted()
    config = A2CConfig(
        n_steps=3, gamma=GAMMA, learning_rate=0.01, rms_prop_eps=eps, vf_coef=0.3, ent_coef=0.1,
        policy_kwargs={"net_arch": [6]},
    )  # fmt: skip
    spaces_ = env.single_observation_space, env.single_action_space
    algorithm = A2C(config, *spaces_, seed=0)
    leaves = [
        torch.tensor(one, requires_grad=True)
        for mine in (algorithm.model.policy, algorithm.model.value)
        for pair in mine.parameters
        for one in pair
    ]

    def through(layers: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        W, b, U, c = layers
        return torch.tanh(x @ W + b) @ U + c

    optimizer = torch.optim.RMSprop(leaves, 0.01, alpha=0.99, eps=eps)
    list(algorithm.train(env, 12))
    again = Scripted()
    s, _ = again.reset()
    for actions in (env.actions[:3], env.actions[3:]):
        (rows, a, R), s = rollout_by(again, s, actions, lambda x: through(leaves[4:], x))
        log_pi = through(leaves[:4], rows).log_softmax(-1)
        V = through(leaves[4:], rows)[..., 0]
        chosen = log_pi.gather(-1, a[..., None])[..., 0]
        H = -(log_pi.exp() * log_pi).sum(-1)
        loss = 0.3 * (R - V).square() - (R - V).detach() * chosen - 0.1 * H
        optimizer.zero_grad()
        loss.mean().backward()
        assert torch.nn.utils.clip_grad_norm_(leaves, 0.5) > 0.5
        optimizer.step()
    expected = np.concatenate([leaf.detach().numpy().ravel() for leaf in leaves])
    assert algorithm.updates == 2
    assert algorithm.model.parameters == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_one_update_is_made_of_each_rollout() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 4, seed=0)
    algorithm = A2C(A2CConfig(), env.single_observation_space, env.single_action_space, seed=0)
    progress = list(algorithm.train(env, 1000))
    assert algorithm.steps == 1000
    assert algorithm.updates == 1000 // (4 * 5)
    assert [one.steps for one in progress] == [260, 520, 780, 1000]


@pytest.mark.slow
def test_it_learns_cartpole() -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("CartPole-v1"), 8, seed=0)
    algorithm = A2C(A2CConfig(), env.single_observation_space, env.single_action_space, seed=0)
    for _ in algorithm.train(env, 100_000):
        pass
    returns = [total for total, _ in env.take_episodes()]
    assert np.mean(returns[:50]) < 50
    assert np.mean(returns[-20:]) > 200

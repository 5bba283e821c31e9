"""A2C's loss by hand, its optimisers, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces

import zoo
from zoo_actor_critic.a2c import A2C, A2CConfig, Samples, a2c_loss
from zoo_torch.distributions import Categorical
from zoo_torch.optimizers import Adam, RMSprop

BOX = spaces.Box(-1, 1, (3,), np.float32)


def loss(**config) -> float:
    p = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    samples = Samples(torch.tensor([0, 1]), torch.tensor([2.0, -4.0]), torch.tensor([1.0, 3.0]))
    V = torch.tensor([0.5, 5.0])
    return float(a2c_loss(Categorical(p.log()), V, samples, A2CConfig(**config))[0])


def test_the_loss_worked_out_by_hand() -> None:
    policy = -(2 * np.log(0.75) - 4 * np.log(0.5)) / 2
    value = (0.25 + 4.0) / 2
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25) + np.log(0.5)) / 2
    assert loss(vf_coef=0.0) == pytest.approx(policy)
    assert loss(vf_coef=0.3) == pytest.approx(policy + 0.3 * value)
    assert loss(vf_coef=0.3, ent_coef=0.1) == pytest.approx(policy + 0.3 * value - 0.1 * entropy)


def test_normalised_advantages_have_mean_0_and_deviation_1() -> None:
    scale = 3 / np.std([2.0, -4.0], ddof=1)
    policy = -(scale * np.log(0.75) - scale * np.log(0.5)) / 2
    assert loss(vf_coef=0.0, normalize_advantage=True) == pytest.approx(policy)


def test_the_optimiser_is_the_one_that_the_config_asks_for() -> None:
    def optimizer(**config):
        return A2C(A2CConfig(**config), BOX, spaces.Discrete(2), seed=0).optimizer

    plain, tf_like = optimizer(rms_prop_eps=1e-3), optimizer(rms_prop_tf_like=True)
    assert isinstance(plain, RMSprop)
    assert (plain.eps, plain.tf_like, float(plain.square.max())) == (1e-3, False, 0.0)
    assert (tf_like.tf_like, float(tf_like.square.min())) == (True, 1.0)
    assert isinstance(optimizer(use_rms_prop=False), Adam)


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

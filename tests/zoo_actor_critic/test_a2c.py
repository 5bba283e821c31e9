"""A2C's slopes by hand, its optimisers, and what it learns."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

import zoo
from zoo_actor_critic.a2c import A2C, A2CConfig, Outcomes, a2c_slopes
from zoo_torch.optimizers import Adam, RMSprop

BOX = spaces.Box(-1, 1, (3,), np.float32)


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

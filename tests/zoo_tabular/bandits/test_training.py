"""Bandit algorithms in training: the regret that is reported, and recipes that learn."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from zoo import EnvironmentConfig, ZooError
from zoo.config.recipes import load_recipe
from zoo.environments.make import make_vector
from zoo.plugin.registry import get_registry
from zoo_tabular.bandits.base import regret_of
from zoo_tabular.bandits.ucb1 import UCB1, UCB1Config

PAIRS = [
    *[
        (algorithm, env_id)
        for algorithm in ("epsilon-greedy-bandit", "ucb1", "thompson-sampling")
        for env_id in ("zoo/BernoulliBandit-v0", "zoo/GaussianBandit-v0")
    ],
    ("linucb", "zoo/LinearBandit-v0"),
    ("lints", "zoo/LinearBandit-v0"),
]


@pytest.mark.parametrize(("algorithm", "env_id"), PAIRS)
def test_recipes_learn_to_pull_good_arms(algorithm: str, env_id: str) -> None:
    recipe = load_recipe(algorithm, env_id)
    assert recipe.settings.n_envs == 1
    env = make_vector(EnvironmentConfig(env_id), 1, seed=1)
    learner = get_registry().algorithm_class(algorithm)(
        recipe.config, env.single_observation_space, env.single_action_space, seed=1
    )
    progress = list(learner.train(env, 3000))
    rates = [p.metrics["train/regret_per_step"] for p in progress]
    assert np.mean(rates[-5:]) < 0.35 * rates[0]
    assert progress[-1].steps == progress[-1].episodes == 3000
    assert progress[-1].metrics["train/regret"] == pytest.approx(100 * sum(rates))
    regret = 0.0
    observations, _ = env.reset(seed=9)
    agent = learner.agent()
    for _ in range(200):
        observations, _, _, _, infos = env.step(agent.act(observations))
        regret += infos["final_info"]["regret"][0]
    assert regret / 200 < 0.2 * rates[0]
    env.close()


def test_regret_is_taken_from_where_the_step_ended() -> None:
    infos = {
        "regret": np.array([1.0, 9.0, 0.0]),
        "_regret": np.array([True, True, False]),
        "final_info": {
            "regret": np.array([0.0, 4.0, 2.0]),
            "_regret": np.array([False, True, True]),
        },
    }
    assert regret_of(infos, np.array([False, True, True])) == 7.0
    assert regret_of(infos, np.array([False, False, False])) == 10.0
    assert regret_of({}, np.array([True, True, True])) is None


def test_without_regret_only_the_reward_is_reported() -> None:
    env = make_vector(EnvironmentConfig("zoo/NChain-v0"), 2, seed=0)
    learner = UCB1(UCB1Config(), env.single_observation_space, env.single_action_space, seed=0)
    last = list(learner.train(env, 150))[-1]
    assert set(last.metrics) == {"train/reward"}
    env.close()


def test_actions_that_are_no_arms_are_refused() -> None:
    with pytest.raises(ZooError, match="no arms to pull"):
        UCB1(UCB1Config(), spaces.Discrete(1), spaces.Box(-1, 1, (1,)), seed=0)
    with pytest.raises(ZooError):
        UCB1(UCB1Config(), spaces.Box(-1, 1, (1,)), spaces.Discrete(2), seed=0)

import gymnasium as gym
import pytest

from zoo.environments.aliases import successor


@pytest.mark.parametrize(
    ("retired", "newer"),
    [
        ("LunarLander-v2", "LunarLander-v3"),
        ("LunarLanderContinuous-v2", "LunarLanderContinuous-v3"),
        ("BipedalWalker-v2", "BipedalWalker-v3"),
        ("CarRacing-v2", "CarRacing-v3"),
        ("Taxi-v3", "Taxi-v4"),
        ("CliffWalking-v0", "CliffWalking-v1"),
        ("Pendulum-v0", "Pendulum-v1"),
        ("HalfCheetah-v2", "HalfCheetah-v5"),
        ("HalfCheetah-v3", "HalfCheetah-v5"),
        ("Reacher-v2", "Reacher-v5"),
        ("HalfCheetahBulletEnv-v0", "HalfCheetah-v5"),
        ("Walker2DBulletEnv-v0", "Walker2d-v5"),
    ],
)
def test_the_successor_of_a_retired_id_is_one_that_gymnasium_has(retired, newer):
    assert successor(retired)[0] == newer
    assert newer in gym.registry


@pytest.mark.parametrize(
    ("retired", "newer", "package"),
    [
        ("FetchReach-v1", "FetchReach-v4", "gymnasium-robotics"),
        ("FetchPickAndPlaceDense-v2", "FetchPickAndPlaceDense-v4", "gymnasium-robotics"),
        ("PandaReach-v1", "PandaReach-v3", "panda-gym"),
    ],
)
def test_a_successor_from_another_package_names_it(retired, newer, package):
    assert successor(retired)[0] == newer
    assert package in successor(retired)[1]


@pytest.mark.parametrize(
    "env_id", ["CartPole-v1", "HalfCheetah-v4", "HalfCheetah-v5", "FetchReach-v4", "Mine-v0", "x"]
)
def test_ids_in_use_have_no_successor(env_id):
    assert successor(env_id) is None


def test_the_remark_says_how_continuous_lunar_lander_is_made():
    assert '{"continuous": true}' in successor("LunarLanderContinuous-v2")[1]

"""The adapter says what SB3's `DummyVecEnv` says."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from tests.zoo_sb3.learners import MakeEnv, Reach, cartpole, pendulum
from zoo import ZooError
from zoo.testing.probes import BanditProbe
from zoo_sb3.vec_env import HostVecEnv


def adapter(make: MakeEnv, n: int, **options: Any) -> HostVecEnv:
    host = SyncVectorEnv([make] * n, autoreset_mode=AutoresetMode.SAME_STEP)
    env = HostVecEnv(host.single_observation_space, host.single_action_space, n, **options)
    env.attach(host)
    return env


def assert_equal(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    else:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "make",
    [
        cartpole,
        pendulum,
        Reach,
        lambda: BanditProbe("image", "multi-discrete", horizon=4),
        lambda: BanditProbe("discrete", "multi-binary", horizon=4),
    ],
)
def test_is_what_sb3_would_have_made(make: MakeEnv) -> None:
    n, theirs = 3, DummyVecEnv([lambda: Monitor(make())] * 3)
    ours = adapter(make, n, monitored=True)
    assert (ours.observation_space, ours.action_space) == (
        theirs.observation_space,
        theirs.action_space,
    )
    for env, seed in ((ours.env.envs, 7), (theirs.envs, 7)):
        for i, copy in enumerate(env):  # seeds reach the environments by the host alone
            copy.reset(seed=seed + i)
            copy.action_space.seed(seed + i)
    assert_equal(ours.reset(), theirs.reset())
    ended = truncated = 0
    for _ in range(150):
        actions = np.stack([copy.action_space.sample() for copy in theirs.envs])
        (obs, rewards, dones, infos), expected = ours.step(actions), theirs.step(actions)
        assert_equal(obs, expected[0])
        assert_equal(rewards, expected[1])
        assert_equal(dones, expected[2])
        for done, info, wanted in zip(dones, infos, expected[3], strict=True):
            assert info.get("TimeLimit.truncated", False) == wanted["TimeLimit.truncated"]
            assert ("terminal_observation" in info) == done
            if done:
                last = info["terminal_observation"]
                wanted_last = wanted["terminal_observation"]
                pairs = last.items() if isinstance(last, dict) else [(None, last)]
                for key, value in pairs:
                    np.testing.assert_array_equal(value, wanted_last[key] if key else wanted_last)
                assert info["episode"]["r"] == wanted["episode"]["r"]
                assert info["episode"]["l"] == wanted["episode"]["l"]
                assert info.get("is_success", False) == wanted.get("is_success", False)
                ended, truncated = ended + 1, truncated + info["TimeLimit.truncated"]
    assert ours.episodes == ended > 3
    assert truncated > 0 or make is cartpole


def test_spaces_are_copies() -> None:
    env = HostVecEnv(gym.spaces.Box(0, 1, (2,)), space := gym.spaces.Discrete(3), 1)
    space.seed(0)
    before = space.np_random.bit_generator.state
    env.action_space.seed(5)
    env.action_space.sample()
    assert space.np_random.bit_generator.state == before


def test_methods_and_attributes_are_those_of_the_copies() -> None:
    env = adapter(Reach, 2)
    goals = np.zeros((4, 2))
    assert env.env_method("compute_reward", goals, goals, {}, indices=[0])[0].tolist() == [0] * 4
    assert env.has_attr("compute_reward")
    assert not env.has_attr("action_masks")
    assert env.env_is_wrapped(Monitor) == [False, False]
    assert adapter(Reach, 1, monitored=True).env_is_wrapped(Monitor) == [True]
    assert not isinstance(env, VecMonitor)
    env.set_attr("goal", "here")
    assert env.get_attr("goal", 1) == ["here"]


def test_other_modes_of_autoreset_are_refused() -> None:
    host = SyncVectorEnv([cartpole], autoreset_mode=AutoresetMode.NEXT_STEP)
    env = HostVecEnv(host.single_observation_space, host.single_action_space, 1)
    with pytest.raises(ZooError, match=r"autoreset mode AutoresetMode.NEXT_STEP"):
        env.attach(host)


def test_other_spaces_are_refused() -> None:
    env = adapter(cartpole, 1)
    host = SyncVectorEnv([pendulum], autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(ZooError, match="are not those that the algorithm was made for"):
        env.attach(host)


def test_before_there_is_an_environment() -> None:
    env = HostVecEnv(gym.spaces.Box(0, 1, (2,)), gym.spaces.Discrete(3), 2)
    assert not env.has_attr("action_masks")
    with pytest.raises(RuntimeError, match="no environment"):
        env.reset()
    env.close()

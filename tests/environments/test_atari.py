"""Against Stable-Baselines3's `AtariWrapper`, on games with and without FIRE and lives."""

import gymnasium as gym
import numpy as np
import pytest

from zoo.environments.atari import ClipReward, EpisodicLife
from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make, make_evaluation, make_vector
from zoo.errors import ZooError

from .environments import Lives

TRAINING = (("atari", {}), ("atari-episodic-life", {}), ("atari-clip-reward", {}))


@pytest.fixture
def atari_wrapper():
    pytest.importorskip("ale_py")
    pytest.importorskip("cv2")
    pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.atari_wrappers import AtariWrapper

    return AtariWrapper


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env_id", "kwargs", "steps"),
    [
        ("PongNoFrameskip-v4", {}, 150),
        ("BreakoutNoFrameskip-v4", {}, 400),
        ("ALE/SpaceInvaders-v5", {"frameskip": 1}, 300),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_preprocessing_equals_sb3(atari_wrapper, env_id, kwargs, steps, training):
    ours = make(EnvironmentConfig(env_id, kwargs, TRAINING), training=training)
    theirs = atari_wrapper(
        gym.make(env_id, **kwargs), terminal_on_life_loss=training, clip_reward=training
    )
    assert ours.observation_space == theirs.observation_space
    np.testing.assert_array_equal(ours.reset(seed=7)[0], theirs.reset(seed=7)[0])
    ours.action_space.seed(0)
    ends = 0
    for _ in range(steps):
        action = ours.action_space.sample()
        one, other = ours.step(action), theirs.step(action)
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:4] == other[1:4]
        if one[2] or one[3]:
            ends += 1
            np.testing.assert_array_equal(ours.reset()[0], theirs.reset()[0])
    assert ends > 1 or "Pong" in env_id or not training


@pytest.mark.slow
def test_evaluation_has_whole_games_and_raw_rewards(atari_wrapper):
    config = EnvironmentConfig("BreakoutNoFrameskip-v4", {}, (*TRAINING, ("frame-stack", {})))
    env = make_evaluation(config, 1, seed=0)
    assert env.reset()[0].shape == (1, 84, 84, 4)
    lives = []
    for _ in range(1000):
        _, _, terminations, _, infos = env.step(env.action_space.sample())
        if terminations[0]:
            lives.append(infos["final_info"]["lives"][0])
    assert lives
    assert not any(lives)


@pytest.mark.slow
def test_an_episode_over_lost_lives_is_replayed(atari_wrapper):
    config = EnvironmentConfig("BreakoutNoFrameskip-v4", {}, (*TRAINING, ("frame-stack", {})))
    env = make_vector(config, 2, seed=3)
    env.reset()
    lost = np.zeros(2, int)
    while not lost.all():
        lost += env.step(env.action_space.sample())[2]
    for _ in range(10):
        env.step(env.action_space.sample())
    assert not env.take_episodes()  # lives were lost, no game
    again = make_vector(config, 2, seed=8)
    assert again.load_state(env.state()).all()
    assert again.reset()[1]["resumed"].all()
    for _ in range(300):
        actions = env.action_space.sample()
        np.testing.assert_array_equal(actions, again.action_space.sample())
        one, other = env.step(actions), again.step(actions)
        for left, right in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(left, right)
    finished = env.take_episodes()
    assert finished
    assert finished == again.take_episodes()


def test_v5_ids_must_not_skip_frames_twice(atari_wrapper):
    with pytest.raises(ZooError, match=r"env_kwargs: \{frameskip: 1\}"):
        make(EnvironmentConfig("ALE/Pong-v5", wrappers=(("atari", {}),)))


@pytest.mark.parametrize("wrapper", ["atari", "atari-episodic-life"])
def test_other_environments_are_refused(wrapper):
    with pytest.raises(ZooError, match="CartPole-v1 is none"):
        make(EnvironmentConfig("CartPole-v1", wrappers=((wrapper, {}),)), training=True)


def test_a_lost_life_ends_the_episode_but_not_the_game():
    env = EpisodicLife(Lives(end=10))
    env.reset(seed=0)
    ends = [env.step(0)[2] for _ in range(3)]
    assert ends == [False, False, True]
    observation, _ = env.reset()
    assert observation[0] == 4  # one frame on, not a new game
    assert [env.step(0)[2] for _ in range(2)] == [False, True]
    env.reset()
    assert [env.step(0)[2] for _ in range(2)] == [False, True]
    assert env.reset()[0][0] == 0  # the frame after was the last: a new game


def test_only_the_sign_of_a_reward_is_kept():
    env = ClipReward(Lives())
    assert [env.reward(reward) for reward in (-3.5, 0, 200)] == [-1.0, 0.0, 1.0]

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make, make_vector
from zoo.environments.wrappers import (
    FrameSkip,
    FrameStack,
    History,
    HistoryDict,
    MaskVelocity,
    ResizeObservation,
    TimeFeature,
    TruncatedOnSuccess,
)
from zoo.errors import ZooError

from .environments import Continuous, Counter


class Frames(gym.Env):
    """Shows images whose pixels all equal the number of steps."""

    def __init__(self, shape=(5, 6, 2), end=4):
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.action_space = spaces.Discrete(2)
        self.end = end

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.frame(), {}

    def step(self, action):
        self.steps += 1
        return self.frame(), 1.0, self.steps == self.end, False, {}

    def frame(self):
        return np.full(self.observation_space.shape, self.steps + 1, np.uint8)


class Goal(Continuous):
    """A goal-conditioned environment: the entry `observation` is the position."""

    def __init__(self):
        super().__init__()
        box = spaces.Box(-np.inf, np.inf, (2,))
        self.observation_space = spaces.Dict({"goal": box, "observation": box})

    def _observe(self):
        return {"goal": np.ones(2, np.float32), "observation": self.sum.astype(np.float32)}

    def step(self, action):
        observation, reward, terminated, truncated, _ = super().step(action)
        return observation, reward, terminated, truncated, {"is_success": self.sum[0] > 0}

    def compute_reward(self, achieved, desired, info):
        return -float(np.sum(np.abs(achieved - desired)))


def stable_baselines3():
    return pytest.importorskip("stable_baselines3")


# -- frame-stack -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "factory",
    [
        Counter,
        Frames,
        lambda: Frames((2, 5, 6)),
        lambda: Frames((1, 4, 4)),
        Goal,
    ],
)
def test_frame_stack_equals_sb3(factory):
    stable_baselines3()
    from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

    theirs = VecFrameStack(DummyVecEnv([factory]), 3)
    ours = FrameStack(factory(), n=3)
    assert ours.observation_space == theirs.observation_space
    theirs.seed(3)
    assert_same(ours.reset(seed=3)[0], theirs.reset())
    ours.action_space.seed(0)
    for _ in range(11):
        action = ours.action_space.sample()
        observation, reward, terminated, truncated, _ = ours.step(action)
        expected, rewards, dones, infos = theirs.step(np.array([action]))
        assert (reward, terminated or truncated) == (pytest.approx(rewards[0]), dones[0])
        if dones[0]:
            assert_same(observation, infos[0]["terminal_observation"], batched=False)
            observation, _ = ours.reset()
        assert_same(observation, expected)


def test_frame_stack_leaves_earlier_observations_alone():
    env = FrameStack(Frames(), n=2)
    first, _ = env.reset()
    copy = first.copy()
    env.step(0)
    env.step(0)
    np.testing.assert_array_equal(first, copy)


def test_frame_stack_refuses_discrete_observations():
    with pytest.raises(ZooError, match="needs observations that are a Box"):
        make(EnvironmentConfig("FrozenLake-v1", wrappers=(("frame-stack", {"n": 4}),)))


# -- the others --------------------------------------------------------------------------------


def test_frame_skip_sums_rewards_and_stops_at_the_end():
    env = FrameSkip(Counter(end=5), skip=3)
    env.reset(seed=0)
    assert env.step(2)[1:4] == (6.0, False, False)
    assert env.step(1)[1:4] == (2.0, True, False)


def test_history_worked_by_hand():
    env = History(gym.make("MountainCarContinuous-v0"), horizon=2)
    start, _ = env.reset(seed=0)
    x0, v0 = start[2:4]
    np.testing.assert_array_equal(start, np.array([0, 0, x0, v0, 0, 0], np.float32))
    first = env.step(np.array([0.5], np.float32))[0]
    np.testing.assert_array_equal(first[:2], [x0, v0])
    np.testing.assert_array_equal(first[4:], [0, 0.5])
    second = env.step(np.array([-1.0], np.float32))[0]
    np.testing.assert_array_equal(second[:2], first[2:4])
    np.testing.assert_array_equal(second[4:], [0.5, -1.0])
    assert second.shape == env.observation_space.shape == (6,)
    assert second.dtype == np.float32
    np.testing.assert_array_equal(env.reset(seed=0)[0], start)


def test_history_dict_changes_one_entry():
    env = HistoryDict(Goal(), horizon=3)
    env.reset(seed=0)
    observation = env.step(np.array([0.5, -0.5], np.float32))[0]
    np.testing.assert_array_equal(observation["goal"], [1, 1])
    assert observation["observation"].shape == (12,)
    np.testing.assert_allclose(observation["observation"][4:6], np.pi * np.array([0.5, -0.5]))
    np.testing.assert_array_equal(observation["observation"][-2:], [0.5, -0.5])
    assert env.observation_space.contains(observation)
    assert env.observation_space["observation"].shape == (12,)


@pytest.mark.parametrize("wrapper", ["history", "history-dict"])
def test_history_refuses_what_it_cannot_stack(wrapper):
    with pytest.raises(ZooError, match=f"'{wrapper}' needs"):
        make(EnvironmentConfig("CartPole-v1", wrappers=((wrapper, {}),)))


@pytest.mark.parametrize(
    ("factory", "kwargs"),
    [
        (lambda: gym.make("Pendulum-v1"), {}),
        (lambda: gym.make("Pendulum-v1"), {"test_mode": True}),
        (lambda: Counter(dtype="float64"), {"max_steps": 10}),
        (Goal, {"max_steps": 50}),
    ],
)
def test_time_feature_equals_sb3_contrib(factory, kwargs):
    pytest.importorskip("sb3_contrib")
    from sb3_contrib.common.wrappers import TimeFeatureWrapper

    theirs, ours = TimeFeatureWrapper(factory(), **kwargs), TimeFeature(factory(), **kwargs)
    assert ours.observation_space == theirs.observation_space
    assert_same(ours.reset(seed=1)[0], theirs.reset(seed=1)[0], batched=False)
    ours.action_space.seed(0)
    for _ in range(4):
        action = ours.action_space.sample()
        assert_same(ours.step(action)[0], theirs.step(action)[0], batched=False)


def test_time_feature_falls_from_one():
    env = TimeFeature(gym.make("Pendulum-v1"))
    assert env.reset(seed=0)[0][-1] == 1
    assert env.step(np.zeros(1, np.float32))[0][-1] == np.float32(1 - 1 / 200)


def test_truncated_on_success_wants_successes_in_a_row():
    env = TruncatedOnSuccess(Goal(), reward_offset=10.0, n_successes=2)
    env.reset(seed=0)
    up, down = np.array([0.1, 0], np.float32), np.array([-0.25, 0], np.float32)
    # at 0.1, -0.15, -0.05, 0.05 and 0.15 times pi
    ends = [env.step(action)[3] for action in (up, down, up, up, up)]
    assert ends == [False, False, False, False, True]
    assert env.compute_reward(np.zeros(2), np.ones(2), {}) == 8.0
    env.reset(seed=0)
    step = env.step(up)
    assert step[1] == pytest.approx(0.1 * np.pi + 10)
    assert step[3] is False


def test_mask_velocity_hides_them_in_every_version():
    env = MaskVelocity(gym.make("CartPole-v1"))
    plain = gym.make("CartPole-v1")
    hidden, shown = env.reset(seed=0)[0], plain.reset(seed=0)[0]
    np.testing.assert_array_equal(hidden, shown * [1, 0, 1, 0])
    assert hidden.dtype == np.float32


def test_mask_velocity_needs_indices_for_other_environments():
    with pytest.raises(ZooError, match="indices"):
        MaskVelocity(gym.make("Acrobot-v1"))
    env = MaskVelocity(gym.make("Acrobot-v1"), indices=[4, 5])
    assert not env.reset(seed=0)[0][4:].any()


def test_resize_observation_takes_a_list():
    pytest.importorskip("cv2")
    env = ResizeObservation(Frames((20, 20, 3)), shape=[10, 12])
    assert env.reset(seed=0)[0].shape == env.observation_space.shape == (10, 12, 3)


@pytest.mark.parametrize(
    "wrappers",
    [
        (("frame-stack", {"n": 2}),),
        (("time-feature", {}), ("frame-stack", {"n": 3})),
        (("frame-skip", {"skip": 2}), ("mask-velocity", {})),
        (("time-limit", {"max_episode_steps": 20}), ("flatten-dict-observation", {})),
    ],
)
def test_wrappers_by_name_give_members_of_their_space_and_can_be_replayed(wrappers):
    config = EnvironmentConfig("CartPole-v1", wrappers=wrappers)
    env = make_vector(config, 2, seed=0)
    env.reset()
    for _ in range(33):
        observations = env.step(env.action_space.sample())[0]
        assert env.observation_space.contains(observations)
    again = make_vector(config, 2, seed=1)
    assert again.load_state(env.state()).all()
    np.testing.assert_array_equal(again.reset()[0], observations)


def assert_same(ours, theirs, *, batched=True):
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert_same(ours[key], theirs[key], batched=batched)
        return
    theirs = theirs[0] if batched else theirs
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype

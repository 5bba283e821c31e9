import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

from zoo.environments.episodes import ActionLog, FreshWorld, SeededEpisodes, keeps_its_world

from .environments import Counter


def test_every_reset_has_the_next_seed_of_the_generator():
    env = SeededEpisodes(Counter())
    env.rng = np.random.default_rng(4)
    expected = np.random.default_rng(4)
    for _ in range(3):
        seed = int(expected.integers(1 << 31))
        other = Counter()
        np.testing.assert_array_equal(env.reset()[0], other.reset(seed=seed)[0])


def test_an_explicit_seed_determines_the_seeds_after_it():
    env = SeededEpisodes(Counter())
    first = [env.reset(seed=9)[1], env.reset()[1], env.reset()[1]]
    assert first == [env.reset(seed=9)[1], env.reset()[1], env.reset()[1]]
    assert len({info["drawn"] for info in first}) == 3


def test_raw_returns_and_lengths_of_whole_episodes():
    env = SeededEpisodes(Counter(end=3))
    env.reset()
    for action in (1, 2, 2):
        env.step(action)
    env.reset()
    env.step(1)
    assert env.finished == [(5.0, 3)]
    assert (env.total, env.length) == (1.0, 1)


def test_an_episode_that_a_wrapper_ends_is_counted_at_the_reset():
    inner = SeededEpisodes(Counter(end=5))
    env = TimeLimit(inner, 2)
    env.reset()
    env.step(1)
    env.step(1)
    assert inner.finished == []
    env.reset()
    assert inner.finished == [(2.0, 2)]
    env.step(1)
    inner.abandoned = True
    env.reset()
    assert inner.finished == [(2.0, 2)]


def test_returns_are_summed_in_double_precision():
    class Small(Counter):
        def step(self, action):
            observation, _, terminated, truncated, info = super().step(action)
            return observation, np.float32(0.1), terminated, truncated, info

    env = SeededEpisodes(Small(end=1000))
    env.reset()
    for _ in range(1000):
        env.step(0)
    assert env.finished == [(pytest.approx(float(np.float32(0.1)) * 1000, abs=1e-9), 1000)]


@pytest.mark.parametrize(
    ("space", "dtype"),
    [
        (spaces.Discrete(4), np.uint8),
        (spaces.Discrete(3, start=-1), np.int8),
        (spaces.Discrete(1000), np.uint16),
        (spaces.MultiDiscrete([3, 300]), np.uint16),
        (spaces.MultiBinary(3), np.uint8),
        (spaces.Box(-1, 1, (2,)), np.float32),
    ],
)
def test_actions_are_kept_small_and_come_back_as_they_were(space, dtype):
    log = ActionLog(space, 3)
    space.seed(0)
    passed = []
    for _ in range(10_000):
        actions = np.stack([space.sample() for _ in range(3)])
        log.append(actions)
        passed.append(actions)
    state = log.state()
    assert {block.dtype for block in state["blocks"]} == {np.dtype(dtype)}
    assert len(state["blocks"]) < 8
    back = list(log.actions(1))
    np.testing.assert_array_equal(back, [actions[1] for actions in passed])
    assert all(one.dtype == passed[0].dtype for one in back)
    assert type(back[0]) is type(passed[0][1])


def test_only_what_the_oldest_episode_needs_is_kept():
    log = ActionLog(spaces.Box(-1, 1, (8,)), 2)
    actions = np.ones((2, 8), np.float32)
    for step in range(30_000):
        log.append(actions)
        if step % 100 == 99:
            log.began(0)
            log.began(1)
    kept = sum(block.nbytes for block, _ in log._blocks) + log._block.nbytes
    assert kept < 500_000
    assert log.state()["blocks"] == []
    log.append(actions)
    assert [len(block) for block in log.state()["blocks"]] == [1]
    assert len(list(log.actions(0))) == 1


def test_episodes_that_begin_at_different_steps_across_blocks_and_dtypes():
    log = ActionLog(spaces.Box(-1, 1, (1,)), 2)
    for step in range(5_000):
        dtype = np.float32 if step < 3_000 else np.float64
        log.append(np.full((2, 1), step, dtype))
        if step == 2_499:
            log.began(0)
        if step == 4_499:
            log.began(1)
    for source in (log, reloaded(log)):
        first, second = list(source.actions(0)), list(source.actions(1))
        assert [int(action[0]) for action in first] == list(range(2_500, 5_000))
        assert [int(action[0]) for action in second] == list(range(4_500, 5_000))
        assert (first[499].dtype, first[500].dtype) == (np.float32, np.float64)


def test_a_loaded_log_goes_on():
    log = ActionLog(spaces.Discrete(5), 1)
    for action in (1, 2):
        log.append(np.array([action]))
    log.resets[0].append(2)
    again = reloaded(log)
    for action in (3, 4):
        again.append(np.array([action]))
    assert [int(action) for action in again.actions(0)] == [1, 2, 3, 4]
    assert again.resets == [[2]]
    assert [int(action) for action in reloaded(again).actions(0)] == [1, 2, 3, 4]


def reloaded(log):
    other = ActionLog(spaces.Discrete(5), log.n)
    other.compact = log.compact
    other.load_state(log.state())
    return other


@pytest.mark.parametrize("env_id", ["BipedalWalker-v3", "CarRacing-v3"])
def test_earlier_episodes_leave_no_trace_in_a_fresh_world(env_id):
    pytest.importorskip("Box2D")
    used, new = (gym.make(env_id) for _ in range(2))
    assert keeps_its_world(used)
    used, new = FreshWorld(used), FreshWorld(new)
    used.action_space.seed(0)
    actions = [used.action_space.sample() for _ in range(60 if "Walker" in env_id else 5)]
    for env, seeds in ((used, (1, 2, 3)), (new, (3,))):
        for seed in seeds:
            env.reset(seed=seed)
            shown = [env.step(action)[0] for action in actions]
        if env is used:
            expected = shown
    np.testing.assert_array_equal(shown, expected)


def test_most_environments_need_no_fresh_world():
    assert not keeps_its_world(gym.make("CartPole-v1"))

"""Training environments go on, bit for bit, from a state that was saved, or start afresh."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

from zoo.environments.atari import EpisodicLife
from zoo.environments.config import EnvironmentConfig
from zoo.environments.episodes import SeededEpisodes
from zoo.environments.make import make_vector, vectorize
from zoo.errors import ZooError

from .environments import Continuous, Counter, Hidden, Lives, Remembering, Unrepeatable
from .playing import assert_same, play


def assert_continues(make_env, *, before, after, exact=True):
    """Restore a state in another vector environment and compare what follows."""
    env = make_env(1)
    env.reset()
    play(env, before)
    env.take_episodes()
    again = make_env(2)
    assert again.load_state(env.state()).all() == exact
    observations, infos = again.reset()
    assert infos["resumed"].dtype == np.bool_
    assert infos["resumed"].all() == exact
    assert_same(observations, env._batch(env._env_obs))
    assert again.take_episodes() == []
    assert_same(play(env, after), play(again, after))
    assert_same(env.take_episodes(), again.take_episodes())


@pytest.mark.parametrize(
    ("env_id", "package", "kwargs", "before", "after"),
    [
        ("CartPole-v1", "gymnasium", {}, 107, 60),
        ("Pendulum-v1", "pygame", {}, 250, 190),
        ("FrozenLake-v1", "gymnasium", {}, 50, 50),
        ("Blackjack-v1", "gymnasium", {}, 51, 30),
        ("Taxi-v4", "gymnasium", {}, 230, 30),
        ("LunarLander-v3", "Box2D", {}, 130, 150),
        ("LunarLander-v3", "Box2D", {"continuous": True, "enable_wind": True}, 40, 100),
        ("BipedalWalker-v3", "Box2D", {}, 220, 100),
        ("HalfCheetah-v5", "mujoco", {}, 120, 50),
        ("Hopper-v5", "mujoco", {}, 77, 60),
    ],
)
def test_an_episode_goes_on_bit_for_bit(env_id, package, kwargs, before, after):
    pytest.importorskip(package)
    config = EnvironmentConfig(env_id, kwargs)
    assert_continues(lambda seed: make_vector(config, 3, seed=seed), before=before, after=after)


@pytest.mark.parametrize("factory", [Counter, Continuous, lambda: TimeLimit(Counter(end=9), 4)])
@pytest.mark.parametrize("before", range(7))
def test_at_every_step_of_an_episode(factory, before):
    assert_continues(lambda seed: vectorize([factory] * 2, seed=seed), before=before, after=20)


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4, 5, 9, 10, 11, 14, 31])
def test_over_lost_lives(before):
    def make_inside(seed):
        # raw episodes are measured inside the wrapper, as make_vector arranges it
        return vectorize([lambda: EpisodicLife(SeededEpisodes(Lives(end=11)))] * 2, seed=seed)

    assert_continues(make_inside, before=before, after=40)


def test_the_state_is_a_tree_of_json_and_arrays():
    env = vectorize([Continuous] * 2, seed=0)
    env.reset()
    play(env, 5)

    def check(tree):
        if isinstance(tree, dict):
            assert all(isinstance(key, str) for key in tree)
            for value in tree.values():
                check(value)
        elif isinstance(tree, list):
            for value in tree:
                check(value)
        elif isinstance(tree, np.ndarray):
            assert tree.dtype != object
        else:
            assert json.loads(json.dumps(tree)) == tree
            assert isinstance(tree, bool | int | float | str | None)

    check(env.state())


def test_a_state_survives_the_disk(tmp_path):
    tree = pytest.importorskip("zoo.storage.tree")

    def make_env(seed):
        return vectorize([Counter, Counter], seed=seed)

    env, again = make_env(1), make_env(2)
    env.reset()
    play(env, 8)
    (tmp_path / "state").mkdir()
    tree.save_tree(tmp_path / "state", env.state())
    assert again.load_state(tree.load_tree(tmp_path / "state")).all()
    again.reset()
    assert_same(play(env, 12), play(again, 12))


def counters(steps):
    """Return two copies of Counter that have been stepped so often."""
    env = vectorize([Counter] * 2, seed=1)
    env.reset()
    play(env, steps)
    return env


def test_a_state_is_not_changed_by_what_follows():
    env = counters(3)
    state = env.state()
    following = play(env, 14)
    again = vectorize([Counter] * 2, seed=2)
    assert again.load_state(state).all()
    again.reset()
    assert_same(play(again, 14), following)


def test_an_environment_can_go_back_to_its_own_state():
    env = counters(13)
    state = env.state()
    following = play(env, 14)
    assert env.load_state(state).all()
    assert env.reset()[1]["resumed"].all()
    assert_same(play(env, 14), following)


def test_a_loaded_state_can_be_saved_before_the_reset():
    state = counters(3).state()
    again = vectorize([Counter] * 2, seed=2)
    again.load_state(state)
    assert_same(again.state(), state)


def test_before_the_first_reset_nothing_is_lost():
    env, again = (vectorize([Counter] * 2, seed=seed) for seed in (1, 2))
    assert again.load_state(env.state()).all()
    expected, resumed = env.reset(), again.reset()
    assert "resumed" not in resumed[1]
    assert_same(resumed, expected)


def test_a_plain_reset_says_nothing_of_resuming():
    env = vectorize([Counter], seed=0)
    assert "resumed" not in env.reset()[1]
    env.load_state(env.state())
    assert "resumed" in env.reset()[1]
    assert "resumed" not in env.reset()[1]


def test_a_seed_overrides_what_was_loaded():
    env = vectorize([Counter] * 2, seed=0)
    env.reset()
    env.load_state(env.state())
    observations, infos = env.reset(seed=3)
    assert "resumed" not in infos
    np.testing.assert_array_equal(observations, vectorize([Counter] * 2, seed=9).reset(seed=3)[0])


@pytest.mark.parametrize("kind", [Unrepeatable, Hidden])
def test_what_does_not_repeat_itself_starts_afresh(kind):
    env = vectorize([Counter, kind], seed=1)
    env.reset()
    play(env, 3)
    again = vectorize([Counter, kind], seed=2)
    assert again.load_state(env.state()).tolist() == [True, False]
    observations, infos = again.reset()
    assert infos["resumed"].tolist() == [True, False]
    assert observations[:, 0].tolist() == [3, 0]
    # with the seed that its generator would have drawn next
    assert observations[1, 1] == pytest.approx(env._reset_copy(1)[0][1])
    play(again, 2)
    assert again.take_episodes()[0][1] == 5
    assert len(again.take_episodes()) == 0


def test_memory_over_episodes_starts_afresh():
    env = vectorize([Remembering], seed=1)
    env.reset()
    play(env, 12)
    assert vectorize([Remembering], seed=2).load_state(env.state()).tolist() == [False]


def test_an_environment_that_says_so_starts_afresh():
    gym.register("Chaos-v0", entry_point=Counter, nondeterministic=True)
    try:
        env = make_vector(EnvironmentConfig("Chaos-v0"), 1, seed=1)
        env.reset()
        again = make_vector(EnvironmentConfig("Chaos-v0"), 1, seed=1)
        assert again.load_state(env.state()).tolist() == [False]
    finally:
        gym.registry.pop("Chaos-v0")


def test_an_environment_that_fails_in_the_replay_starts_afresh():
    env = vectorize([Counter], seed=1)
    env.reset()
    play(env, 4)
    again = vectorize([lambda: Counter(fail_at=2)], seed=1)
    assert again.load_state(env.state()).tolist() == [False]
    assert again.reset()[1]["resumed"].tolist() == [False]


def test_an_environment_that_has_changed_starts_afresh():
    env = vectorize([lambda: Counter(end=9)], seed=1)
    env.reset()
    play(env, 7)
    assert vectorize([lambda: Counter(end=6)], seed=1).load_state(env.state()).tolist() == [False]


def test_a_reset_with_options_is_not_replayed():
    env = vectorize([Counter] * 2, seed=1)
    env.reset(options={"difficulty": 3})
    play(env, 3)
    assert not vectorize([Counter] * 2, seed=1).load_state(env.state()).any()
    play(env, 3)
    assert vectorize([Counter] * 2, seed=1).load_state(env.state()).all()


def test_actions_that_are_no_array_start_afresh():
    class Pairs(Counter):
        def __init__(self):
            super().__init__()
            self.action_space = spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2)))

        def step(self, action):
            return super().step(action[0] + action[1])

    env = vectorize([Pairs] * 2, seed=1)
    env.reset()
    play(env, 2)
    again = vectorize([Pairs] * 2, seed=2)
    assert not again.load_state(env.state()).any()
    assert again.reset()[0][:, 0].tolist() == [0, 0]
    assert_same(env.action_space.sample(), again.action_space.sample())


def test_another_number_of_copies_is_refused():
    state = vectorize([Counter] * 2, seed=1).state()
    with pytest.raises(ZooError, match="state of 2 copies of Counter does not fit 3"):
        vectorize([Counter] * 3, seed=1).load_state(state)


def test_the_streams_of_the_action_spaces_are_restored():
    env = vectorize([Counter] * 2, seed=1)
    env.reset()
    [space.sample() for space in (env.action_space, env.single_action_space) for _ in range(5)]
    again = vectorize([Counter] * 2, seed=2)
    again.load_state(env.state())
    for name in ("action_space", "single_action_space"):
        ours, theirs = getattr(again, name), getattr(env, name)
        assert_same([ours.sample() for _ in range(9)], [theirs.sample() for _ in range(9)])


def test_episodes_not_taken_yet_are_restored():
    env = vectorize([Counter], seed=0)
    env.reset()
    for _ in range(7):
        env.step(np.array([2]))
    again = vectorize([Counter], seed=0)
    again.load_state(env.state())
    assert again.take_episodes() == [(10.0, 5)]


def test_the_episode_under_way_keeps_its_return():
    env = vectorize([Counter], seed=0)
    env.reset()
    for _ in range(3):
        env.step(np.array([2]))
    again = vectorize([Counter], seed=0)
    again.load_state(env.state())
    again.reset()
    for _ in range(2):
        again.step(np.array([1]))
    assert again.take_episodes() == [(8.0, 5)]

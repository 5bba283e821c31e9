"""Training environments: seeds, episodes, and copies that are made in other processes."""

import importlib
import os
import pickle
import random
import subprocess
import sys

import gymnasium as gym
import numpy as np

from zoo.environments.config import EnvironmentConfig
from zoo.environments.ids import resolve
from zoo.environments.make import make_vector, vectorize

from .environments import Counter
from .playing import assert_same, play

# -- seeds -------------------------------------------------------------------------------------


def test_the_seed_determines_all_episodes():
    runs = []
    for seed in (1, 1, 2):
        env = vectorize([Counter] * 2, seed=seed)
        runs.append([env.reset(), *play(env, 17)])
    assert_same(runs[0], runs[1])
    drawn = [
        {*run[0][0][:, 1].tolist(), *(x for step in run[1:] for x in step[1][:, 1])} for run in runs
    ]
    assert len(drawn[0]) == 8
    assert not drawn[0] & drawn[2]


def test_an_explicit_seed_determines_what_follows():
    one, other = (vectorize([Counter] * 2, seed=seed) for seed in (1, 2))
    assert_same(one.reset(seed=5), other.reset(seed=5))
    actions = [np.ones(2, np.int64)] * 13
    assert_same([one.step(a) for a in actions], [other.step(a) for a in actions])


def test_spaces_are_seeded():
    one, other = (make_vector(EnvironmentConfig("CartPole-v1"), 3, seed=4) for _ in range(2))
    for name in ("action_space", "single_action_space", "observation_space"):
        assert_same(getattr(one, name).sample(), getattr(other, name).sample())


def test_no_global_generator_is_touched():
    random.seed(0)
    np.random.seed(0)
    before = random.getstate(), np.random.get_state()[1].tolist()
    env = make_vector(EnvironmentConfig("CartPole-v1"), 2, seed=0)
    env.reset()
    play(env, 50)
    vectorize([lambda: gym.make("CartPole-v1")] * 2, seed=1).load_state(env.state())
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


# -- episodes ------------------------------------------------------------------------------------


def test_finished_episodes_are_taken_once():
    env = vectorize([lambda: Counter(end=2), lambda: Counter(end=3)], seed=0)
    env.reset()
    for _ in range(4):
        env.step(np.array([1, 2]))
    assert env.take_episodes() == [(2.0, 2), (6.0, 3), (2.0, 2)]
    assert env.take_episodes() == []


def test_an_episode_that_is_broken_off_is_not_counted():
    env = vectorize([Counter], seed=0)
    env.reset()
    env.step(np.array([1]))
    env.reset()
    for _ in range(5):
        env.step(np.array([1]))
    assert env.take_episodes() == [(5.0, 5)]


def test_returns_are_measured_inside_the_wrappers():
    config = EnvironmentConfig(
        "CartPole-v1", {}, (("truncated-on-success", {"reward_offset": -5.0}),)
    )
    env = make_vector(config, 2, seed=0)
    env.reset()
    rewards = [step[2] for step in play(env, 60)]
    assert (np.array(rewards) == -4).all()
    assert all(total == length for total, length in env.take_episodes())


def test_a_long_episode_stays_compact():
    env = vectorize([lambda: Counter(end=10**9)], seed=0)
    env.reset()
    actions = np.array([1])
    for _ in range(40_000):
        env.step(actions)
    assert sum(block.nbytes for block in env.state()["log"]["blocks"]) == 40_000


def test_modules_import_no_simulator():
    import subprocess
    import sys

    code = (
        "import sys, zoo.environments.make;"
        "print([m for m in ('mujoco', 'ale_py', 'pygame', 'torch', 'cv2') if m in sys.modules])"
    )
    importlib.import_module("zoo.environments.make")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"


# -- elsewhere ---------------------------------------------------------------------------------


def unpickled_elsewhere(build):
    """Return what a part of the copies comes to after its way to another process and there."""
    return pickle.loads(pickle.dumps(build))()


def test_copies_made_elsewhere_are_the_same_environment_with_episodes_by_another_seed():
    config = EnvironmentConfig("CartPole-v1", {"sutton_barto_reward": True})
    whole = make_vector(config, 3, seed=0)
    part = unpickled_elsewhere(whole.elsewhere([1, 2], seed=7))
    again = make_vector(config, 2, seed=7)
    assert (part.num_envs, part.name) == (2, "CartPole-v1")
    assert_same(part.reset(), again.reset())
    actions = np.array([0, 1])
    for _ in range(60):
        assert_same(part.step(actions), again.step(actions))
    episodes = part.take_episodes()
    assert len(episodes) > 2
    assert not whole.take_episodes()
    whole.add_episodes(episodes)
    assert whole.take_episodes() == episodes
    assert whole.take_episodes() == []


def test_an_environment_of_a_file_is_known_elsewhere_if_it_was_allowed_here(tmp_path):
    file = tmp_path / "game.py"
    file.write_text(
        "import gymnasium as gym\nfrom tests.environments.environments import Counter\n"
        "class Game(Counter):\n    pass\n"
    )
    reference = f"{file}:Game"
    resolve(reference)
    build = make_vector(EnvironmentConfig(reference), 2, seed=0).elsewhere([0], seed=1)
    code = (
        "import pickle, sys\n"
        "env = pickle.load(sys.stdin.buffer)()\n"
        "print(env.reset()[0].shape, type(env.envs[0].unwrapped).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(build), capture_output=True, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.stdout.decode().split("\n")[0] == "(1, 3) Game", done.stderr.decode()


def test_an_id_that_only_this_process_has_registered_is_known_elsewhere():
    gym.register("Elsewhere-v0", entry_point=Counter)
    try:
        build = pickle.dumps(make_vector(EnvironmentConfig("Elsewhere-v0"), 1, seed=0)
                             .elsewhere([0], seed=1))  # fmt: skip
        del gym.registry["Elsewhere-v0"]
        assert pickle.loads(build)().reset()[0].shape == (1, 3)
    finally:
        gym.registry.pop("Elsewhere-v0", None)

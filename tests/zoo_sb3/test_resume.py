"""Training that is interrupted and continued, bit for bit what it would have been."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from tests.zoo_sb3.learners import (
    Doors,
    MakeEnv,
    Reach,
    cartpole,
    differing,
    learner,
    pendulum,
    train,
    weights,
)
from zoo import ZooError
from zoo.storage.tree import load_tree, save_tree
from zoo_sb3 import ars, off_policy, on_policy
from zoo_sb3.base import SB3Algorithm

SMALL = {"policy_kwargs": {"net_arch": [16]}}
REPLAY = {"learning_starts": 60, "buffer_size": 200, "batch_size": 16, **SMALL}
HINDSIGHT = {"replay_buffer_class": "her", "replay_buffer_kwargs": {"n_sampled_goal": 3}}
ONCE = {
    "optimize_memory_usage": True,
    "replay_buffer_kwargs": {"handle_timeout_termination": False},
}


def short() -> gym.Env[Any, Any]:
    """CartPole in episodes of 5 steps, so that one ends wherever A2C's rollouts do."""
    return gym.make("CartPole-v1", max_episode_steps=5)


# name: (algorithm, environment, config, copies of the environment, steps before, steps in all)
CASES: dict[str, tuple[type[SB3Algorithm], MakeEnv, dict[str, Any], int, int, int]] = {
    "ppo": (on_policy.PPO, cartpole, {"n_steps": 64, "learning_rate": "lin_1e-3"}, 2, 200, 500),
    "ppo-normalized": (
        on_policy.PPO,
        pendulum,
        {"n_steps": 64, "normalize": True, "use_sde": True},
        2,
        200,
        500,
    ),
    "a2c": (on_policy.A2C, cartpole, {}, 2, 200, 400),
    "a2c-between-episodes": (on_policy.A2C, short, {}, 2, 200, 400),
    "recurrent-ppo-between-episodes": (
        on_policy.RecurrentPPO,
        short,
        {"n_steps": 65, "n_epochs": 2, "policy_kwargs": {"lstm_hidden_size": 8}},
        2,
        100,
        400,
    ),
    "trpo": (on_policy.TRPO, cartpole, {"n_steps": 64, "batch_size": 32}, 2, 200, 400),
    "recurrent-ppo": (
        on_policy.RecurrentPPO,
        cartpole,
        {"n_steps": 64, "n_epochs": 2, "policy_kwargs": {"lstm_hidden_size": 8}},
        2,
        200,
        400,
    ),
    "maskable-ppo": (on_policy.MaskablePPO, Doors, {"n_steps": 64}, 2, 200, 400),
    "dqn": (
        off_policy.DQN,
        cartpole,
        {**REPLAY, "exploration_fraction": 0.9, "target_update_interval": 50},
        1,
        300,
        600,
    ),
    "dqn-n-steps": (off_policy.DQN, cartpole, {**REPLAY, "n_steps": 3}, 2, 300, 600),
    "dqn-one-observation": (off_policy.DQN, cartpole, {**REPLAY, **ONCE}, 1, 150, 600),
    "qrdqn": (off_policy.QRDQN, cartpole, REPLAY, 1, 300, 600),
    "ddpg": (off_policy.DDPG, pendulum, {**REPLAY, "noise_type": "normal"}, 1, 130, 250),
    "td3-ou": (
        off_policy.TD3,
        pendulum,
        {**REPLAY, "noise_type": "ornstein-uhlenbeck", "noise_std": 0.5},
        2,
        250,
        500,
    ),
    "sac-normalized": (off_policy.SAC, pendulum, {**REPLAY, "normalize": True}, 2, 250, 500),
    "sac-gsde": (off_policy.SAC, pendulum, {**REPLAY, "use_sde": True}, 1, 130, 250),
    "sac-fixed": (off_policy.SAC, pendulum, {**REPLAY, "ent_coef": 0.2}, 1, 130, 250),
    "sac-hindsight": (off_policy.SAC, Reach, {**REPLAY, **HINDSIGHT}, 2, 250, 600),
    "tqc": (off_policy.TQC, pendulum, REPLAY, 1, 130, 250),
    "crossq": (off_policy.CrossQ, pendulum, REPLAY, 1, 130, 250),
    "ars": (ars.ARS, cartpole, {"n_delta": 2, "normalize": True, "n_top": 1}, 2, 200, 600),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_resumed_training_is_the_uninterrupted_one(name: str, tmp_path: Path) -> None:
    algorithm_class, make, config, num_envs, before, steps = CASES[name]
    whole, env = learner(algorithm_class, make, config, num_envs=num_envs)
    saved = 0
    for progress in whole.train(env, steps):
        if not saved and before <= progress.steps < steps:
            saved, episodes = progress.steps, progress.episodes
            save(tmp_path, whole, env)
    assert saved, "there was no progress to save"

    again, env = learner(algorithm_class, make, config, num_envs=num_envs, seed=77)
    again.load_state(load_tree(tmp_path / "learner"))
    assert env.load_state(load_tree(tmp_path / "environment")).all()
    rest = list(again.train(env, steps))
    assert rest[0].steps > saved
    assert rest[0].episodes >= episodes
    assert differing(weights(again.model), weights(whole.model)) == []
    assert again.model.num_timesteps == whole.model.num_timesteps
    assert_same(again.state(), whole.state())


def save(place: Path, algorithm: SB3Algorithm, env: Any) -> None:
    for name, owner in (("learner", algorithm), ("environment", env)):
        (place / name).mkdir()
        save_tree(place / name, owner.state())


def assert_same(one: Any, other: Any, at: str = "state") -> None:
    assert type(one) is type(other), at
    if isinstance(one, dict):
        assert one.keys() == other.keys(), at
        for key in one:
            assert_same(one[key], other[key], f"{at}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), at
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{at}.{index}")
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, at
        np.testing.assert_array_equal(one, other, err_msg=at)
    else:
        assert one == other or (one != one and other != other), at


SCRIPT = """
import sys, json, torch
from pathlib import Path
torch.set_num_threads(1)
from tests.zoo_sb3.learners import *
from tests.zoo_sb3.test_resume import CASES
from zoo.storage.tree import load_tree
name, place = sys.argv[1], Path(sys.argv[2])
algorithm_class, make, config, num_envs, before, steps = CASES[name]
again, env = learner(algorithm_class, make, config, num_envs=num_envs)
again.load_state(load_tree(place / "learner"))
env.load_state(load_tree(place / "environment"))
train(again, env, steps)
print(json.dumps({name: array.tobytes().hex() for name, array in weights(again.model).items()}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ppo-normalized", "sac-normalized"])
def test_resumes_in_another_process(name: str, tmp_path: Path) -> None:
    algorithm_class, make, config, num_envs, before, steps = CASES[name]
    whole, env = learner(algorithm_class, make, config, num_envs=num_envs)
    for progress in whole.train(env, steps):
        if progress.steps >= before and not (tmp_path / "learner").exists():
            save(tmp_path, whole, env)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    there = json.loads(done.stdout)
    assert there == {n: array.tobytes().hex() for n, array in weights(whole.model).items()}


def test_the_state_is_a_copy() -> None:
    algorithm, env = learner(off_policy.DQN, cartpole, {**REPLAY, "buffer_size": 50})
    stretch = algorithm.train(env, 2000)
    next(stretch)
    state = algorithm.state()
    kept = state["model"]["replay"]["observations"].copy()
    network = state["model"]["modules"]["policy"]
    layer = network["q_net.q_net.0.weight"].copy()
    next(stretch)
    np.testing.assert_array_equal(state["model"]["replay"]["observations"], kept)
    np.testing.assert_array_equal(
        state["model"]["modules"]["policy"]["q_net.q_net.0.weight"], layer
    )
    assert differing({"w": layer}, {"w": weights(algorithm.model)["policy.q_net.q_net.0.weight"]})


def test_only_the_filled_part_of_the_replay_buffer_is_kept() -> None:
    algorithm, env = learner(off_policy.DQN, cartpole, {"buffer_size": 100_000})
    train(algorithm, env, 64)
    assert algorithm.state()["model"]["replay"]["observations"].shape == (64, 1, 4)


def test_another_number_of_copies_is_refused() -> None:
    algorithm, env = learner(on_policy.A2C, cartpole, {}, num_envs=2)
    train(algorithm, env, 20)
    other, env = learner(on_policy.A2C, cartpole, {}, num_envs=3)
    other.load_state(algorithm.state())
    with pytest.raises(ZooError, match=r"began with 2 copies .* cannot go on with 3"):
        train(other, env, 40)


def test_a_state_from_before_training_holds_the_seed() -> None:
    first, env = learner(on_policy.A2C, cartpole, {}, num_envs=2)
    state = first.state()
    train(first, env, 100)
    second, env = learner(on_policy.A2C, cartpole, {}, num_envs=2, seed=5)
    second.load_state(state)
    train(second, env, 100)
    assert differing(weights(first.model), weights(second.model)) == []
    alone, env = learner(on_policy.A2C, cartpole, {}, num_envs=1)
    alone.load_state(state)  # nothing was learnt, so another number of copies will do
    train(alone, env, 100)
    assert alone.model.num_timesteps == 100

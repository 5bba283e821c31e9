"""What SB3 cannot handle is refused before anything is built, with a way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import Space, spaces

from tests.zoo_sb3.learners import Doors, cartpole, learner, pendulum
from zoo import ZooError
from zoo_sb3 import ars, off_policy, on_policy
from zoo_sb3.base import SB3Algorithm

VECTOR = spaces.Box(-1.0, 1.0, (3,), np.float32)
IMAGE = spaces.Box(0, 255, (84, 84, 4), np.uint8)
SMALL_IMAGE = spaces.Box(0, 255, (20, 84, 4), np.uint8)
DICT = spaces.Dict({"a": VECTOR, "b": spaces.Discrete(2)})
BOX = spaces.Box(-1.0, 1.0, (2,), np.float32)
TWO = spaces.Discrete(2)


def build(
    algorithm: type[SB3Algorithm], observations: Space[Any], actions: Space[Any], **config: Any
) -> SB3Algorithm:
    return algorithm(algorithm.Config(**config), observations, actions, seed=0)


@pytest.mark.parametrize(
    ("algorithm", "observations", "actions", "config", "message"),
    [
        (off_policy.SAC, VECTOR, TWO, {}, "SAC cannot act in Discrete(2). It acts in: Box"),
        (off_policy.DQN, VECTOR, BOX, {}, "DQN cannot act in Box"),
        (on_policy.MaskablePPO, VECTOR, BOX, {}, "MaskablePPO cannot act in Box"),
        (ars.ARS, VECTOR, spaces.MultiBinary(2), {}, "ARS cannot act in MultiBinary(2)"),
        (on_policy.PPO, VECTOR, spaces.Box(-np.inf, 1.0, (2,)), {}, "finite bounds"),
        (on_policy.PPO, VECTOR, spaces.Box(0, 3, (2,), np.int64), {}, "real numbers"),
        (on_policy.PPO, VECTOR, spaces.Discrete(2, start=1), {}, "actions that count from 0"),
        (on_policy.PPO, spaces.Discrete(2, start=1), TWO, {}, "observations that count from 0"),
        (on_policy.PPO, VECTOR, spaces.MultiBinary([2, 2]), {}, "Flatten the actions"),
        (on_policy.PPO, VECTOR, spaces.MultiDiscrete([[2], [2]]), {}, "Flatten them"),
        (on_policy.PPO, spaces.Tuple([TWO, TWO]), TWO, {}, "cannot read observations from Tuple"),
        (on_policy.PPO, spaces.Text(5), TWO, {}, "cannot read observations from Text"),
        (on_policy.PPO, spaces.Dict({"x": DICT}), TWO, {}, "under 'x' from Dict"),
        (on_policy.PPO, VECTOR, TWO, {"use_sde": True}, "use_sde explores Box actions"),
        (on_policy.RecurrentPPO, VECTOR, spaces.MultiBinary(2), {}, "cannot act in MultiBinary"),
        (on_policy.PPO, VECTOR, TWO, {"policy": "CnnPolicy"}, "Use policy: MlpPolicy"),
        (on_policy.PPO, VECTOR, TWO, {"policy": "MultiInputPolicy"}, "Use policy: MlpPolicy"),
        (on_policy.PPO, DICT, TWO, {"policy": "MlpPolicy"}, "Use policy: MultiInputPolicy"),
        (on_policy.PPO, SMALL_IMAGE, TWO, {"policy": "CnnPolicy"}, "sides shorter than 36"),
        (on_policy.RecurrentPPO, DICT, TWO, {"policy": "MlpLstmPolicy"}, "MultiInputLstmPolicy"),
        (off_policy.CrossQ, DICT, BOX, {}, "CrossQ has no policy for observations from Dict"),
        (on_policy.PPO, TWO, TWO, {"normalize": True}, "Set normalize: {norm_obs: false}"),
        (on_policy.PPO, DICT, TWO, {"normalize": True}, "name the others in norm_obs_keys"),
        (on_policy.PPO, DICT, TWO, {"normalize": {"norm_obs_keys": ["c"]}}, "have no 'c'"),
        (on_policy.PPO, VECTOR, TWO, {"normalize": {"norm_obs_keys": ["a"]}}, "for Dict observ"),
        (off_policy.SAC, DICT, BOX, {"replay_buffer_class": "her"}, "achieved_goal, desired_goal"),
    ],
)
def test_is_refused_by_the_constructor(
    algorithm: type[SB3Algorithm],
    observations: Space[Any],
    actions: Space[Any],
    config: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ZooError) as caught:
        build(algorithm, observations, actions, **config)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "observations", "policy"),
    [
        (on_policy.PPO, VECTOR, "MlpPolicy"),
        (on_policy.PPO, IMAGE, "CnnPolicy"),
        (on_policy.PPO, SMALL_IMAGE, "MlpPolicy"),
        (on_policy.PPO, DICT, "MultiInputPolicy"),
        (on_policy.RecurrentPPO, IMAGE, "CnnLstmPolicy"),
        (ars.ARS, VECTOR, "MlpPolicy"),
    ],
)
def test_auto_chooses_by_the_observations(
    algorithm: type[SB3Algorithm], observations: Space[Any], policy: str
) -> None:
    assert build(algorithm, observations, TWO).policy_name == policy


@pytest.mark.parametrize(
    ("algorithm", "make", "config", "num_envs", "message"),
    [
        (on_policy.PPO, cartpole, {"n_steps": 1, "batch_size": 4}, 1, "must be greater than 1"),
        (on_policy.PPO, cartpole, {"batch_size": 1}, 1, "`batch_size` must be greater than 1"),
        (
            on_policy.PPO,
            cartpole,
            {"policy_kwargs": {"optimizer_kwargs": {"alpha": 0.5}}},
            1,
            "unexpected keyword argument 'alpha'",
        ),
        (on_policy.MaskablePPO, cartpole, {}, 1, "use_masking to false"),
        (
            off_policy.SAC,
            pendulum,
            {"train_freq": [1, "episode"], "buffer_size": 10},
            2,
            "counts episodes, which works with one copy",
        ),
    ],
)
def test_is_refused_before_the_first_step(
    algorithm: type[SB3Algorithm], make: Any, config: dict[str, Any], num_envs: int, message: str
) -> None:
    made, env = learner(algorithm, make, config, num_envs=num_envs)
    env.step = None
    with pytest.raises(ZooError) as caught:
        next(made.train(env, 100))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sb3s_warnings_are_not_shown(recwarn: pytest.WarningsRecorder) -> None:
    made, env = learner(on_policy.PPO, cartpole, {"n_steps": 50, "batch_size": 64})
    next(made.train(env, 100))
    made, env = learner(on_policy.MaskablePPO, Doors, {"n_steps": 64}, num_envs=2)
    next(made.train(env, 100))
    assert [str(warning.message) for warning in recwarn] == []

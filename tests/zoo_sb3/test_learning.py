"""The plugin learns what SB3's own `learn` learns: equal weights after as many steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.noise import (
    NormalActionNoise,
    OrnsteinUhlenbeckActionNoise,
    VectorizedActionNoise,
)
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer
from torch import nn

from tests.zoo_sb3.learners import (
    Doors,
    MakeEnv,
    Reach,
    cartpole,
    differing,
    learner,
    pendulum,
    sb3,
    train,
    weights,
)
from zoo.testing.probes import BanditProbe
from zoo_sb3 import ars, off_policy, on_policy
from zoo_sb3.base import SB3Algorithm


@dataclass
class Case:
    """The same training twice: `same` are arguments that both know, the others differ in form."""

    algorithm: type[SB3Algorithm]
    make: MakeEnv
    steps: int
    same: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)
    num_envs: int = 1
    normalize: bool = False
    policy: str = "MlpPolicy"


SMALL = {"policy_kwargs": {"net_arch": [32, 32]}}
EPS = {"optimizer_kwargs": {"eps": 1e-5}}
REPLAY = {"learning_starts": 100, "buffer_size": 400, "batch_size": 64, **SMALL}


def noise() -> VectorizedActionNoise:
    return VectorizedActionNoise(
        OrnsteinUhlenbeckActionNoise(np.zeros(1), 0.3 * np.ones(1)), n_envs=2
    )


CASES = {
    "ppo": Case(
        on_policy.PPO,
        cartpole,
        3000,
        {"n_steps": 128, "n_epochs": 4},
        {"learning_rate": "lin_0.001", "policy_kwargs": {"activation_fn": "relu"}},
        {
            "learning_rate": lambda left: left * 0.001,
            "policy_kwargs": {"activation_fn": nn.ReLU},
        },
        num_envs=4,
    ),
    "ppo-normalized-gsde": Case(
        on_policy.PPO,
        pendulum,
        1500,
        {"n_steps": 128, "gamma": 0.9, "n_epochs": 3, "use_sde": True, "sde_sample_freq": 4},
        num_envs=2,
        normalize=True,
    ),
    "ppo-images": Case(
        on_policy.PPO,
        lambda: BanditProbe("image", "multi-discrete", horizon=5),
        256,
        {"n_steps": 32, "batch_size": 32, "n_epochs": 2},
        num_envs=2,
        policy="CnnPolicy",
    ),
    "a2c": Case(on_policy.A2C, cartpole, 3000, num_envs=4),
    "a2c-rmsprop-tf-like": Case(
        on_policy.A2C,
        pendulum,
        1000,
        {"use_rms_prop": False},
        {
            "policy_kwargs": {
                "optimizer_class": "rmsprop-tf-like",
                "optimizer_kwargs": {"eps": 1e-5},
            }
        },
        {"policy_kwargs": {"optimizer_class": RMSpropTFLike, "optimizer_kwargs": {"eps": 1e-5}}},
    ),
    "trpo": Case(on_policy.TRPO, cartpole, 2048, {"n_steps": 256}, num_envs=2),
    "recurrent-ppo": Case(
        on_policy.RecurrentPPO,
        cartpole,
        512,
        {"n_steps": 64, "n_epochs": 2, "policy_kwargs": {"lstm_hidden_size": 16}},
        num_envs=2,
        policy="MlpLstmPolicy",
    ),
    "maskable-ppo": Case(
        on_policy.MaskablePPO, Doors, 1000, {"n_steps": 64, "n_epochs": 4}, num_envs=2
    ),
    "dqn": Case(
        off_policy.DQN,
        cartpole,
        3000,
        {**REPLAY, "target_update_interval": 200, "exploration_fraction": 0.5},
    ),
    "dqn-n-steps": Case(
        off_policy.DQN,
        cartpole,
        1000,
        {**REPLAY, "target_update_interval": 200, "n_steps": 3, "gradient_steps": -1},
        num_envs=4,
    ),
    "dqn-one-observation": Case(
        off_policy.DQN,
        cartpole,
        1000,
        {
            **REPLAY,
            "optimize_memory_usage": True,
            "replay_buffer_kwargs": {"handle_timeout_termination": False},
        },
    ),
    "qrdqn": Case(
        off_policy.QRDQN,
        cartpole,
        1000,
        {**REPLAY, "policy_kwargs": {"net_arch": [16], "n_quantiles": 10}},
    ),
    "ddpg": Case(
        off_policy.DDPG,
        pendulum,
        600,
        REPLAY,
        {"noise_type": "normal", "noise_std": 0.2},
        {"action_noise": NormalActionNoise(np.zeros(1), 0.2 * np.ones(1))},
    ),
    "td3": Case(
        off_policy.TD3,
        pendulum,
        1000,
        REPLAY,
        {"noise_type": "ornstein-uhlenbeck", "noise_std": 0.3},
        {"action_noise": noise()},
        num_envs=2,
    ),
    "sac": Case(off_policy.SAC, pendulum, 500, REPLAY, num_envs=2, normalize=True),
    "sac-gsde-by-episodes": Case(
        off_policy.SAC,
        pendulum,
        300,
        {
            **REPLAY,
            "policy_kwargs": {"net_arch": [32], "log_std_init": -2.0},
            "use_sde": True,
            "gradient_steps": -1,
        },
        {"train_freq": [1, "episode"]},
        {"train_freq": (1, "episode")},
    ),
    "sac-hindsight": Case(
        off_policy.SAC,
        Reach,
        600,
        REPLAY,
        {
            "replay_buffer_class": "her",
            "replay_buffer_kwargs": {"goal_selection_strategy": "future", "n_sampled_goal": 4},
        },
        {
            "replay_buffer_class": HerReplayBuffer,
            "replay_buffer_kwargs": {"goal_selection_strategy": "future", "n_sampled_goal": 4},
        },
        num_envs=2,
        policy="MultiInputPolicy",
    ),
    "tqc": Case(off_policy.TQC, pendulum, 250, {**REPLAY, "top_quantiles_to_drop_per_net": 3}),
    "crossq": Case(off_policy.CrossQ, pendulum, 250, REPLAY),
    "ars": Case(
        ars.ARS,
        pendulum,
        2500,
        {"n_delta": 3, "n_top": 2, "policy_kwargs": {"net_arch": [8]}},
        num_envs=2,
        normalize=True,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_learns_what_sb3_learns(name: str) -> None:
    case = CASES[name]
    arguments = case.same | case.theirs
    model = sb3(
        case.algorithm.Model,
        case.make,
        {k: dict(v) if isinstance(v, dict) else v for k, v in arguments.items()},
        policy=case.policy,
        num_envs=case.num_envs,
        normalize=case.normalize,
    )
    before = weights(model)
    model.learn(case.steps)
    config = {"policy": case.policy, "normalize": case.normalize, **case.same, **case.ours}
    algorithm, env = learner(case.algorithm, case.make, config, num_envs=case.num_envs)
    progress = train(algorithm, env, case.steps)

    ours, theirs = weights(algorithm.model), weights(model)
    moved = [name for name in before if before[name].tobytes() != theirs[name].tobytes()]
    assert moved, "nothing was learnt"
    assert differing(ours, theirs) == []
    assert algorithm.model.num_timesteps == model.num_timesteps
    assert progress > 1
    if case.normalize:
        ours_rms, theirs_rms = algorithm.model.env.obs_rms, model.env.obs_rms
        np.testing.assert_array_equal(ours_rms.mean, theirs_rms.mean)
        np.testing.assert_array_equal(ours_rms.var, theirs_rms.var)


@pytest.mark.slow
def test_masked_actions_are_never_tried() -> None:
    algorithm, env = learner(on_policy.MaskablePPO, Doors, {"n_steps": 64}, num_envs=2)
    train(algorithm, env, 256)
    assert sum(copy.unwrapped.locked_tried for copy in env.envs) == 0
    algorithm, env = learner(on_policy.MaskablePPO, Doors, {"n_steps": 64, "use_masking": False})
    train(algorithm, env, 256)
    assert env.envs[0].unwrapped.locked_tried > 0


def test_a_second_train_goes_on_to_the_new_total() -> None:
    algorithm, env = learner(on_policy.A2C, cartpole, {}, num_envs=2)
    steps = [progress.steps for progress in algorithm.train(env, 200)]
    steps += [progress.steps for progress in algorithm.train(env, 400)]
    assert steps == sorted(steps)
    assert 200 <= steps[-1] - 200 < 220


def test_success_is_reported_where_the_environment_knows_it() -> None:
    config = {"learning_starts": 10_000, "buffer_size": 500}
    algorithm, env = learner(off_policy.SAC, Reach, config, num_envs=2)
    *_, last = algorithm.train(env, 200)
    assert 0 <= last.metrics["rollout/success_rate"] <= 1
    assert last.episodes == 10

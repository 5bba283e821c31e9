"""The configs say what SB3 takes: its names and defaults, with types and words to each."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from zoo import Schedule, ZooError
from zoo.config.schema import describe, to_json, validate
from zoo_sb3 import ars, off_policy, on_policy
from zoo_sb3.base import SB3Algorithm
from zoo_sb3.policies import plain_kwargs, policy_kwargs

ALGORITHMS: list[type[SB3Algorithm]] = [
    on_policy.PPO,
    on_policy.A2C,
    on_policy.TRPO,
    on_policy.RecurrentPPO,
    on_policy.MaskablePPO,
    off_policy.DQN,
    off_policy.QRDQN,
    off_policy.DDPG,
    off_policy.TD3,
    off_policy.SAC,
    off_policy.TQC,
    off_policy.CrossQ,
    ars.ARS,
]
OF_THE_HOST = {"env", "seed", "device"}
LOGGING = {"verbose", "tensorboard_log", "stats_window_size"}
NOT_OFFERED = {"rollout_buffer_class", "rollout_buffer_kwargs", "_init_setup_model"}
OUR_OWN = {"normalize", "noise_type", "noise_std", "use_masking"}
BUILT_OTHERWISE = {"action_noise"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_and_defaults_are_those_of_sb3(algorithm: type[SB3Algorithm]) -> None:
    parameters = dict(inspect.signature(algorithm.Model.__init__).parameters)
    theirs = set(parameters) - {"self"} - OF_THE_HOST - LOGGING - NOT_OFFERED - BUILT_OTHERWISE
    assert set(algorithm.Config.model_fields) - OUR_OWN == theirs
    defaults = algorithm.Config()
    for name in theirs - {"policy"}:
        value = getattr(defaults, name)
        value = value.initial if isinstance(value, Schedule) else value
        assert value == parameters[name].default, name


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_policy_kwargs_are_those_of_sb3(algorithm: type[SB3Algorithm]) -> None:
    field = algorithm.Config.model_fields["policy_kwargs"].annotation
    ours = next(part for part in field.__args__ if part is not type(None)).model_fields
    policy = next(iter(algorithm.Model.policy_aliases.values()))
    theirs = set(inspect.signature(policy.__init__).parameters)
    given = {"self", "observation_space", "action_space", "lr_schedule", "use_sde"}
    assert set(ours) == theirs - given - {"features_extractor_class"}
    assert all(field.default is None for field in ours.values())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_key_is_explained(algorithm: type[SB3Algorithm]) -> None:
    rows = describe(algorithm.Config)
    assert [row.name for row in rows if not row.description] == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_config_survives_json(algorithm: type[SB3Algorithm]) -> None:
    config = validate(algorithm.Config, {"normalize": {"norm_reward": False}})
    assert validate(algorithm.Config, to_json(config)) == config


def read(algorithm: type[SB3Algorithm], **values: Any) -> Any:
    return validate(algorithm.Config, values)


@pytest.mark.parametrize(
    ("algorithm", "values", "message"),
    [
        (on_policy.PPO, {"learning_rte": 1}, "unknown key. Did you mean learning_rate"),
        (on_policy.PPO, {"learning_rate": "cosine_0.1"}, "unknown schedule 'cosine'"),
        (on_policy.PPO, {"n_steps": 1.5}, "key 'n_steps'"),
        (on_policy.PPO, {"gamma": 1.1}, "must be less than or equal to 1, got 1.1"),
        (on_policy.PPO, {"use_sde": "yes"}, "expected bool, got 'yes'"),
        (on_policy.PPO, {"policy": "MlpPolcy"}, "Did you mean MlpPolicy"),
        (on_policy.PPO, {"policy": "MlpLstmPolicy"}, "key 'policy'"),
        (on_policy.PPO, {"policy_kwargs": "dict(net_arch=[64])"}, "key 'policy_kwargs'"),
        (on_policy.PPO, {"policy_kwargs": {"net_arc": [1]}}, "Did you mean net_arch"),
        (on_policy.PPO, {"policy_kwargs": {"net_arch": {"pi": [4], "qf": [4]}}}, "net_arch"),
        (on_policy.PPO, {"policy_kwargs": {"activation_fn": "nn.ReLU"}}, "activation_fn"),
        (on_policy.PPO, {"policy_kwargs": {"activation_fn": "rellu"}}, "Did you mean relu"),
        (on_policy.PPO, {"normalize": {"clip": 5}}, "Did you mean clip_obs"),
        (on_policy.MaskablePPO, {"use_sde": True}, "key 'use_sde': unknown key"),
        (off_policy.SAC, {"ent_coef": "auto_"}, "key 'ent_coef'"),
        (off_policy.SAC, {"train_freq": [1, "epoch"]}, "key 'train_freq'"),
        (off_policy.SAC, {"noise_type": "pink"}, "key 'noise_type'"),
        (off_policy.DQN, {"optimize_memory_usage": True}, "handle_timeout_termination: false"),
        (off_policy.DQN, {"replay_buffer_kwargs": {"n_sampled_goal": 4}}, "Add replay_buffer_cl"),
        (off_policy.SAC, {"replay_buffer_class": "her", "n_steps": 2}, "n_steps cannot"),
        (ars.ARS, {"n_delta": 2, "n_top": 3}, "n_top 3 is more than n_delta 2"),
        (
            ars.ARS,
            {"policy": "LinearPolicy", "policy_kwargs": {"net_arch": [4]}},
            "a LinearPolicy has no net_arch",
        ),
    ],
)
def test_what_cannot_be_right_is_refused(
    algorithm: type[SB3Algorithm], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ZooError) as caught:
        read(algorithm, **values)
    assert message in str(caught.value)


def test_the_keys_of_rl_zoo_are_understood() -> None:
    config = read(
        off_policy.TD3,
        policy="MlpPolicy",
        noise_type="normal",
        noise_std=0.1,
        train_freq=[1, "episode"],
        gradient_steps=-1,
        learning_rate="lin_1e-3",
        buffer_size=1e6,
        policy_kwargs={"net_arch": [400, 300]},
    )
    assert config.train_freq == (1, "episode")
    assert config.buffer_size == 1_000_000
    assert config.learning_rate(0.5) == 5e-4
    assert read(off_policy.SAC, ent_coef="auto_0.1").ent_coef == "auto_0.1"
    assert read(on_policy.PPO, normalize=True).normalization.clip_obs == 10.0
    assert read(on_policy.PPO).normalization is None


def test_names_become_objects_and_silence_stays_silence() -> None:
    import torch

    config = read(
        on_policy.PPO,
        policy_kwargs={
            "net_arch": {"pi": [4], "vf": []},
            "activation_fn": "gelu",
            "optimizer_class": "adamw",
            "optimizer_kwargs": {"betas": [0.5, 0.9]},
            "ortho_init": False,
        },
    )
    assert policy_kwargs(plain_kwargs(config.policy_kwargs)) == {
        "net_arch": {"pi": [4], "vf": []},
        "activation_fn": torch.nn.GELU,
        "optimizer_class": torch.optim.AdamW,
        "optimizer_kwargs": {"betas": (0.5, 0.9)},
        "ortho_init": False,
    }
    assert plain_kwargs(None) == {}

"""Policies of fully connected layers leave SB3: actions equal those of `predict`."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces

from zoo.agents.mlp import MLPAgent
from zoo_sb3 import ars, off_policy, on_policy
from zoo_sb3.base import SB3Algorithm

N = 1000
VECTOR = spaces.Box(-3.0, 3.0, (5,), np.float32)
BOUNDS = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32))
OBSERVATIONS: dict[str, Space[Any]] = {
    "vector": VECTOR,
    "matrix": spaces.Box(-1.0, 1.0, (2, 3), np.float64),
    "discrete": spaces.Discrete(7),
    "multi-discrete": spaces.MultiDiscrete([3, 5, 2]),
    "multi-binary": spaces.MultiBinary([2, 3]),
    "image": spaces.Box(0, 255, (6, 5, 3), np.uint8),
    "image-channels-first": spaces.Box(0, 255, (3, 6, 5), np.uint8),
    "dict": spaces.Dict(OrderedDict(z=VECTOR, a=spaces.Discrete(3), m=spaces.MultiBinary(2))),
}
ACTIONS: dict[str, Space[Any]] = {
    "box": BOUNDS,
    "box-matrix": spaces.Box(-2.0, 2.0, (2, 2), np.float32),
    "discrete": spaces.Discrete(4),
    "multi-discrete": spaces.MultiDiscrete([2, 4, 3]),
    "multi-binary": spaces.MultiBinary(3),
}
ALGORITHMS: dict[str, tuple[type[SB3Algorithm], dict[str, Any]]] = {
    "ppo": (on_policy.PPO, {}),
    "ppo-gsde": (on_policy.PPO, {"use_sde": True}),
    "ppo-gsde-squashed": (
        on_policy.PPO,
        {"use_sde": True, "policy_kwargs": {"squash_output": True, "use_expln": True}},
    ),
    "ppo-linear": (on_policy.PPO, {"policy_kwargs": {"net_arch": []}}),
    "a2c": (on_policy.A2C, {"policy_kwargs": {"net_arch": {"pi": [8], "vf": [4]}}}),
    "trpo": (on_policy.TRPO, {"policy_kwargs": {"activation_fn": "gelu"}}),
    "maskable-ppo": (on_policy.MaskablePPO, {}),
    "dqn": (off_policy.DQN, {"policy_kwargs": {"activation_fn": "elu"}}),
    "qrdqn": (off_policy.QRDQN, {"policy_kwargs": {"n_quantiles": 7}}),
    "ddpg": (off_policy.DDPG, {"policy_kwargs": {"activation_fn": "silu"}}),
    "td3": (off_policy.TD3, {"policy_kwargs": {"net_arch": {"pi": [12], "qf": [8]}}}),
    "sac": (off_policy.SAC, {"policy_kwargs": {"activation_fn": "leaky-relu"}}),
    "sac-gsde": (off_policy.SAC, {"use_sde": True, "policy_kwargs": {"clip_mean": 0.5}}),
    "tqc": (off_policy.TQC, {}),
    "tqc-gsde": (off_policy.TQC, {"use_sde": True, "policy_kwargs": {"clip_mean": 0.0}}),
    "crossq": (off_policy.CrossQ, {"policy_kwargs": {"net_arch": [16, 8]}}),
    "crossq-gsde": (off_policy.CrossQ, {"use_sde": True, "policy_kwargs": {"net_arch": [16]}}),
    "crossq-linear": (off_policy.CrossQ, {"policy_kwargs": {"net_arch": []}}),
    "crossq-no-norm": (off_policy.CrossQ, {"policy_kwargs": {"batch_norm": False}}),
    "ars": (ars.ARS, {}),
    "ars-clipped": (ars.ARS, {"policy_kwargs": {"squash_output": False}}),
    "ars-linear": (ars.ARS, {"policy": "LinearPolicy"}),
    "ars-linear-squashed": (
        ars.ARS,
        {"policy": "LinearPolicy", "policy_kwargs": {"squash_output": True, "with_bias": True}},
    ),
}
REPLAY = {"buffer_size": 10}


def learnt(
    name: str, observation_space: Space[Any], action_space: Space[Any], **more: Any
) -> SB3Algorithm:
    """Return an algorithm whose numbers are unlike those that it began with."""
    cls, config = ALGORITHMS[name]
    if "buffer_size" in cls.Config.model_fields:
        config = {**config, **REPLAY}
    algorithm = cls(cls.Config(**config, **more), observation_space, action_space, seed=1)
    algorithm.agent()  # builds the model
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in algorithm.model.policy.parameters():
            scale = 1.5 / parameter.shape[-1] ** 0.5 if parameter.ndim > 1 else 0.1
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
        for key, buffer in algorithm.model.policy.named_buffers():
            if key.endswith(("ra_mean", "ra_var")):
                buffer.add_(torch.rand(buffer.shape, generator=generator))
    shake(algorithm.model.get_vec_normalize_env())
    return algorithm


def shake(normalizer: Any) -> None:
    if normalizer is None:
        return
    rng = np.random.default_rng(0)
    rms = normalizer.obs_rms
    for one in rms.values() if isinstance(rms, dict) else [rms]:
        one.mean = one.mean + rng.normal(size=one.mean.shape)
        one.var = one.var * rng.uniform(0.1, 0.5, one.mean.shape)


def samples(space: Space[Any], seed: int = 0) -> Any:
    """Return N observations as a vector environment batches them."""
    space.seed(seed)
    rows = [space.sample() for _ in range(N)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([row[key] for row in rows]) for key in space.spaces}
    return np.stack([np.asarray(row) for row in rows])


def predicted(algorithm: SB3Algorithm, observations: Any, **options: Any) -> np.ndarray:
    """Return what SB3 does with the environment's observations, its wrappers included."""
    normalizer = algorithm.model.get_vec_normalize_env()
    if normalizer is not None:
        observations = normalizer.normalize_obs(observations)
    return algorithm.model.predict(observations, deterministic=True, **options)[0]


def assert_acts_like_sb3(algorithm: SB3Algorithm, agent: Any) -> None:
    observations = samples(algorithm.observation_space)
    expected = predicted(algorithm, observations)
    actions = agent.act(observations)
    assert actions.shape == expected.shape
    assert actions.dtype == algorithm.action_space.dtype
    assert len(np.unique(expected.reshape(N, -1), axis=0)) > 1, "the policy always does the same"
    if isinstance(algorithm.action_space, spaces.Box):
        np.testing.assert_allclose(actions, expected, rtol=1e-5, atol=2e-5)
    else:
        np.testing.assert_array_equal(actions, expected)
    assert all(action in algorithm.action_space for action in actions)


def cases() -> list[tuple[str, str, str]]:
    """Every algorithm on vectors in each action space; each observation space for some."""
    found = []
    for name, (cls, config) in ALGORITHMS.items():
        for actions, space in ACTIONS.items():
            if isinstance(space, cls.actions) and not (
                config.get("use_sde") and actions not in ("box", "box-matrix")
            ):
                found.append((name, "vector", actions))
    for name, actions in (("ppo", "discrete"), ("sac", "box"), ("dqn", "discrete")):
        found += [(name, observations, actions) for observations in OBSERVATIONS]
    found += [("crossq", "image", "box"), ("ars", "multi-discrete", "discrete")]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("name", "observations", "actions"), cases())
def test_acts_like_sb3(name: str, observations: str, actions: str) -> None:
    policy = {"policy": "MlpPolicy"} if observations.startswith("image") else {}
    algorithm = learnt(name, OBSERVATIONS[observations], ACTIONS[actions], **policy)
    agent = algorithm.agent()
    assert isinstance(agent, MLPAgent)
    assert_acts_like_sb3(algorithm, agent)


@pytest.mark.parametrize("name", ["ppo", "sac", "ars", "crossq"])
@pytest.mark.parametrize("observations", ["vector", "matrix", "image"])
def test_normalises_like_sb3(name: str, observations: str) -> None:
    policy = "LinearPolicy" if name == "ars" else "MlpPolicy"
    algorithm = learnt(
        name, OBSERVATIONS[observations], BOUNDS, policy=policy, normalize={"clip_obs": 2.0}
    )
    assert_acts_like_sb3(algorithm, algorithm.agent())


def test_normalises_some_entries_of_a_dict() -> None:
    space = spaces.Dict(OrderedDict(z=VECTOR, a=VECTOR, m=spaces.MultiBinary(2)))
    algorithm = learnt("ppo", space, BOUNDS, normalize={"norm_obs_keys": ["a"]})
    agent = algorithm.agent()
    assert isinstance(agent, MLPAgent)
    assert_acts_like_sb3(algorithm, agent)


def test_masks_choose_among_what_they_allow() -> None:
    for actions in ("discrete", "multi-discrete", "multi-binary"):
        algorithm = learnt("maskable-ppo", VECTOR, ACTIONS[actions])
        agent = algorithm.agent()
        assert agent.takes_action_masks
        observations = samples(VECTOR)
        rng = np.random.default_rng(0)
        sizes = {"discrete": [4], "multi-discrete": [2, 4, 3], "multi-binary": [2, 2, 2]}[actions]
        masks = rng.random((N, sum(sizes))) < 0.4
        for block in np.cumsum(sizes):
            masks[:, block - 1] |= True
        expected = predicted(algorithm, observations, action_masks=masks)
        np.testing.assert_array_equal(agent.act(observations, action_masks=masks), expected)


def test_random_actions_have_sb3s_distribution() -> None:
    observations = np.repeat(samples(VECTOR)[:1], 20_000, axis=0)
    for name in ("ppo", "sac", "crossq", "crossq-gsde", "sac-gsde", "ppo-gsde-squashed"):
        algorithm = learnt(name, VECTOR, BOUNDS)
        policy = algorithm.model.policy
        with torch.no_grad():  # deviations that are neither tiny nor lost in the bounds
            log_std = getattr(policy, "log_std", None)
            log_std = policy.actor.log_std if log_std is None else log_std
            if isinstance(log_std, torch.nn.Linear):
                log_std.bias.fill_(-1.0)
            else:
                log_std.fill_(-2.0)
        if algorithm.config.use_sde:
            policy.reset_noise(len(observations))
        torch.manual_seed(0)
        expected = policy.predict(observations, deterministic=False)[0]
        actions = algorithm.agent().act(observations, deterministic=False)
        np.testing.assert_allclose(actions.mean(0), expected.mean(0), atol=0.06, err_msg=name)
        np.testing.assert_allclose(actions.std(0), expected.std(0), rtol=0.05, err_msg=name)


def test_epsilon_is_the_exploration_of_the_moment() -> None:
    algorithm = learnt("dqn", VECTOR, ACTIONS["discrete"])
    algorithm.model.exploration_rate = 0.5
    observations = np.repeat(samples(VECTOR)[:1], 4000, axis=0)
    agent = algorithm.agent()
    greedy = agent.act(observations)
    different = np.mean(agent.act(observations, deterministic=False) != greedy)
    assert abs(different - 0.5 * 3 / 4) < 0.05

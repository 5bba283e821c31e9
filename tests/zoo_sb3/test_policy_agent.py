"""Policies that are more than fully connected layers, through a bundle and back."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import Space, spaces

from tests.zoo_sb3.test_portable import shake
from zoo import ZooError
from zoo.storage.bundle import open_bundle, save_bundle
from zoo_sb3 import off_policy, on_policy
from zoo_sb3.base import SB3Algorithm
from zoo_sb3.policy_agent import SB3PolicyAgent

N = 20
VECTOR = spaces.Box(-3.0, 3.0, (5,), np.float32)
IMAGE = spaces.Box(0, 255, (40, 36, 3), np.uint8)
FIRST = spaces.Box(0, 255, (2, 36, 40), np.uint8)
MIXED = spaces.Dict(OrderedDict(z=VECTOR, picture=IMAGE, a=spaces.Discrete(3)))
BOX = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32))
FOUR = spaces.Discrete(4)
LSTM = {"policy_kwargs": {"lstm_hidden_size": 8, "net_arch": [8]}}
REPLAY = {"buffer_size": 10}

CASES: dict[str, tuple[type[SB3Algorithm], Space[Any], Space[Any], dict[str, Any]]] = {
    "ppo-image": (on_policy.PPO, IMAGE, FOUR, {}),
    "ppo-channels-first": (on_policy.PPO, FIRST, BOX, {}),
    "ppo-two-readers": (
        on_policy.PPO,
        IMAGE,
        BOX,
        {"policy_kwargs": {"share_features_extractor": False, "net_arch": [8]}},
    ),
    "ppo-mixed-normalized": (
        on_policy.PPO,
        MIXED,
        BOX,
        {"normalize": {"norm_obs_keys": ["z"]}, "use_sde": True},
    ),
    "ppo-normalized-image": (
        on_policy.PPO,
        FIRST,
        FOUR,
        {"normalize": {"clip_obs": 1e3}, "policy_kwargs": {"normalize_images": False}},
    ),
    "a2c-mixed": (on_policy.A2C, MIXED, spaces.MultiDiscrete([2, 3]), {}),
    "trpo-image": (on_policy.TRPO, IMAGE, spaces.MultiBinary(3), {}),
    "maskable-image": (on_policy.MaskablePPO, IMAGE, FOUR, {}),
    "dqn-image": (off_policy.DQN, IMAGE, FOUR, REPLAY),
    "qrdqn-mixed": (off_policy.QRDQN, MIXED, FOUR, REPLAY),
    "sac-image": (
        off_policy.SAC,
        IMAGE,
        BOX,
        {**REPLAY, "policy_kwargs": {"share_features_extractor": True}},
    ),
    "td3-mixed": (off_policy.TD3, MIXED, BOX, REPLAY),
    "tqc-image-gsde": (off_policy.TQC, IMAGE, BOX, {**REPLAY, "use_sde": True}),
    "recurrent": (on_policy.RecurrentPPO, VECTOR, BOX, {**LSTM, "normalize": True}),
    "recurrent-image": (on_policy.RecurrentPPO, IMAGE, FOUR, LSTM),
    "recurrent-mixed": (
        on_policy.RecurrentPPO,
        MIXED,
        FOUR,
        {
            "policy_kwargs": {
                "lstm_hidden_size": 8,
                "shared_lstm": True,
                "enable_critic_lstm": False,
            }
        },
    ),
}


def made(name: str) -> SB3Algorithm:
    cls, observation_space, action_space, config = CASES[name]
    algorithm = cls(cls.Config(**config), observation_space, action_space, seed=1)
    algorithm.agent()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in algorithm.model.policy.parameters():
            scale = 1.0 / parameter[0].numel() ** 0.5 if parameter.ndim > 1 else 0.1
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    shake(algorithm.model.get_vec_normalize_env())
    return algorithm


def bundled(algorithm: SB3Algorithm, path: Path) -> Any:
    agent = algorithm.agent()
    assert isinstance(agent, SB3PolicyAgent)
    save_bundle(
        path,
        agent,
        algorithm="test",
        plugin="sb3",
        versions={},
        config={},
        environment={"id": "Test-v0"},
        training={},
    )
    return open_bundle(path).agent()


def observations(space: Space[Any], seed: int = 0) -> Any:
    space.seed(seed)
    rows = [space.sample() for _ in range(N)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([row[key] for row in rows]) for key in space.spaces}
    return np.stack(rows)


def seen(algorithm: SB3Algorithm, batch: Any) -> Any:
    """Return what SB3's own wrappers make of observations of the environment."""
    env = algorithm.model.env
    transpose = getattr(env, "transpose_observations", lambda x: x)
    normalizer = algorithm.model.get_vec_normalize_env()
    return transpose(batch if normalizer is None else normalizer.normalize_obs(batch))


def assert_same_actions(algorithm: SB3Algorithm, actions: np.ndarray, expected: Any) -> None:
    assert actions.dtype == algorithm.action_space.dtype
    np.testing.assert_allclose(actions, expected, rtol=1e-6, atol=1e-6)
    assert all(action in algorithm.action_space for action in actions)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("recurrent")])
def test_acts_like_sb3_after_a_bundle(name: str, tmp_path: Path) -> None:
    algorithm = made(name)
    agent = bundled(algorithm, tmp_path / "agent")
    batch = observations(algorithm.observation_space)
    expected = algorithm.model.predict(seen(algorithm, batch), deterministic=True)[0]
    assert len(np.unique(expected.reshape(N, -1), axis=0)) > 1
    assert_same_actions(algorithm, agent.act(batch), expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("recurrent")])
def test_remembers_like_sb3_after_a_bundle(name: str, tmp_path: Path) -> None:
    algorithm = made(name)
    agent = bundled(algorithm, tmp_path / "agent")
    batches = [observations(algorithm.observation_space, seed) for seed in range(4)]
    memory, starts, first = None, np.ones(N, np.bool_), None
    for step, batch in enumerate(batches):
        expected, memory = algorithm.model.predict(
            seen(algorithm, batch), memory, starts, deterministic=True
        )
        actions = agent.act(batch)
        assert_same_actions(algorithm, actions, expected)
        first = actions if first is None else first
        starts = np.arange(N) % (step + 2) == 0
        agent.reset(starts)
    agent.reset()
    np.testing.assert_array_equal(agent.act(batches[0]), first)
    assert len(agent.act(observations(algorithm.observation_space))) == N
    one = (
        {k: v[:3] for k, v in batches[0].items()}
        if isinstance(batches[0], dict)
        else (batches[0][:3])
    )
    np.testing.assert_allclose(agent.act(one), first[:3], rtol=1e-5, atol=1e-6)


def test_memory_matters() -> None:
    algorithm = made("recurrent")
    agent, batch = algorithm.agent(), observations(VECTOR)
    assert (agent.act(batch) != agent.act(batch)).any()


def test_masks_are_obeyed() -> None:
    algorithm = made("maskable-image")
    agent, batch = algorithm.agent(), observations(IMAGE)
    assert agent.takes_action_masks
    free = agent.act(batch)
    masks = np.ones((N, 4), np.bool_)
    masks[np.arange(N), free] = False
    assert (agent.act(batch, action_masks=masks) != free).all()


def test_random_actions_come_from_the_agents_own_generator() -> None:
    for name in ("ppo-image", "dqn-image", "ppo-mixed-normalized", "tqc-image-gsde"):
        algorithm = made(name)
        if name == "dqn-image":
            algorithm.model.exploration_rate = 0.5
        agent = algorithm.agent()
        batch = observations(algorithm.observation_space)
        before = torch.get_rng_state(), np.random.get_state()[1].copy()
        agent.seed(1)
        first, second = (agent.act(batch, deterministic=False) for _ in range(2))
        agent.seed(1)
        np.testing.assert_array_equal(agent.act(batch, deterministic=False), first)
        assert (first != second).any(), name
        assert torch.equal(torch.get_rng_state(), before[0])
        np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_only_what_acts_is_kept_and_once() -> None:
    names = made("ppo-image").agent().tensors()
    assert not [name for name in names if "value" in name or "vf_features" in name]
    assert sum("cnn.0.weight" in name for name in names) == 1
    names = made("sac-image").agent().tensors()
    assert not [name for name in names if "critic" in name]


def test_the_agent_is_detached() -> None:
    algorithm = made("ppo-image")
    agent, batch = algorithm.agent(), observations(IMAGE)
    before = {name: tensor.copy() for name, tensor in agent.tensors().items()}
    with torch.no_grad():
        for parameter in algorithm.model.policy.parameters():
            parameter.mul_(-1.0)
    for name, tensor in agent.tensors().items():
        np.testing.assert_array_equal(tensor, before[name])
    agent.act(batch)


def test_data_that_does_not_fit_is_refused() -> None:
    agent = made("ppo-image").agent()
    description, tensors = agent.describe(), agent.tensors()

    def restore(**changes: Any) -> None:
        SB3PolicyAgent.restore({**description, **changes}, tensors, IMAGE, FOUR)

    restore()
    with pytest.raises(ZooError, match=r"unknown algorithm 'os.system'"):
        restore(algorithm="os.system")
    with pytest.raises(
        ZooError, match=r"unknown policy 'CnPolicy' of PPO.* Did you mean CnnPolicy"
    ):
        restore(policy="CnPolicy")
    with pytest.raises(ZooError, match="do not fit its description"):
        restore(policy_kwargs={"net_arch": [7]})
    with pytest.raises(ZooError, match="cannot be built"):
        restore(policy_kwargs={"nonsense": 1})
    with pytest.raises(ZooError, match="is missing"):
        SB3PolicyAgent.restore(description, {}, IMAGE, FOUR)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"net_arch": [10**9]},
        {"net_arch": {"pi": [8], "vf": [10**9, 10**9]}},
        {"net_arch": [1000] * 1000},
        {"features_extractor_kwargs": {"features_dim": 10**9}},
        {"net_arch": [10**8, ("x",) * 100]},
        {"net_arch": [8], "n_quantiles": [1] * 100},
        {"net_arch": "text", "n_critics": [1]},
    ],
)
def test_a_description_that_would_fill_the_memory_is_refused(kwargs: dict[str, Any]) -> None:
    description = {
        "algorithm": "PPO",
        "policy": "CnnPolicy",
        "policy_kwargs": kwargs,
        "use_sde": False,
        "epsilon": 0.0,
        "normalize": None,
    }
    image = spaces.Box(0, 255, (40, 36, 3), np.uint8)
    with pytest.raises(ZooError, match=r"too large to be built|cannot be built"):
        SB3PolicyAgent(description, {}, image, spaces.Discrete(4))


@pytest.mark.parametrize(
    ("observations", "actions", "kwargs"),
    [
        (IMAGE, FOUR, {"n_critics": 10**9}),
        (IMAGE, FOUR, {"n_quantiles": 10**9}),
        (IMAGE, spaces.Discrete(10**9), {}),
        (spaces.Discrete(10**9), FOUR, {}),
        (IMAGE, FOUR, {"features_extractor_kwargs": [1]}),
    ],
)
def test_sizes_that_only_the_usual_layers_multiply(
    observations: spaces.Space[Any], actions: spaces.Space[Any], kwargs: dict[str, Any]
) -> None:
    description = {
        "algorithm": "SAC" if "n_critics" in kwargs else "QRDQN",
        "policy": "CnnPolicy",
        "policy_kwargs": kwargs,
        "use_sde": False,
        "epsilon": 0.0,
        "normalize": None,
    }
    with pytest.raises(ZooError, match=r"too large to be built|cannot be built: its features"):
        SB3PolicyAgent(description, {}, observations, actions)

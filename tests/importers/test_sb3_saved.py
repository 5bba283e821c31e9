"""What SB3 saves today comes in and acts as its own `predict` does."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import zoo

torch = pytest.importorskip("torch")
sb3 = pytest.importorskip("stable_baselines3")
contrib = pytest.importorskip("sb3_contrib")

N = 200
VECTOR = spaces.Box(-3.0, 3.0, (5,), np.float32)
IMAGE = spaces.Box(0, 255, (40, 36, 3), np.uint8)
SMALL_IMAGE = spaces.Box(0, 255, (6, 5, 3), np.uint8)
MIXED = spaces.Dict(OrderedDict(z=VECTOR, a=spaces.Discrete(3), m=spaces.MultiBinary(2)))
WITH_IMAGE = spaces.Dict(OrderedDict(z=VECTOR, image=IMAGE))
BOX = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32))
FOUR = spaces.Discrete(4)
SMALL = {"buffer_size": 10}

CASES: dict[str, tuple[str, Any, Any, dict[str, Any]]] = {
    "ppo": ("MlpPolicy", VECTOR, BOX, {}),
    "ppo-multi-discrete": ("MlpPolicy", VECTOR, spaces.MultiDiscrete([2, 4, 3]), {}),
    "ppo-multi-binary": ("MlpPolicy", VECTOR, spaces.MultiBinary(3), {}),
    "ppo-discrete-observations": ("MlpPolicy", spaces.Discrete(7), FOUR, {}),
    "ppo-multi-observations": ("MlpPolicy", spaces.MultiDiscrete([3, 5]), FOUR, {}),
    "ppo-gsde": ("MlpPolicy", VECTOR, BOX, {"use_sde": True}),
    "ppo-gsde-squashed": (
        "MlpPolicy", VECTOR, BOX,
        {"use_sde": True, "policy_kwargs": {"squash_output": True, "use_expln": True}},
    ),
    "ppo-elu": (
        "MlpPolicy", VECTOR, FOUR,
        {"policy_kwargs": {"activation_fn": torch.nn.ELU, "net_arch": {"pi": [8], "vf": []}}},
    ),
    "ppo-dict": ("MultiInputPolicy", MIXED, BOX, {}),
    "ppo-cnn": ("CnnPolicy", IMAGE, FOUR, {}),
    "ppo-dict-image": ("MultiInputPolicy", WITH_IMAGE, FOUR, {}),
    "a2c": ("MlpPolicy", VECTOR, FOUR, {}),
    "trpo": ("MlpPolicy", VECTOR, FOUR, {}),
    "maskable-ppo": ("MlpPolicy", VECTOR, FOUR, {}),
    "recurrent-ppo": ("MlpLstmPolicy", VECTOR, BOX, {}),
    "dqn": ("MlpPolicy", VECTOR, FOUR, SMALL),
    "dqn-cnn": ("CnnPolicy", IMAGE, FOUR, SMALL),
    "qrdqn": ("MlpPolicy", VECTOR, FOUR, SMALL | {"policy_kwargs": {"n_quantiles": 7}}),
    "ddpg": ("MlpPolicy", VECTOR, BOX, SMALL),
    "td3": ("MlpPolicy", VECTOR, BOX, SMALL | {"policy_kwargs": {"net_arch": [12, 8]}}),
    "sac": ("MlpPolicy", VECTOR, BOX, SMALL),
    "sac-gsde": ("MlpPolicy", VECTOR, BOX, SMALL | {"use_sde": True}),
    "sac-gsde-unclipped": (
        "MlpPolicy", VECTOR, BOX, SMALL | {"use_sde": True, "policy_kwargs": {"clip_mean": 0.0}}
    ),
    "sac-cnn": ("CnnPolicy", IMAGE, BOX, SMALL),
    "tqc": ("MlpPolicy", VECTOR, BOX, SMALL),
    "crossq": ("MlpPolicy", VECTOR, BOX, SMALL | {"policy_kwargs": {"net_arch": [16, 8]}}),
    "crossq-gsde": ("MlpPolicy", VECTOR, BOX, SMALL | {"use_sde": True}),
    "ars": ("MlpPolicy", VECTOR, BOX, {}),
    "ars-linear": ("LinearPolicy", VECTOR, BOX, {}),
}  # fmt: skip
MODELS = {
    "ppo": sb3.PPO, "a2c": sb3.A2C, "dqn": sb3.DQN, "ddpg": sb3.DDPG, "td3": sb3.TD3,
    "sac": sb3.SAC, "trpo": contrib.TRPO, "maskable": contrib.MaskablePPO,
    "recurrent": contrib.RecurrentPPO, "qrdqn": contrib.QRDQN, "tqc": contrib.TQC,
    "crossq": contrib.CrossQ, "ars": contrib.ARS,
}  # fmt: skip


class Spaces(gym.Env):
    """An environment that is nothing but its spaces."""

    def __init__(self, observation_space: Any, action_space: Any) -> None:
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, **kwargs: Any) -> Any:
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        return self.observation_space.sample(), 0.0, False, False, {}


def model_of(case: str, env: Any) -> Any:
    policy, _, _, kwargs = CASES[case]
    model = MODELS[case.partition("-")[0]](policy, env, seed=0, device="cpu", **kwargs)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            scale = 1.5 / parameter.shape[-1] ** 0.5 if parameter.ndim > 1 else 0.1
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
        for key, buffer in model.policy.named_buffers():
            if key.endswith(("ra_mean", "ra_var")):
                buffer.add_(torch.rand(buffer.shape, generator=generator))
    return model


def samples(space: Any) -> Any:
    space.seed(0)
    rows = [space.sample() for _ in range(N)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([row[key] for row in rows]) for key in space.spaces}
    return np.stack([np.asarray(row) for row in rows])


def assert_same(actions: np.ndarray, expected: np.ndarray) -> None:
    assert len(np.unique(expected.reshape(N, -1), axis=0)) > 1, "the policy always does the same"
    assert actions.shape == expected.shape
    if actions.dtype.kind == "f":
        np.testing.assert_allclose(actions, expected, rtol=1e-4, atol=1e-4)
    else:
        assert np.mean(actions == expected) > 0.99


@pytest.mark.parametrize("case", CASES)
def test_acts_like_sb3(case: str, tmp_path: Path) -> None:
    _, observation_space, action_space, _ = CASES[case]
    model = model_of(case, Spaces(observation_space, action_space))
    model.save(tmp_path / "model.zip")
    bundle, _ = zoo.import_agent(tmp_path / "model.zip", tmp_path / "agent", env="CartPole-v1")
    portable = not ("cnn" in case or "image" in case or "recurrent" in case)
    assert bundle.kind == ("mlp" if portable else "sb3-policy")
    assert bundle.algorithm == "sb3-" + {
        "maskable": "maskable-ppo", "recurrent": "recurrent-ppo",
    }.get(case.partition("-")[0], case.partition("-")[0])  # fmt: skip
    observations = samples(observation_space)
    seen: Any = observations
    if observation_space is IMAGE:
        seen = np.moveaxis(observations, -1, 1)
    elif observation_space is WITH_IMAGE:
        seen = {**observations, "image": np.moveaxis(observations["image"], -1, 1)}
    expected = model.policy.predict(seen, deterministic=True)[0]
    assert_same(bundle.agent().act(observations), expected)


@pytest.mark.parametrize("space", [VECTOR, MIXED], ids=["vector", "dict"])
def test_statistics_beside_the_model_are_part_of_the_agent(space: Any, tmp_path: Path) -> None:
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    keys = ["z"] if isinstance(space, spaces.Dict) else None
    env = VecNormalize(DummyVecEnv([lambda: Spaces(space, BOX)]), norm_obs_keys=keys, clip_obs=2.0)
    case = "ppo-dict" if keys else "ppo"
    model = model_of(case, env)
    rms = env.obs_rms["z"] if keys else env.obs_rms
    rms.mean, rms.var = np.linspace(-1, 1, 5), np.linspace(0.1, 0.5, 5)
    folder = tmp_path / "CartPole-v1_1"
    (folder / "CartPole-v1").mkdir(parents=True)
    model.save(folder / "CartPole-v1.zip")
    env.save(folder / "CartPole-v1" / "vecnormalize.pkl")
    (folder / "CartPole-v1" / "config.yml").write_text("normalize: true\n")
    bundle, _ = zoo.import_agent(folder, tmp_path / "agent")
    assert bundle.env_id == "CartPole-v1"
    observations = samples(space)
    expected = model.predict(env.normalize_obs(observations), deterministic=True)[0]
    assert_same(bundle.agent().act(observations), expected)


def test_a_policy_on_small_images_is_portable(tmp_path: Path) -> None:
    env = Spaces(SMALL_IMAGE, FOUR)
    model = sb3.PPO("MlpPolicy", env, seed=0)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter.mul_(4.0)
    model.save(tmp_path / "model.zip")
    bundle, _ = zoo.import_agent(tmp_path / "model.zip", tmp_path / "agent", env="CartPole-v1")
    images = samples(SMALL_IMAGE)
    agent = bundle.agent()
    assert agent.observation_space == SMALL_IMAGE
    seen = np.moveaxis(images, -1, 1)
    assert_same(agent.act(images), model.policy.predict(seen, deterministic=True)[0])

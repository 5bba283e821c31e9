"""SB3's own `load` reads what is exported, and its `predict` acts as the agent does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import zoo
from tests.exporters.agents import AGENTS, BOX, VECTOR, N, agent, assert_same, batch
from tests.importers.test_sb3_saved import CASES, IMAGE, MODELS, WITH_IMAGE, Spaces, model_of
from zoo.agents.heads import Deterministic
from zoo_sb3.policy_agent import ALGORITHMS

LOADERS = {**ALGORITHMS, "ARS": MODELS["ars"]}


def loaded(path: Path, name: str) -> Any:
    return LOADERS[name].load(path, device="cpu")


@pytest.mark.parametrize("case", [case for case in CASES if case != "crossq-gsde"])
def test_a_model_that_came_in_goes_out_again(case: str, tmp_path: Path) -> None:
    _, observation_space, action_space, _ = CASES[case]
    model_of(case, Spaces(observation_space, action_space)).save(tmp_path / "model.zip")
    bundle, _ = zoo.import_agent(tmp_path / "model.zip", tmp_path / "agent", env="CartPole-v1")
    path = zoo.export_agent(bundle, "sb3", tmp_path / "out.zip")
    names = {"maskable": "MaskablePPO", "recurrent": "RecurrentPPO", "crossq": "SAC"}
    first = case.partition("-")[0]
    name = "TD3" if case == "ars" else names.get(first, first.upper())
    model = loaded(path, name)
    observations = batch(observation_space)
    seen: Any = observations
    if observation_space is IMAGE:
        seen = np.moveaxis(observations, -1, 1)
    elif observation_space is WITH_IMAGE:
        seen = {**observations, "image": np.moveaxis(observations["image"], -1, 1)}
    expected = bundle.agent().act(observations)
    found = model.predict(seen, deterministic=True)[0].astype(expected.dtype)
    if expected.dtype.kind == "f":
        assert_same(found, expected)
    else:
        assert np.mean(found == expected) > 0.998  # ties are broken by the last bit
    assert not list(tmp_path.glob(".tmp*"))


def test_normalised_features_for_exploration_are_crossqs_alone(tmp_path: Path) -> None:
    model_of("crossq-gsde", Spaces(VECTOR, BOX)).save(tmp_path / "model.zip")
    bundle, _ = zoo.import_agent(tmp_path / "model.zip", tmp_path / "agent", env="Pendulum-v1")
    with pytest.raises(zoo.ZooError, match="the activations identity, relu"):
        zoo.export_agent(bundle, "sb3", tmp_path / "out.zip")


def test_a_shipped_agent(tmp_path: Path) -> None:
    path = zoo.export_agent("sb3-ppo/CartPole-v1", "sb3", tmp_path / "cartpole.zip")
    shipped = zoo.load("sb3-ppo/CartPole-v1")
    observations = np.random.default_rng(0).uniform(-1, 1, (N, 4)).astype(np.float32)
    found = loaded(path, "PPO").predict(observations, deterministic=True)[0]
    np.testing.assert_array_equal(found, shipped.act(observations))


def test_statistics_lie_beside_the_zip(tmp_path: Path) -> None:
    normalized = agent(VECTOR, BOX, Deterministic(), activation="relu", normalize=True)
    path = zoo.export_agent(normalized, "sb3", tmp_path / "agent.zip")
    env = DummyVecEnv([lambda: Spaces(VECTOR, BOX)])
    normalizer = VecNormalize.load(str(tmp_path / "vecnormalize.pkl"), env)
    observations = batch(VECTOR)
    seen = normalizer.normalize_obs(observations)
    found = loaded(path, "TD3").predict(seen, deterministic=True)[0]
    assert_same(found, normalized.act(observations))
    again, _ = zoo.import_agent(path, tmp_path / "again", env="Pendulum-v1")
    assert_same(again.agent().act(observations), normalized.act(observations))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("distributional", "a distributional head"),
        ("categorical-late", "do not begin at 0"),
        ("activation-softplus", "the activations softplus"),
        ("image", "flattened images"),
    ],
)
def test_what_sb3_cannot_express_is_said(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(zoo.ZooError, match=said):
        zoo.export_agent(AGENTS[name], "sb3", tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()
    assert isinstance(AGENTS[name].action_space, spaces.Space)

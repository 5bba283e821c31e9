"""An `.npz` file holds all that acting needs, without the zoo and without pickles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from tests.exporters.agents import AGENTS, assert_same, batch
from zoo.agents.mlp import MLPAgent
from zoo.storage import spaces


def opened(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return json.loads(str(arrays.pop("description"))), arrays


@pytest.mark.parametrize("name", AGENTS)
def test_the_agent_can_be_put_together_again(name: str, tmp_path: Path) -> None:
    agent = AGENTS[name]
    description, arrays = opened(zoo.export_agent(agent, "numpy", tmp_path / "agent.npz"))
    again = MLPAgent.restore(
        description["description"],
        arrays,
        spaces.from_json(description["observation_space"]),
        spaces.from_json(description["action_space"]),
    )
    observations = batch(agent.observation_space)
    assert_same(again.act(observations), agent.act(observations))


def test_ten_lines_of_numpy_act_the_same(tmp_path: Path) -> None:
    agent = AGENTS["categorical"]
    description, arrays = opened(zoo.export_agent(agent, "numpy", tmp_path / "agent.npz"))
    observations = batch(agent.observation_space)
    x = observations
    for index, layer in enumerate(description["description"]["layers"]):
        x = x @ arrays[f"layers.{index}.weight"].T + arrays[f"layers.{index}.bias"]
        x = np.tanh(x) if layer["activation"] == "tanh" else x
    np.testing.assert_array_equal(x.argmax(1), agent.act(observations))


def test_a_shipped_agent_says_where_it_comes_from(tmp_path: Path) -> None:
    path = zoo.export_agent("sb3-ppo/CartPole-v1", "numpy", tmp_path / "sub" / "agent.npz")
    description, _ = opened(path)
    assert description["environment"]["id"] == "CartPole-v1"
    with pytest.raises(zoo.ZooError, match="is a directory"):
        zoo.export_agent("sb3-ppo/CartPole-v1", "numpy", tmp_path)
    with pytest.raises(zoo.ZooError, match="Did you mean numpy"):
        zoo.export_agent("sb3-ppo/CartPole-v1", "numpi", tmp_path / "x")

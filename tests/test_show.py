"""What `zoo.show` tells of agents of every kind."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from tests.actors import balancer
from tests.drawing.tables import lake, saved
from zoo import ZooError, show
from zoo.agents.table import TableAgent


def test_a_lake_is_drawn_with_arrows_and_values(tmp_path: Path) -> None:
    text = str(show(saved(tmp_path / "agent", lake(), "FrozenLake-v1")))
    lines = text.splitlines()
    assert lines[0] == "counting on FrozenLake-v1"
    drawn = lines[lines.index("") + 2 :]
    assert drawn[0] == "0   S ←    ↓    →    ↑"
    assert drawn[1] == "   0.00 0.10 0.20 0.30"
    assert drawn[2].split() == ["1", "←", "H", "→", "H"]
    assert drawn[3].split() == ["0.40", "0.60"]
    assert lines[-1] == "V: 0.00 to 1.40"


def test_the_environments_arguments_make_its_map(tmp_path: Path) -> None:
    env = gym.make("FrozenLake-v1", map_name="8x8")
    agent = TableAgent(env.observation_space, env.action_space, q=np.eye(64, 4))
    bundle = saved(tmp_path / "agent", agent, "FrozenLake-v1", kwargs={"map_name": "8x8"})
    portrait = show(bundle)
    assert portrait.charts[0].shape == (8, 8)
    assert portrait.facts["arguments"] == "map_name=8x8"


def test_a_large_table_is_listed_page_by_page(tmp_path: Path) -> None:
    env = gym.make("Taxi-v4")
    q = np.repeat(np.arange(500.0), 6).reshape(500, 6)
    agent = TableAgent(env.observation_space, env.action_space, q=q)
    portrait = show(saved(tmp_path / "agent", agent, "Taxi-v4"))
    lines = str(portrait).splitlines()
    assert lines[-1] == "20 of 500 states; the next ones: --states 20-39"
    assert lines[-2].split()[:2] == ["19", "0,"]
    assert portrait.lines(states=[123])[-1].plain.split()[:6] == [
        "123",
        "1,",
        "1,",
        "0,",
        "3",
        "123",
    ]
    with pytest.raises(ZooError, match=r"no state 500\. The table's states are 0 to 499"):
        portrait.lines(states=[3, 500])


def test_an_agent_without_an_environment_is_shown_too(tmp_path: Path) -> None:
    assert "an agent of kind table" in str(show(lake()))
    lost = show(saved(tmp_path / "agent", lake(), "NobodyHasThis-v0"))
    assert lost.charts == ()
    assert "counting on NobodyHasThis-v0" in str(lost)


def test_given_state_values_are_shown_as_they_are(tmp_path: Path) -> None:
    agent = lake(q=np.eye(16, 4), v=np.full(16, 7.0))
    portrait = show(saved(tmp_path / "agent", agent, "FrozenLake-v1"))
    assert np.nanmin(portrait.charts[0].values) == 7.0


def test_the_numbers_are_there_for_programs(tmp_path: Path) -> None:
    data = show(saved(tmp_path / "agent", lake(), "FrozenLake-v1")).to_json([1, 2])
    assert data["algorithm"] == "counting"
    assert data["actions"] == ["left", "down", "right", "up"]
    assert data["grid"] == (4, 4)
    assert [best.tolist() for best in data["best"]] == [[1], [2]]
    assert np.allclose(data["v"], [0.1, 0.2])


def test_a_network_is_told_by_its_layers_and_not_drawn(tmp_path: Path) -> None:
    agent = balancer(0.1, 0.5, 2, 2)
    portrait = show(agent)
    assert "preprocessing: flatten" in str(portrait)
    for name, tensor in agent.tensors().items():
        assert f"{name}" in str(portrait)
        assert " x ".join(map(str, tensor.shape)) in str(portrait)
    with pytest.raises(ZooError, match="only tables can be drawn, and this agent is of the kind"):
        portrait.save(tmp_path / "x.png")

"""onnxruntime acts as the agent does."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from tests.exporters.agents import AGENTS, assert_same, batch
from zoo.agents.table import TableAgent

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("name", AGENTS)
def test_onnxruntime_acts_the_same(name: str, tmp_path: Path) -> None:
    agent = AGENTS[name]
    path = zoo.export_agent(agent, "onnx", tmp_path / "agent.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    observations = batch(agent.observation_space)
    inputs = observations if isinstance(observations, dict) else {"observation": observations}
    (actions,) = session.run(["action"], inputs)
    assert_same(actions, agent.act(observations))


def test_a_table_is_no_network(tmp_path: Path) -> None:
    import numpy as np
    from gymnasium import spaces

    table = TableAgent(spaces.Discrete(3), spaces.Discrete(2), q=np.zeros((3, 2)))
    with pytest.raises(zoo.ZooError, match=r"'table' cannot be written as onnx.*numpy"):
        zoo.export_agent(table, "onnx", tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()

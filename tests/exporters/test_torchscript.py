"""TorchScript acts as the agent does."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from tests.exporters.agents import AGENTS, assert_same, batch

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torch_acts_the_same(name: str, tmp_path: Path) -> None:
    agent = AGENTS[name]
    module = torch.jit.load(zoo.export_agent(agent, "torchscript", tmp_path / "agent.pt"))
    observations = batch(agent.observation_space)
    if isinstance(observations, dict):
        inputs = {key: torch.from_numpy(value) for key, value in observations.items()}
    else:
        inputs = torch.from_numpy(observations)
    assert_same(module(inputs).numpy(), agent.act(observations))

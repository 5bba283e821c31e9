"""Agents as an `.npz` file: arrays, and a description of how they are put together.

    import json, numpy
    file = numpy.load("CartPole-v1.npz")
    description = json.loads(str(file["description"]))

Beside the description, whose form is that of `agent.json`, lie the arrays by their names:
`layers.0.weight` (outputs, inputs), `layers.0.bias` (outputs,), `preprocess.0.mean` ...
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from zoo.agent import Agent
from zoo.exchange import Exporter
from zoo.storage import spaces, strict_json
from zoo.storage.bundle import Bundle
from zoo.storage.files import write_atomically


class NumPyExporter(Exporter):
    """Writes agents of every kind."""

    suffix = ".npz"

    def write(self, agent: Agent, path: Path) -> None:
        description = {
            "kind": agent.kind,
            "description": agent.describe(),
            "observation_space": spaces.to_json(agent.observation_space),
            "action_space": spaces.to_json(agent.action_space),
        }
        if isinstance(agent.origin, Bundle):
            description["environment"] = agent.origin.environment
            description["algorithm"] = agent.origin.algorithm
        text = strict_json.dumps(description).decode().strip()
        buffer = io.BytesIO()
        np.savez_compressed(buffer, description=np.array(text), **agent.tensors())  # type: ignore[arg-type]
        write_atomically(path, buffer.getvalue())

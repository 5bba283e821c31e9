"""Agents as TorchScript modules, from raw observations to the best actions.

module = torch.jit.load("CartPole-v1.pt")
actions = module(torch.from_numpy(observations))     # batches; a dict of them for a Dict
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from zoo.agent import Agent
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import example
from zoo.exchange import Exporter
from zoo.exporters.forward import Operations, forward, portable

_BINARY: dict[str, Any] = {
    "subtract": torch.sub, "divide": torch.div, "add": torch.add, "multiply": torch.mul,
    "minimum": torch.minimum, "maximum": torch.maximum,
}  # fmt: skip
_ACTIVATIONS: dict[str, Any] = {
    "tanh": torch.tanh, "relu": torch.relu, "elu": functional.elu, "gelu": functional.gelu,
    "leaky-relu": functional.leaky_relu, "silu": functional.silu, "sigmoid": torch.sigmoid,
    "softplus": functional.softplus, "hardtanh": functional.hardtanh,
}  # fmt: skip


class TorchScriptExporter(Exporter):
    """Writes agents of fully connected layers."""

    suffix = ".pt"

    def write(self, agent: Agent, path: Path) -> None:
        torch.jit.save(build(agent), str(path))


def build(agent: Agent) -> torch.jit.ScriptModule:
    """Return an agent as a module; `ZooError` for kinds that are no fully connected layers."""
    mlp = portable(agent, "torchscript")
    observations = example(mlp.observation_space)
    is_dict = isinstance(observations, dict)
    two = _as_tensors(observations, rows=2)  # a batch of one could be taken for a constant
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch announces that tracing will be replaced
        module = torch.jit.trace(_Module(mlp), (two,), strict=not is_dict)
    return module


def _as_tensors(observations: Any, rows: int) -> Any:
    if isinstance(observations, dict):
        return {key: _as_tensors(value, rows) for key, value in observations.items()}
    return torch.from_numpy(np.repeat(observations, rows, axis=0))


class _Module(torch.nn.Module):
    def __init__(self, agent: MLPAgent) -> None:
        super().__init__()
        self.agent = agent

    def forward(self, observations: Any) -> torch.Tensor:
        return forward(self.agent, observations, _Tensors())


class _Tensors(Operations):
    """Computes in torch; a value is a tensor."""

    def cast(self, x: torch.Tensor, dtype: np.dtype) -> torch.Tensor:
        return x.to(torch.from_numpy(np.zeros(1, dtype)).dtype)

    def binary(self, name: str, x: torch.Tensor, constant: np.ndarray) -> torch.Tensor:
        return _BINARY[name](x, torch.from_numpy(np.array(constant)))

    def activate(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return _ACTIVATIONS[name](x)

    def linear(self, x: torch.Tensor, weight: np.ndarray, bias: np.ndarray) -> torch.Tensor:
        return functional.linear(x, torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy()))

    def reshape(self, x: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
        return x.flatten(1) if tuple(shape) == (-1,) and x.ndim > 1 else x.reshape(-1, *shape)

    def concatenate(self, values: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.cat(list(values), dim=1)

    def columns(self, x: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        return x[:, start:stop]

    def one_hot(self, x: torch.Tensor, count: int) -> torch.Tensor:
        return (x == torch.arange(count)).to(torch.float32)

    def largest(self, x: torch.Tensor) -> torch.Tensor:
        return x.argmax(1, keepdim=True)

    def mean(self, x: torch.Tensor, axis: int) -> torch.Tensor:
        return x.mean(axis)

    def softmax(self, x: torch.Tensor) -> torch.Tensor:
        return x.softmax(-1)

    def is_positive(self, x: torch.Tensor) -> torch.Tensor:
        return (x > 0).to(torch.int64)

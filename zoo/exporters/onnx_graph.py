"""Agents as ONNX graphs, from raw observations to the best actions.

The input is called `observation`, or as the keys of Dict observations are; the output `action`.
The first axis of all of them is the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, checker, helper, numpy_helper

from zoo.agent import Agent
from zoo.exchange import Exporter
from zoo.exporters.forward import Operations, forward, portable
from zoo.storage.files import write_atomically

OPSET = 17
IR_VERSION = 8
"""Both as old as the operators allow, so that old runtimes read the file too."""
_BINARY = {
    "subtract": "Sub", "divide": "Div", "add": "Add", "multiply": "Mul", "minimum": "Min",
    "maximum": "Max",
}  # fmt: skip
_ACTIVATIONS = {
    "tanh": "Tanh", "relu": "Relu", "elu": "Elu", "sigmoid": "Sigmoid", "softplus": "Softplus",
}  # fmt: skip


class OnnxExporter(Exporter):
    """Writes agents of fully connected layers."""

    suffix = ".onnx"

    def write(self, agent: Agent, path: Path) -> None:
        write_atomically(path, build(agent).SerializeToString())


def build(agent: Agent) -> ModelProto:
    """Return the graph of an agent; `ZooError` for kinds that are no fully connected layers."""
    mlp = portable(agent, "onnx")
    inner = getattr(mlp.observation_space, "spaces", None)
    inputs = {"observation": mlp.observation_space} if inner is None else dict(inner)
    graph = _Graph()
    values = {name: name for name in inputs}
    action = forward(mlp, values if inner else "observation", graph)
    graph.node("Identity", [action], output="action")
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "agent",
            [_end(name, space) for name, space in inputs.items()],
            [_end("action", mlp.action_space)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="agent-zoo",
    )
    checker.check_model(model)
    return model


def _end(name: str, space: Any) -> Any:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(space.dtype))
    return helper.make_tensor_value_info(name, kind, ["batch", *(space.shape or ())])


class _Graph(Operations):
    """Adds nodes to a graph; a value is the name of a node's output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, inputs: Sequence[str], *, output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = output or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, array: np.ndarray) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def cast(self, x: str, dtype: np.dtype) -> str:
        return self.node("Cast", [x], to=helper.np_dtype_to_tensor_dtype(dtype))

    def binary(self, name: str, x: str, constant: np.ndarray) -> str:
        return self.node(_BINARY[name], [x, self.constant(constant)])

    def activate(self, name: str, x: str) -> str:
        if name in _ACTIVATIONS:
            return self.node(_ACTIVATIONS[name], [x])
        if name == "leaky-relu":
            return self.node("LeakyRelu", [x], alpha=0.01)
        if name == "silu":
            return self.node("Mul", [x, self.node("Sigmoid", [x])])
        if name == "hardtanh":
            low, high = (self.constant(np.array(limit, np.float32)) for limit in (-1, 1))
            return self.node("Clip", [x, low, high])
        assert name == "gelu", name
        erf = self.node("Erf", [self.binary("multiply", x, np.array(0.5**0.5, np.float32))])
        half = self.binary("multiply", x, np.array(0.5, np.float32))
        return self.node("Mul", [half, self.binary("add", erf, np.array(1.0, np.float32))])

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        product = self.node("MatMul", [x, self.constant(weight.T)])
        return self.node("Add", [product, self.constant(bias)])

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        if tuple(shape) == (-1,):
            return self.node("Flatten", [x], axis=1)
        if not shape:
            return self.node("Reshape", [x, self.constant(np.array([-1], np.int64))])
        return self.node("Reshape", [x, self.constant(np.array([-1, *shape], np.int64))])

    def concatenate(self, values: Sequence[str]) -> str:
        return self.node("Concat", values, axis=1)

    def columns(self, x: str, start: int, stop: int) -> str:
        limits = [self.constant(np.array([value], np.int64)) for value in (start, stop, 1)]
        return self.node("Slice", [x, *limits])

    def one_hot(self, x: str, count: int) -> str:
        row = self.constant(np.arange(count, dtype=np.int64))
        return self.cast(self.node("Equal", [x, row]), np.dtype(np.float32))

    def largest(self, x: str) -> str:
        return self.node("ArgMax", [x], axis=1, keepdims=1)

    def mean(self, x: str, axis: int) -> str:
        return self.node("ReduceMean", [x], axes=[axis], keepdims=0)

    def softmax(self, x: str) -> str:
        return self.node("Softmax", [x], axis=-1)

    def is_positive(self, x: str) -> str:
        zero = self.constant(np.zeros((), np.float32))
        return self.cast(self.node("Greater", [x, zero]), np.dtype(np.int64))

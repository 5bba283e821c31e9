"""Fully connected layers out of an ONNX graph: a chain of Gemm, MatMul, Add and activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.agents.layers import Layer
from zoo.errors import MissingExtra, ZooError

_ACTIVATIONS = {
    "Relu": "relu", "Tanh": "tanh", "Elu": "elu", "LeakyRelu": "leaky-relu", "Gelu": "gelu",
    "Sigmoid": "sigmoid", "Softplus": "softplus",
}  # fmt: skip
_DEFAULTS = {"Elu": ("alpha", 1.0), "LeakyRelu": ("alpha", 0.01)}
_NOTHING = ("Flatten", "Identity", "Reshape", "Cast", "Dropout")
_HINT = "Only chains of fully connected layers with activations are read"


def read(data: bytes, where: str) -> list[Layer]:
    """Return the layers of the graph in `data`, in order; `ZooError` for any other graph."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingExtra("importing ONNX files", "onnx") from error
    try:
        graph = onnx.load_model_from_string(data).graph
    except (DecodeError, ValueError, RuntimeError) as error:
        raise ZooError(f"{where} cannot be read: it is no ONNX file") from error
    try:
        chain = _Chain(graph, where)
        for node in graph.node:
            chain.add(node)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ZooError(f"{where} cannot be read: its nodes do not fit their numbers") from error
    if chain.value != graph.output[0].name:
        raise ZooError(f"{where} cannot be read: its output is not the end of its nodes", _HINT)
    if not chain.layers:
        raise ZooError(f"{where} has no fully connected layer", _HINT)
    return chain.layers


class _Chain:
    """The layers so far, and the name of the value that the last one gives."""

    def __init__(self, graph: Any, where: str) -> None:
        self.where = where
        self.constants = {item.name: _numbers(item, where) for item in graph.initializer}
        inputs = [item.name for item in graph.input if item.name not in self.constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise ZooError(f"{where} has not one input and one output", _HINT)
        self.value = inputs[0]
        self.layers: list[Layer] = []

    def add(self, node: Any) -> None:
        """Take one more node into account."""
        kind = node.op_type
        if kind == "Constant":
            self.constants[node.output[0]] = _constant(node, self.where)
            return
        if self.value not in node.input:
            raise self._not_read(f"its {kind} does not follow the node before it")
        if kind in ("Gemm", "MatMul") and node.input[0] != self.value:
            raise self._not_read(f"its {kind} has the layer's input on the right")
        others = [self.constants.get(name) for name in node.input if name and name != self.value]
        if kind not in _NOTHING and any(other is None for other in others):
            raise self._not_read(f"its {kind} reads more than one value")
        self._apply(kind, others, {item.name: item for item in node.attribute})
        self.value = node.output[0]

    def _apply(self, kind: str, others: list[Any], attributes: dict[str, Any]) -> None:
        if kind == "Gemm":
            self._gemm(others, attributes)
        elif kind == "MatMul":
            self.layers.append(Layer(others[0].T))
        elif kind == "Add" and self.layers and self.layers[-1].bias is None:
            last = self.layers[-1]
            if last.activation != "identity":
                raise self._not_read("it adds to the result of an activation")
            bias = np.broadcast_to(others[0].ravel(), (last.outputs,))
            self.layers[-1] = Layer(last.weight, bias)
        elif kind in _ACTIVATIONS:
            self._activate(kind, attributes)
        elif kind not in _NOTHING:
            raise self._not_read(f"it has the operator {kind}")

    def _gemm(self, others: list[Any], attributes: dict[str, Any]) -> None:
        plain = all(attributes[name].f == 1.0 for name in ("alpha", "beta") if name in attributes)
        if not plain or ("transA" in attributes and attributes["transA"].i):
            raise self._not_read("its Gemm scales or transposes its input")
        is_turned = "transB" in attributes and attributes["transB"].i
        weight = others[0] if is_turned else others[0].T
        bias = np.broadcast_to(others[1].ravel(), (len(weight),)) if len(others) > 1 else None
        self.layers.append(Layer(weight, bias))

    def _activate(self, kind: str, attributes: dict[str, Any]) -> None:
        name, usual = _DEFAULTS.get(kind, ("", 0.0))
        given = attributes[name].f if name in attributes else usual
        if not self.layers or self.layers[-1].activation != "identity":
            raise self._not_read(f"its {kind} follows no layer")
        if abs(given - usual) > 1e-6:
            raise self._not_read(f"its {kind} has the {name} {given:g}, not {usual:g}")
        last = self.layers[-1]
        self.layers[-1] = Layer(last.weight, last.bias, _ACTIVATIONS[kind])

    def _not_read(self, what: str) -> ZooError:
        return ZooError(f"{self.where} cannot be read: {what}", _HINT)


def _constant(node: Any, where: str) -> np.ndarray:
    for attribute in node.attribute:
        if attribute.name == "value":
            return _numbers(attribute.t, where)
    return np.zeros(0)


def _numbers(tensor: Any, where: str) -> np.ndarray:
    """Return a tensor's numbers, which must lie in the file itself."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL:
        raise ZooError(f"{where} keeps its numbers in another file, which is not read", _HINT)
    try:
        return numpy_helper.to_array(tensor)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ZooError(f"{where} cannot be read: a tensor in it is damaged") from error

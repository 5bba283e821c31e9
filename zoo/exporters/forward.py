"""What an `mlp` agent computes, said once for every format that it is written in.

`forward` goes from raw observations to the best actions, calling an `Operations` for each step;
for ONNX these add nodes to a graph, for torch they compute. They must not know about agents.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.agent import Agent
from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Distributional,
    Quantile,
    SquashedGaussian,
)
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.errors import ZooError

FLOAT, INTEGER = np.dtype(np.float32), np.dtype(np.int64)


class Operations(ABC):
    """The steps that a network is made of; a value is whatever the format calls one.

    All values are batches (n, ...); arrays are constants that are broadcast to a row.
    """

    @abstractmethod
    def cast(self, x: Any, dtype: np.dtype) -> Any:
        """Return `x` as numbers of another type."""

    @abstractmethod
    def binary(self, name: str, x: Any, constant: np.ndarray) -> Any:
        """Return `subtract`, `divide`, `add`, `multiply`, `minimum` or `maximum` of the two."""

    @abstractmethod
    def activate(self, name: str, x: Any) -> Any:
        """Return an activation of `zoo.agents.layers` by its name."""

    @abstractmethod
    def linear(self, x: Any, weight: np.ndarray, bias: np.ndarray) -> Any:
        """Return `x @ weight.T + bias`."""

    @abstractmethod
    def reshape(self, x: Any, shape: Sequence[int]) -> Any:
        """Return `x` with rows of `shape`, in which one size may be -1."""

    @abstractmethod
    def concatenate(self, values: Sequence[Any]) -> Any:
        """Return values (n, ?) side by side."""

    @abstractmethod
    def columns(self, x: Any, start: int, stop: int) -> Any:
        """Return some columns of `x` (n, k)."""

    @abstractmethod
    def one_hot(self, x: Any, count: int) -> Any:
        """Return (n, count) float32 with a one at each index in `x` (n, 1) int64."""

    @abstractmethod
    def largest(self, x: Any) -> Any:
        """Return the index (n, 1) int64 of the largest of `x` (n, k), the first of equals."""

    @abstractmethod
    def mean(self, x: Any, axis: int) -> Any:
        """Return the mean over one axis, which disappears."""

    @abstractmethod
    def softmax(self, x: Any) -> Any:
        """Return the softmax over the last axis."""

    @abstractmethod
    def is_positive(self, x: Any) -> Any:
        """Return int64 ones where `x` is above zero."""


def portable(agent: Agent, format_name: str) -> MLPAgent:
    """Return `agent` where it is of the kind `mlp`; `ZooError` for others."""
    if isinstance(agent, MLPAgent):
        return agent
    raise ZooError(
        f"an agent of the kind {agent.kind!r} cannot be written as {format_name}",
        "Only networks of fully connected layers can; `--format numpy` writes every agent",
    )


def forward(agent: MLPAgent, observations: Any, ops: Operations) -> Any:
    """Return the deterministic actions for a batch of raw observations, or a dict of batches."""
    value = observations
    for name, parameters in agent.preprocess.steps:
        rest = {key: item for key, item in parameters.items() if key != "key"}
        if "key" in parameters:
            key = parameters["key"]
            value = {**value, key: _STEPS[name](ops, value[key], **rest)}
        else:
            value = _STEPS[name](ops, value, **rest)
    value = ops.cast(value, FLOAT)
    for layer in agent.layers:
        value = _layer(ops, value, layer)
    actions = _choose(agent, value, ops)
    shape = tuple(agent.action_space.shape or ())
    return ops.cast(ops.reshape(actions, shape), np.dtype(agent.action_space.dtype))


def _layer(ops: Operations, x: Any, layer: Layer) -> Any:
    bias = np.zeros(layer.outputs, np.float32) if layer.bias is None else layer.bias
    x = ops.linear(x, layer.weight, bias)
    return x if layer.activation == "identity" else ops.activate(layer.activation, x)


def _normalize(
    ops: Operations, x: Any, *, mean: np.ndarray, var: np.ndarray, epsilon: float, clip: float
) -> Any:
    x = ops.binary("subtract", ops.cast(x, np.dtype(np.float64)), np.asarray(mean, np.float64))
    x = ops.binary("divide", x, np.sqrt(np.asarray(var, np.float64) + epsilon))
    x = ops.binary("minimum", x, np.array(clip, np.float64))
    x = ops.binary("maximum", x, np.array(-clip, np.float64))
    return ops.cast(x, FLOAT)


def _scale(ops: Operations, x: Any, divisor: float) -> Any:
    return ops.binary("divide", ops.cast(x, FLOAT), np.array(divisor, np.float32))


def _flatten(ops: Operations, x: Any) -> Any:
    return ops.reshape(x, (-1,))


def _concatenate(ops: Operations, x: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return ops.concatenate([ops.cast(ops.reshape(x[key], (-1,)), FLOAT) for key in keys])


def _one_hot(
    ops: Operations, x: Any, nvec: Sequence[int], start: Sequence[int] | None = None
) -> Any:
    x = ops.reshape(ops.cast(x, INTEGER), (len(nvec),))
    if start is not None and any(start):
        x = ops.binary("subtract", x, np.asarray(start, np.int64))
    parts = [ops.one_hot(ops.columns(x, i, i + 1), int(n)) for i, n in enumerate(nvec)]
    return parts[0] if len(parts) == 1 else ops.concatenate(parts)


_STEPS: dict[str, Any] = {
    "normalize": _normalize,
    "scale": _scale,
    "flatten": _flatten,
    "one-hot": _one_hot,
    "concatenate": _concatenate,
}


def _choose(agent: MLPAgent, output: Any, ops: Operations) -> Any:
    """Return the best actions (n, k), as the head chooses them."""
    head, space = agent.head, agent.action_space
    if isinstance(head, Deterministic | SquashedGaussian):
        return _rescaled(space, output, ops)
    if isinstance(head, DiagonalGaussian):
        if head.clip_mean is not None:
            output = ops.binary("minimum", output, np.array(head.clip_mean, np.float32))
            output = ops.binary("maximum", output, np.array(-head.clip_mean, np.float32))
        return _rescaled(space, output, ops) if head.squash else _clipped(space, output, ops)
    if hasattr(space, "low"):
        return _clipped(space, output, ops)
    if isinstance(head, Categorical):
        return _categories(head, space, output, ops)
    n = int(space.n)  # type: ignore[attr-defined]
    if isinstance(head, Quantile):
        output = ops.mean(ops.reshape(output, (head.n_quantiles, n)), 1)
    if isinstance(head, Distributional):
        weights = ops.softmax(ops.reshape(output, (n, len(head.atoms))))
        output = ops.linear(weights, head.atoms[None], np.zeros(1, np.float32))
        output = ops.reshape(output, (n,))
    return _counted(ops.largest(output), np.ravel(getattr(space, "start", 0)), ops)


def _categories(head: Categorical, space: Any, output: Any, ops: Operations) -> Any:
    if not hasattr(space, "nvec") and not hasattr(space, "start") and not head.masks:
        return ops.is_positive(output)  # independent bits
    if hasattr(space, "nvec"):
        choices = np.ravel(space.nvec).tolist()
    else:
        choices = [int(space.n)] if hasattr(space, "start") else [2] * int(np.prod(space.shape))
    ends = np.cumsum(choices).tolist()
    parts = [
        ops.largest(ops.columns(output, end - size, end))
        for end, size in zip(ends, choices, strict=True)
    ]
    chosen = parts[0] if len(parts) == 1 else ops.concatenate(parts)
    return _counted(chosen, np.ravel(getattr(space, "start", 0)), ops)


def _counted(indices: Any, start: np.ndarray, ops: Operations) -> Any:
    return ops.binary("add", indices, start.astype(np.int64)) if np.any(start) else indices


def _clipped(space: Any, x: Any, ops: Operations) -> Any:
    low, high = np.ravel(space.low), np.ravel(space.high)
    if np.isneginf(low).all() and np.isposinf(high).all():
        return x
    return _between(ops.cast(x, low.dtype), low, high, ops)


def _rescaled(space: Any, x: Any, ops: Operations) -> Any:
    low, high = np.ravel(space.low), np.ravel(space.high)
    if low.dtype.kind != "f":
        low, high = low.astype(np.float32), high.astype(np.float32)
    x = ops.cast(ops.activate("tanh", x), low.dtype)
    x = ops.binary("add", x, np.array(1.0, low.dtype))
    x = ops.binary("multiply", x, np.array(0.5, low.dtype) * (high - low))
    return _between(ops.binary("add", x, low), low, high, ops)


def _between(x: Any, low: np.ndarray, high: np.ndarray, ops: Operations) -> Any:
    return ops.binary("minimum", ops.binary("maximum", x, low), high)

"""Observations that were always zero in training and no longer are.

Among the numbers that Ant and Humanoid show are 84 forces of contacts. Under mujoco-py 2.0 they
were zero, always; MuJoCo's own bindings compute them. An agent from then has never seen another
value, and is lost with the real ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from zoo.agents.layers import Layer
from zoo.agents.preprocess import Step

_CONTACTS = {"Ant": (27, 111), "Humanoid": (292, 376), "HumanoidStandup": (292, 376)}
"""Where the contact forces stand. Today's Ant leaves them out, Humanoid goes on showing them."""
_OLD = re.compile(r"(Ant|Humanoid|HumanoidStandup)-v[23]")
_DEAD_VARIANCE = 1e-6


def contact_forces(env_id: str, space: Any) -> slice | None:
    """Return where an old environment's observations hold contact forces; None for others."""
    match = _OLD.fullmatch(env_id)
    if match is None or not isinstance(space, spaces.Box) or len(space.shape) != 1:
        return None
    begin, end = _CONTACTS[match[1]]
    return slice(begin, end) if space.shape[0] >= end else None


def were_dead(where: slice, layer: Layer, steps: Sequence[Step]) -> bool:
    """Say whether an agent was trained without contact forces.

    The variance of its normaliser tells. Without one the first layer does: weights that only
    ever met zeros are where torch put them, between -1 / sqrt(inputs) and 1 / sqrt(inputs).
    """
    for name, parameters in steps:
        if name == "normalize":
            return bool((parameters["var"][where] < _DEAD_VARIANCE).all())
    limit = (1 + 1e-6) / np.sqrt(layer.inputs)
    return bool((np.abs(layer.weight[:, where]) <= limit).all())


def without(
    env_id: str, where: slice, layer: Layer, steps: Sequence[Step], space: spaces.Box
) -> tuple[Layer, list[Step], spaces.Box]:
    """Return (first layer, preprocessing, space) that act on today's observations as if the
    contact forces were still zero."""
    weight = layer.weight.astype(np.float64)
    bias = np.zeros(layer.outputs) if layer.bias is None else layer.bias.astype(np.float64)
    bias = bias + weight[:, where] @ _zeros(steps, space.shape[0])[where]
    if not env_id.startswith("Ant-"):
        weight[:, where] = 0.0
        return Layer(weight, bias, layer.activation), list(steps), space
    low, high = np.delete(space.low, where), np.delete(space.high, where)
    shorter = spaces.Box(low, high, dtype=space.dtype.type)
    kept = Layer(np.delete(weight, where, axis=1), bias, layer.activation)
    return kept, [_cut(step, where) for step in steps], shorter


def _zeros(steps: Sequence[Step], count: int) -> np.ndarray:
    """Return what an observation of zeros is after its normalisation."""
    value = np.zeros(count)
    for name, parameters in steps:
        if name == "normalize":
            deviation = np.sqrt(parameters["var"] + parameters["epsilon"])
            clip = parameters["clip"]
            value = np.clip((0.0 - parameters["mean"]) / deviation, -clip, clip)
    return value


def _cut(step: Step, where: slice) -> Step:
    name, parameters = step
    cut: Mapping[str, Any] = {
        key: np.delete(value, where) if isinstance(value, np.ndarray) else value
        for key, value in parameters.items()
    }
    return name, cut

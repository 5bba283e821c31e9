"""Imports plain networks: `.pth`, `.safetensors` and `.onnx` files, with a description.

The description is a YAML mapping:

    head: categorical          # or q-value, linear, deterministic, gaussian, squashed-gaussian
    activation: tanh           # between the layers; an ONNX graph has its own
    layers: [net.0, net.2]     # by name and in order; by default all, as the file has them
    log_std: log_std           # for gaussian: an array; for squashed-gaussian: a layer
    mean: obs_mean             # arrays that observations are normalised by, if any
    var: obs_var

Without one an ONNX graph is read as a linear head: the largest output, or the outputs clipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Head,
    Linear,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import ACTIVATIONS, Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, Step, standard_steps
from zoo.errors import ZooError, did_you_mean
from zoo.exchange import Imported, Importer, ImportRequest
from zoo.foreign import torch_file
from zoo.importers import environment, onnx_layers
from zoo.storage import weights
from zoo.storage.files import explain

_TORCH = (".pth", ".pt")
_SUFFIXES = (*_TORCH, ".safetensors", ".onnx")
_MAX_BYTES = 1 << 30
_KEYS = {"head", "activation", "layers", "log_std", "mean", "var"}
_HEADS = (
    "categorical", "q-value", "linear", "deterministic", "gaussian", "squashed-gaussian",
)  # fmt: skip

Tensors = Mapping[str, np.ndarray]


class LayersImporter(Importer):
    """Reads a file of plain layers for the environment that the user names."""

    def recognises(self, path: Path) -> bool:
        return path.is_file() and path.suffix in _SUFFIXES

    def read(self, path: Path, request: ImportRequest) -> Imported:
        described = _checked(request.architecture or {}, path)
        with explain(path, "read"):
            if path.stat().st_size > _MAX_BYTES:
                raise ZooError(f"{path} is too large", "Is it the right file?")
            data = path.read_bytes()
        tensors: Tensors = {}
        if path.suffix == ".onnx":
            layers = onnx_layers.read(data, str(path))
        else:
            tensors = _tensors(path, data)
            layers = _layers(tensors, described, path)
        head = _head(tensors, described, path)
        config, observations, actions, notes = environment.find(request, None, str(path))
        normal: list[Step] = []
        if "mean" in described:
            mean, var = (_array(tensors, described, key, path) for key in ("mean", "var"))
            normal = [("normalize", {"mean": mean, "var": var, "epsilon": 1e-8, "clip": 10.0})]
        steps = Preprocess([*normal, *standard_steps(observations)])
        return Imported(
            agent=MLPAgent(observations, actions, layers, head, steps),
            algorithm=request.algorithm or "imported",
            environment=config.to_json(),
            notes=tuple(notes),
        )


def _checked(described: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Return the description; `ZooError` for what it may not say, or lacks."""
    for key in described:
        if key not in _KEYS:
            raise ZooError(
                f"the architecture has an unknown key {key!r}",
                did_you_mean(key, _KEYS, otherwise=f"Known are: {', '.join(sorted(_KEYS))}"),
            )
    needed = () if path.suffix == ".onnx" else ("head", "activation")
    if missing := [key for key in needed if key not in described]:
        raise ZooError(
            f"{path} does not describe its network: {' and '.join(missing)} must be given",
            "Write them to a YAML file and name it with --architecture",
        )
    head, activation = described.get("head", "linear"), described.get("activation", "identity")
    if head not in _HEADS:
        raise ZooError(f"there is no head {head!r}", f"Choose from: {', '.join(_HEADS)}")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise ZooError(
            f"there is no activation {activation!r}", f"Choose from: {', '.join(ACTIVATIONS)}"
        )
    return described


def _tensors(path: Path, data: bytes) -> Tensors:
    if path.suffix == ".safetensors":
        return weights.loads(data, str(path))
    return torch_file.read_state(data, str(path))


def _layers(tensors: Tensors, described: Mapping[str, Any], path: Path) -> list[Layer]:
    names = described.get("layers")
    if names is None:
        beside = described.get("log_std")
        names = [
            name.removesuffix(".weight")
            for name, array in tensors.items()
            if name.endswith(".weight") and array.ndim == 2
        ]
        names = sorted((name for name in names if name != beside), key=_natural)
    if not isinstance(names, list) or not names:
        raise ZooError(f"{path} has no layers", "List them in the architecture: layers: [net.0]")
    activation = described["activation"]
    *hidden, last = [_layer(tensors, str(name), path) for name in names]
    return [*(Layer(one.weight, one.bias, activation) for one in hidden), last]


def _natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Sort `net.10` behind `net.2`: safetensors files have no order of their own."""
    parts = name.split(".")
    numbers = [int(p) if p.isascii() and p.isdigit() and len(p) < 10 else None for p in parts]
    return tuple((n is None, n or 0, p) for n, p in zip(numbers, parts, strict=True))


def _layer(tensors: Tensors, name: str, path: Path) -> Layer:
    if f"{name}.weight" not in tensors:
        near = did_you_mean(f"{name}.weight", tensors)
        raise ZooError(f"{path} has no {name}.weight", near)
    return Layer(tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))


def _array(tensors: Tensors, described: Mapping[str, Any], key: str, path: Path) -> np.ndarray:
    name = str(described.get(key))
    if name not in tensors:
        raise ZooError(f"{path} has no {name} for {key}", did_you_mean(name, tensors))
    return tensors[name]


def _head(tensors: Tensors, described: Mapping[str, Any], path: Path) -> Head:
    match described.get("head", "linear"):
        case "categorical":
            return Categorical()
        case "q-value":
            return QValue()
        case "deterministic":
            return Deterministic()
        case "gaussian":
            return DiagonalGaussian(log_std=_array(tensors, described, "log_std", path).ravel())
        case "squashed-gaussian":
            return SquashedGaussian(_layer(tensors, str(described.get("log_std")), path))
    return Linear()

"""From the numbers of an SB3 policy, by their names, to the layers and the head of an agent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Head,
    Linear,
    Quantile,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import Layer
from zoo.errors import ZooError
from zoo.foreign.arrays import shown
from zoo.foreign.records import Name
from zoo.importers.sb3_model import Model

Tensors = Mapping[str, np.ndarray]
Affine = tuple[np.ndarray, np.ndarray]

_ACTIVATIONS = {
    "ReLU": "relu", "Tanh": "tanh", "ELU": "elu", "LeakyReLU": "leaky-relu", "GELU": "gelu",
    "SiLU": "silu", "Sigmoid": "sigmoid", "Softplus": "softplus", "Hardtanh": "hardtanh",
    "Identity": "identity",
}  # fmt: skip
_TORCH = ("torch.nn.modules.activation", "torch.nn.modules.linear", "torch.nn")
_BATCH_RENORM_EPSILON = 1e-3
_CLIP_MEAN = 2.0


def is_portable(model: Model) -> bool:
    """Say whether a policy consists of fully connected layers after its observations."""
    if model.family == "recurrent":
        return False
    return not any(".cnn." in name or "lstm" in name for name in model.tensors)


def activation(model: Model) -> str:
    """Return the name of the activation between the layers; `ZooError` for one's own."""
    given = model.kwargs.get("activation_fn")
    if given is None:
        actor_critic = model.family in ("actor-critic", "maskable", "recurrent")
        return "tanh" if actor_critic else "relu"
    if isinstance(given, Name) and given.module in _TORCH and given.name in _ACTIVATIONS:
        return _ACTIVATIONS[given.name]
    raise ZooError(
        f"{model.where} has the activation {shown(given)}, which is not known",
        f"Known are: {', '.join(_ACTIVATIONS)}",
    )


def network(model: Model) -> tuple[list[Layer], Head]:
    """Return the acting part of a portable policy; `ZooError` where numbers are missing."""
    try:
        return _READERS[model.family](model, _Parts(model.tensors, activation(model)))
    except KeyError as error:
        raise ZooError(
            f"policy.pth of {model.where} lacks {error}, which a {model.algorithm} policy has",
            "The file is damaged, or its policy is of the author's own making",
        ) from error


class _Parts:
    """Layers by the names that torch's Sequential gives them: `prefix.0.weight` and so on."""

    def __init__(self, tensors: Tensors, activation: str) -> None:
        self.tensors, self.activation = tensors, activation

    def layer(self, name: str, activation: str = "identity") -> Layer:
        """Return the layer called `name`; `KeyError` where it is not there."""
        return Layer(self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias"), activation)

    def hidden(self, prefix: str) -> list[Layer | Affine]:
        """Return the modules in `prefix`, an activation after each layer; empty for none."""
        found: list[Layer | Affine] = []
        for name in self._indexed(prefix):
            if f"{name}.ra_mean" in self.tensors:
                found.append(self._batch_renorm(name))
            else:
                found.append(self.layer(name, self.activation))
        return found

    def whole(self, prefix: str) -> list[Layer]:
        """Return all layers in `prefix`, the last one without an activation."""
        modules = self.hidden(prefix)
        if not modules and f"{prefix}.weight" in self.tensors:
            return [self.layer(prefix)]  # sb3-contrib before 1.5: a lone layer, no Sequential
        layers = folded(modules)
        if not layers:
            raise KeyError(f"{prefix}.0.weight")
        last = layers[-1]
        return [*layers[:-1], Layer(last.weight, last.bias)]

    def _indexed(self, prefix: str) -> list[str]:
        pattern = re.compile(rf"({re.escape(prefix)}\.(\d{{1,4}}))\.(weight|ra_mean)")
        matches = filter(None, map(pattern.fullmatch, self.tensors))
        return [match[1] for match in sorted(matches, key=lambda match: int(match[2]))]

    def _batch_renorm(self, name: str) -> Affine:
        """Return batch normalisation at rest as (factor, offset): x -> factor x + offset."""
        scale, bias, mean, var = (
            self.tensors[f"{name}.{part}"].astype(np.float64)
            for part in ("scale", "bias", "ra_mean", "ra_var")
        )
        factor = scale / np.sqrt(var + _BATCH_RENORM_EPSILON)
        return factor, bias - factor * mean


def folded(modules: Sequence[Layer | Affine], *, keep_last: bool = False) -> list[Layer]:
    """Return the layers alone, each affine map folded into the layer after it; one at the end
    becomes a layer of its own with `keep_last`, for heads that read its result."""
    layers: list[Layer] = []
    affine: Affine | None = None
    for module in modules:
        if isinstance(module, Layer):
            layers.append(module if affine is None else fold(module, affine))
            affine = None
        else:
            affine = module
    if affine is not None and keep_last:
        layers.append(Layer(np.diag(affine[0]), affine[1]))
    return layers


def fold(layer: Layer, affine: Affine) -> Layer:
    """Return the layer that does `affine` first and then what `layer` does."""
    factor, offset = affine
    weight = layer.weight.astype(np.float64)
    bias = weight @ offset + (0.0 if layer.bias is None else layer.bias)
    return Layer(weight * factor, bias, layer.activation)


def _actor_critic(model: Model, parts: _Parts) -> tuple[list[Layer], Head]:
    shared = parts.hidden("mlp_extractor.shared_net")  # before SB3 1.8
    hidden = folded([*shared, *parts.hidden("mlp_extractor.policy_net")])
    layers = [*hidden, parts.layer("action_net")]
    if not hasattr(model.action_space, "low"):
        return layers, Categorical(masks=model.family == "maskable")
    log_std = _deviations(model, model.tensors["log_std"], layers[-1])
    squash = bool(model.facts.get("use_sde")) and bool(model.kwargs.get("squash_output"))
    return layers, DiagonalGaussian(log_std=log_std, squash=squash)


def _deviations(model: Model, log_std: np.ndarray, last: Layer) -> np.ndarray:
    """Return the logarithms of the deviations; gSDE's have a row for each input of `last`.

    Before SB3 1.8 a network of its own could give gSDE other features; without it one deviation
    for each action stands in, that of features of the length 1.
    """
    if log_std.ndim == 2 and model.kwargs.get("use_expln"):
        below = np.exp(np.minimum(log_std, 0.0))
        above = np.log1p(np.maximum(log_std, 0.0)) + 1.0
        log_std = np.log(np.where(log_std <= 0, below, above))
    if log_std.ndim == 2 and log_std.shape[1] == 1:  # full_std: false
        log_std = np.repeat(log_std, int(np.prod(model.action_space.shape or ())), axis=1)
    if log_std.ndim == 2 and len(log_std) != last.inputs:
        return np.log(np.sqrt((np.exp(log_std) ** 2).mean(axis=0)))
    return log_std


def _squashed_actor(model: Model, parts: _Parts) -> tuple[list[Layer], Head]:
    """The actors of SAC, TQC and CrossQ."""
    modules = parts.hidden("actor.latent_pi")
    if "actor.log_std" in model.tensors:
        limit = model.kwargs.get("clip_mean", _CLIP_MEAN)
        is_clipped = "actor.mu.0.weight" in model.tensors
        mean = parts.layer("actor.mu.0" if is_clipped else "actor.mu")
        head: Head = DiagonalGaussian(
            log_std=_deviations(model, model.tensors["actor.log_std"], mean),
            squash=True,
            clip_mean=float(limit) if is_clipped else None,
        )
        return [*folded(modules, keep_last=True), mean], head
    log_std, mean = parts.layer("actor.log_std"), parts.layer("actor.mu")
    if modules and not isinstance(modules[-1], Layer):
        log_std = fold(log_std, modules[-1])
    return folded([*modules, mean]), SquashedGaussian(log_std=log_std)


def _deterministic_actor(model: Model, parts: _Parts) -> tuple[list[Layer], Head]:
    return parts.whole("actor.mu"), Deterministic()


def _action_values(model: Model, parts: _Parts) -> tuple[list[Layer], Head]:
    return parts.whole("q_net.q_net"), QValue(epsilon=_epsilon(model))


def _quantiles(model: Model, parts: _Parts) -> tuple[list[Layer], Head]:
    layers = parts.whole("quantile_net.quantile_net")
    count = layers[-1].outputs // int(getattr(model.action_space, "n", 1))
    return layers, Quantile(n_quantiles=max(count, 1), epsilon=_epsilon(model))


def _search(model: Model, parts: _Parts) -> tuple[list[Layer], Head]:
    """ARS: the linear policy clips its actions unless told to squash, the other one squashes."""
    layers = parts.whole("action_net")
    is_linear = model.policy_class.name == "ARSLinearPolicy"
    squash = bool(model.kwargs.get("squash_output", not is_linear))
    is_box = hasattr(model.action_space, "low")
    return layers, Deterministic() if is_box and squash else Linear()


def _epsilon(model: Model) -> float:
    rate: Any = model.facts.get("exploration_rate")
    return float(rate) if type(rate) in (int, float) and 0 <= rate <= 1 else 0.0


_READERS = {
    "actor-critic": _actor_critic,
    "maskable": _actor_critic,
    "sac": _squashed_actor,
    "tqc": _squashed_actor,
    "crossq": _squashed_actor,
    "td3": _deterministic_actor,
    "dqn": _action_values,
    "qrdqn": _quantiles,
    "ars": _search,
}

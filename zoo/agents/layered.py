"""What agents share that choose by layers: from features to actions, and back to data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from zoo.agent import Agent
from zoo.agents.heads import HEADS, Head
from zoo.agents.layers import Layer
from zoo.agents.preprocess import example
from zoo.errors import ZooError, did_you_mean


class LayeredAgent(Agent):
    """Observations -> features -> `layers` -> `head` -> actions, in NumPy alone.

    `layers` are applied in turn; the last one gives what the head reads (logits, means, action
    values ...), so its activation usually is the identity. A subclass says what the features are.

    Raises `ZooError` where the parts do not fit each other or the spaces.
    """

    def __init__(
        self, observation_space: Any, action_space: Any, layers: Sequence[Layer], head: Head
    ) -> None:
        super().__init__(observation_space, action_space)
        self.layers, self.head = tuple(layers), head
        self.takes_action_masks = head.masks  # type: ignore[misc]
        self._check_sizes()

        *self._hidden, self._last = [layer.compile() for layer in self.layers]
        self._select = head.compile(action_space)
        shape, dtype = tuple(action_space.shape), action_space.dtype
        self._action_shape = None if len(shape) < 2 else (-1, *shape)
        self._action_dtype = dtype

    def features(self, observations: Any) -> np.ndarray:
        """Return the features (n, inputs of the first layer) of raw observations."""
        raise NotImplementedError

    def act(
        self,
        observations: Any,
        *,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> np.ndarray:
        return self._act(observations, self.rng, deterministic, action_masks)

    def _act(
        self,
        observations: Any,
        rng: np.random.Generator,
        deterministic: bool,
        masks: np.ndarray | None,
    ) -> np.ndarray:
        latent = self.features(observations)
        for weight, bias, activation in self._hidden:
            latent = latent.dot(weight)
            latent += bias
            if activation is not None:
                latent = activation(latent)
        weight, bias, activation = self._last
        output = latent.dot(weight)
        output += bias
        if activation is not None:
            output = activation(output)
        actions = self._select(output, latent, rng, deterministic, masks)
        if self._action_shape is not None:
            actions = actions.reshape(self._action_shape)
        return (
            actions if actions.dtype == self._action_dtype else actions.astype(self._action_dtype)
        )

    def describe(self) -> dict[str, Any]:
        layers = [{"activation": x.activation, "bias": x.bias is not None} for x in self.layers]
        plain = {field.name: getattr(self.head, field.name) for field in fields(self.head)}  # type: ignore[arg-type]
        head = {k: v for k, v in plain.items() if not isinstance(v, np.ndarray | Layer)}
        return {"layers": layers, "head": {"name": self.head.name, **head}}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return `layers.<i>.weight` (outputs, inputs) and `.bias`, and `head.<field>`, of which a
        layer has `.weight` and `.bias` in turn."""
        tensors: dict[str, np.ndarray] = {}
        for index, layer in enumerate(self.layers):
            tensors |= _layer_tensors(f"layers.{index}", layer)
        for field in fields(self.head):  # type: ignore[arg-type]
            value = getattr(self.head, field.name)
            if isinstance(value, Layer):
                tensors |= _layer_tensors(f"head.{field.name}", value)
            elif isinstance(value, np.ndarray):
                tensors[f"head.{field.name}"] = value
        return tensors

    def check_used(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Raise `ZooError` where weights were given that the agent has no use for."""
        if unused := sorted(tensors.keys() - self.tensors().keys()):
            raise ZooError(
                f"the weights hold {unused[0]!r}, which the agent does not use",
                "Fetch or train the agent again",
            )

    def _check_sizes(self) -> None:
        """Compare each layer with the next one, and the last one with the head."""
        if not self.layers:
            raise ZooError(f"an agent of kind {self.kind!r} needs at least one layer")
        for index, (one, two) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if one.outputs != two.inputs:
                raise ZooError(
                    f"layer {index} has {one.outputs} outputs, but layer {index + 1} "
                    f"has {two.inputs} inputs"
                )
        size = self.head.size(self.action_space)
        if self.layers[-1].outputs != size:
            raise ZooError(
                f"the last layer has {self.layers[-1].outputs} outputs, but a {self.head.name} "
                f"head for {self.action_space} reads {size}"
            )

    def _try(self) -> None:
        """Act once on an observation of zeros, so that misfits show now and not in the loop."""
        try:
            self._act(example(self.observation_space), np.random.default_rng(0), False, None)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ZooError(
                f"the layers do not fit {self.observation_space}: {error}",
                "Give as many inputs as the preprocessed observation has numbers",
            ) from error


def restore_layers(
    description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
) -> tuple[list[Layer], Head]:
    """Rebuild layers and head from what `describe` and `tensors` returned; `KeyError`, `TypeError`
    or `ValueError` where that is not possible."""
    layers = [
        Layer(
            tensors[f"layers.{index}.weight"],
            tensors[f"layers.{index}.bias"] if entry["bias"] else None,
            entry["activation"],
        )
        for index, entry in enumerate(description["layers"])
    ]
    return layers, _restore_head(description["head"], tensors)


def misfit(error: Exception) -> ZooError:
    """Return what to raise where a description and weights cannot be put together."""
    return ZooError(
        f"the agent's description and its weights do not fit: {error!r}",
        "Fetch or train the agent again",
    )


MISFITS = (AttributeError, KeyError, TypeError, ValueError)
"""What a description raises that does not fit its weights."""


def _layer_tensors(name: str, layer: Layer) -> dict[str, np.ndarray]:
    weight = {f"{name}.weight": layer.weight}
    return weight if layer.bias is None else weight | {f"{name}.bias": layer.bias}


def _restore_head(description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Head:
    name = description["name"]
    if name not in HEADS:
        raise ZooError(
            f"unknown head {name!r}",
            did_you_mean(str(name), HEADS) or "Upgrade with: pip install --upgrade agent-zoo",
        )
    values = {key: value for key, value in description.items() if key != "name"}
    for field in fields(HEADS[name]):  # type: ignore[arg-type]
        at = f"head.{field.name}"
        if at in tensors:
            values[field.name] = tensors[at]
        elif f"{at}.weight" in tensors:
            values[field.name] = Layer(tensors[f"{at}.weight"], tensors.get(f"{at}.bias"))
    return HEADS[name](**values)

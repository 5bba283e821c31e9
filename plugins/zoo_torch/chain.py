"""Networks out of any layers, several side by side, on one flat vector of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zoo import State
from zoo.agents.layers import Layer as PortableLayer
from zoo_torch import flat
from zoo_torch.batch_norm import BatchRenorm
from zoo_torch.layers import Activation, Dropout, Layer, LayerNorm, Linear


class Chain:
    """`members` networks of the same layers and different weights, which read the same rows.

    `parameters` and `gradient` are flat vectors, float32.
    """

    def __init__(self, layers: Sequence[Layer], rng: np.random.Generator) -> None:
        """Draw the first weights from `rng`."""
        self.layers = list(layers)
        shapes = {
            f"{i}.{name}": shape
            for i, layer in enumerate(layers)
            for name, shape in layer.shapes.items()
        }
        self.parameters = np.zeros(flat.size(shapes), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        vectors = [flat.views(vector, shapes) for vector in (self.parameters, self.gradient)]
        for i, layer in enumerate(layers):
            layer.bind(*({name: of[f"{i}.{name}"] for name in layer.shapes} for of in vectors))
            layer.begin(rng)

    def forward(
        self, rows: np.ndarray, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> np.ndarray:
        """Return the outputs (members, n, outputs) for rows (n, inputs), in a new array; `rng`
        is for the dropout of a pass that is `training`."""
        x = rows
        for layer in self.layers:
            x = layer.forward(x, training=training, rng=rng)
        return x.copy()

    def backward(self, by_outputs: np.ndarray) -> None:
        """Write the gradient of a scalar to `gradient`, given its slopes (members, n, outputs) by
        what the last forward pass returned."""
        self._backward(by_outputs, parameters=True)

    def input_gradient(self, by_outputs: np.ndarray, *, begin: int = 0) -> np.ndarray:
        """Return a scalar's slopes by the rows (n, inputs - begin), from number `begin` on, and
        leave `gradient` as it is."""
        return self._backward(by_outputs, parameters=False)[:, :, begin:].sum(0)

    def twin(self) -> Chain:
        """Return one with the same weights, for now, such as a target."""
        twin = Chain([layer.twin() for layer in self.layers], np.random.default_rng(0))
        twin.load_state(self.state())
        return twin

    def folded(self) -> list[PortableLayer]:
        """Return the only member, not training, as fully connected layers: batch normalisation
        goes into the layer that follows it."""
        found: list[PortableLayer] = []
        scale, shift = np.ones(1), np.zeros(1)
        for layer in self.layers:
            if isinstance(layer, BatchRenorm):
                assert scale.size == 1
                scale, shift = (one[0, 0].astype(np.float64) for one in layer.folded())
            elif isinstance(layer, Linear):
                (weight,), (bias,) = layer.weight, layer.bias
                shifted = np.broadcast_to(shift, len(weight)) @ weight + bias[0]
                found.append(PortableLayer((scale.reshape(-1, 1) * weight).T, shifted))
                scale, shift = np.ones(1), np.zeros(1)
            elif isinstance(layer, Activation):
                last = found[-1]
                found[-1] = PortableLayer(last.weight, last.bias, layer.name)
            else:
                assert isinstance(layer, Dropout), f"{layer} is not a fully connected layer"
        return found

    def vectors(self) -> list[np.ndarray]:
        """Return the parameters and the other floats that the layers keep, not their counts."""
        buffers = (one for layer in self.layers for one in layer.buffers().values())
        return [self.parameters, *(one for one in buffers if one.dtype.kind == "f")]

    def state(self) -> State:
        return {
            "parameters": self.parameters.copy(),
            "buffers": [
                {name: buffer.copy() for name, buffer in layer.buffers().items()}
                for layer in self.layers
            ],
        }

    def load_state(self, state: State) -> None:
        self.parameters[:] = state["parameters"]
        for layer, saved in zip(self.layers, state["buffers"], strict=True):
            for name, buffer in layer.buffers().items():
                buffer[...] = saved[name]

    def _backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        for layer in reversed(self.layers):
            g = layer.backward(g, parameters=parameters)
        return g


def dropout_layers(
    members: int, sizes: Sequence[int], activation: str, p: float, *, layer_norm: bool
) -> list[Layer]:
    """Return Linear -> Dropout -> LayerNorm -> activation for each hidden layer, and a Linear, as
    https://arxiv.org/abs/2110.02034, fig. 1, has them; `sizes` are inputs, units and outputs."""

    def after(features: int) -> list[Layer]:
        norm: list[Layer] = [LayerNorm(members, features)] if layer_norm else []
        return [Dropout(p), *norm, Activation(activation)]

    return _alternate(members, sizes, after=after)


def batch_norm_layers(
    members: int, sizes: Sequence[int], activation: str, norm: Mapping[str, Any] | None
) -> list[Layer]:
    """Return BatchRenorm -> Linear -> activation for each hidden layer, and BatchRenorm -> Linear,
    as https://arxiv.org/abs/1902.05605, section 3, has them; `norm` are the settings of
    `BatchRenorm`, or None for none of these layers."""

    def before(features: int) -> list[Layer]:
        return [] if norm is None else [BatchRenorm(members, features, **norm)]

    return _alternate(members, sizes, before=before, after=lambda _: [Activation(activation)])


def _alternate(
    members: int,
    sizes: Sequence[int],
    *,
    before: Callable[[int], list[Layer]] = lambda features: [],
    after: Callable[[int], list[Layer]],
) -> list[Layer]:
    """Return Linears with layers before each, and after each but the last."""
    found: list[Layer] = []
    for i in range(len(sizes) - 1):
        found += before(sizes[i])
        found.append(Linear(members, sizes[i], sizes[i + 1]))
        found += after(sizes[i + 1]) if i < len(sizes) - 2 else []
    return found

"""Action values as a network puts them out: one number or many for each action."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from zoo.agents.layers import Layer
from zoo_dqn.noise import Noise
from zoo_dqn.streams import Streams
from zoo_torch import flat, mlp
from zoo_torch.encoders import Encoder


class QNetwork:
    """A fully connected network from rows to `(actions,)` values or `(actions, atoms)` numbers,
    behind an encoder of the rows if there is one.

    With `dueling` it has two streams (`zoo_dqn.streams`), and with `sigma` its weights are noisy
    (`zoo_dqn.noise`): `draw` draws the noise, and the deviations begin at sigma / sqrt(inputs).

    `parameters` and `gradient` are flat vectors, float32, the encoder's part first; a target
    network is a second one of these whose parameters follow the first one's.
    """

    def __init__(
        self,
        inputs: int,
        units: Sequence[int],
        row: tuple[int, ...],
        *,
        activation: str,
        rng: np.random.Generator,
        dueling: bool = False,
        sigma: float | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        """Draw the first weights from `rng`; `row` is (actions,) or (actions, atoms), and
        `inputs` are the encoder's outputs where there is one."""
        self.row, self.activation, self.encoder = row, activation, encoder
        self.streams = Streams(row[0], math.prod(row[1:])) if dueling else None
        self._halves = dueling and bool(units)
        sizes = self.streams.sizes(units) if self.streams else [*units, math.prod(row)]
        shapes = mlp.shapes([inputs, *sizes])
        n, first = flat.size(shapes), encoder.size if encoder else 0
        self.parameters = np.zeros(first + (n if sigma is None else 2 * n), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        if encoder is not None:
            encoder.bind(self.parameters[:first], self.gradient[:first])
        own, by_own = self.parameters[first:], self.gradient[first:]
        self.noise = None if sigma is None else Noise(own, by_own, shapes)
        self._means, self._slopes = mlp.layers(own[:n], shapes), mlp.layers(by_own[:n], shapes)
        self._deviations = mlp.layers(self.noise.s, shapes) if self.noise else []
        weights = mlp.layers(self.noise.weights, shapes) if self.noise else self._means
        self._mlp = mlp.MLP(weights, self._slopes, activation)
        self._initialize(rng, sigma or 0.0)

    def draw(self, rng: np.random.Generator) -> None:
        """Draw the noise of the weights anew, if they have any."""
        if self.noise is not None:
            self.noise.draw(rng)

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """Return (n, *row) for rows (n, *row of the encoder or inputs), to be used before the
        next pass over as many."""
        return self._outputs(rows if self.encoder is None else self.encoder.forward(rows))

    def infer(self, rows: np.ndarray) -> np.ndarray:
        """Return the same where no `backward` follows, which saves an encoder its memory."""
        return self._outputs(rows if self.encoder is None else self.encoder.infer(rows))

    def backward(self, by_outputs: np.ndarray) -> None:
        """Write the gradient of a scalar to `gradient`, given its gradient (n, *row) by what the
        last `forward` over n rows returned."""
        by = by_outputs.reshape(len(by_outputs), -1)
        if self.streams is not None:
            by = self.streams.split(by)
        by_features = self._mlp.backward(by, by_input=self.encoder is not None)
        self._keep_apart(self._slopes)
        if self.noise is not None:
            self.noise.backward()
        if self.encoder is not None:
            assert by_features is not None
            self.encoder.backward(by_features)

    def layers(self) -> list[Layer]:
        """Return the network behind the encoder, without its noise, as layers whose outputs are
        `row`, flattened."""
        *hidden, (weight, bias) = self._means
        if self.streams is not None:
            weight, bias = self.streams.join(weight), self.streams.join(bias[None])[0]
        return [
            *(Layer(w.T, b, self.activation) for w, b in hidden),
            Layer(weight.T, bias),
        ]

    def _outputs(self, features: np.ndarray) -> np.ndarray:
        outputs = self._mlp.forward(features)
        if self.streams is not None:
            outputs = self.streams.join(outputs)
        return outputs.reshape(-1, *self.row)

    def _initialize(self, rng: np.random.Generator, sigma: float) -> None:
        """Draw weights as uniform as `torch.nn.Linear`'s; with noise that is section 3.2 of
        https://arxiv.org/abs/1706.10295."""
        for number, (weight, bias) in enumerate(self._means):
            last = number == len(self._means) - 1
            inputs = len(weight) // 2 if self._halves and last else len(weight)
            bound = 1 / math.sqrt(inputs)
            weight[:] = rng.uniform(-bound, bound, weight.shape)
            bias[:] = rng.uniform(-bound, bound, bias.shape)
            if self.noise is not None:
                for deviation in self._deviations[number]:
                    deviation[:] = sigma * bound
        self._keep_apart(self._means)
        if self.noise is not None:
            self._keep_apart(self._deviations)
            self.noise.draw(rng)

    def _keep_apart(self, layers: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Set to 0 what belongs to weights by which one stream would read the other's units."""
        if self.streams is not None and self._halves:
            for block in self.streams.crossing(layers[-1][0]):
                block[:] = 0.0

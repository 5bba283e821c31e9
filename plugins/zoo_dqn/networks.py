"""Action values as a network puts them out: one number or many for each action, in one stream or
two, of weights that are certain or noisy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.agents.layers import Layer
from zoo_torch import flat, mlp


class QNetwork:
    """A fully connected network from rows to `(actions,)` values or `(actions, atoms)` numbers.

    With `dueling` the last hidden layer has a half for the value of the state and one for the
    advantages of the actions (https://arxiv.org/abs/1511.06581, eq. 9), which the last layer does
    not mix:  Q = V + A - mean_a A,  for each atom.

    With `sigma` the weights are noisy (https://arxiv.org/abs/1706.10295, eq. 9 to 11): mu + s eps,
    where mu and s are learnt, s begins at sigma / sqrt(inputs), and `draw` draws eps.

    `parameters` and `gradient` are flat vectors, float32; a target network is a second one of
    these whose parameters follow the first one's.
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
    ) -> None:
        """Draw the first weights from `rng`; `row` is (actions,) or (actions, atoms)."""
        self.row, self.activation, self.dueling = row, activation, dueling
        self._atoms = int(np.prod(row[1:]))
        self._sizes = self._layer_sizes(inputs, units)
        shapes = mlp.shapes(self._sizes)
        n = flat.size(shapes)
        self.parameters = np.zeros(n if sigma is None else 2 * n, np.float32)
        self.gradient = np.zeros_like(self.parameters)
        self._weights = self.parameters if sigma is None else np.zeros(n, np.float32)
        self._by_weights = self.gradient[:n]
        self._means = _layers(flat.views(self.parameters[:n], shapes))
        slopes = _layers(flat.views(self._by_weights, shapes))
        self._mixed = self._cross_blocks(slopes[-1][0])
        for weight, bias in self._means:
            weight[:] = mlp.uniform(rng, *weight.shape)
            bias[:] = mlp.uniform(rng, *weight.shape)[0]
        for block in self._cross_blocks(self._means[-1][0]):
            block[:] = 0.0
        self.noise = None
        if sigma is not None:
            self.noise = Noise(self.parameters, self.gradient, self._weights, shapes, sigma)
            self.draw(rng)
        views = _layers(flat.views(self._weights, shapes))
        self._mlp = mlp.MLP(views, slopes, activation)

    def draw(self, rng: np.random.Generator | None) -> None:
        """Draw the noise of the weights anew, if they have any; None: no noise, only means."""
        if self.noise is not None:
            self.noise.draw(rng)
            for block in self._cross_blocks(self._mlp.parameters[-1][0]):
                block[:] = 0.0

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """Return (n, *row) for rows (n, inputs), to be used before the next pass over n rows."""
        outputs = self._mlp.forward(rows)
        if not self.dueling:
            return outputs.reshape(-1, *self.row)
        V, A = outputs[:, None, : self._atoms], self._advantages(outputs)
        return (V + A - A.mean(1, keepdims=True)).reshape(-1, *self.row)

    def backward(self, by_outputs: np.ndarray) -> None:
        """Write the gradient of a scalar to `gradient`, given its gradient (n, *row) by what the
        last forward pass over n rows returned."""
        g = by_outputs.reshape(len(by_outputs), -1)
        if self.dueling:
            by_Q = by_outputs.reshape(len(g), self.row[0], self._atoms)
            total = by_Q.sum(1, keepdims=True)
            by_A = by_Q - total / np.float32(self.row[0])
            g = np.concatenate([total, by_A], axis=1).reshape(len(g), -1)
        self._mlp.backward(g)
        for block in self._mixed:
            block[:] = 0.0
        if self.noise is not None:
            self.noise.backward()

    def layers(self) -> list[Layer]:
        """Return the network without its noise as layers, whose outputs are `row`, flattened."""
        *hidden, (weight, bias) = self._means
        if self.dueling:
            weight, bias = self._combined(weight), self._combined(bias[None])[0]
        return [
            *(Layer(w.T, b, self.activation) for w, b in hidden),
            Layer(weight.T, bias),
        ]

    def _layer_sizes(self, inputs: int, units: Sequence[int]) -> list[int]:
        outputs = int(np.prod(self.row))
        if not self.dueling:
            return [inputs, *units, outputs]
        hidden = [*units[:-1], *(2 * last for last in units[-1:])]
        return [inputs, *hidden, self._atoms + outputs]

    def _cross_blocks(self, last: np.ndarray) -> list[np.ndarray]:
        """Return the parts of the last weight by which either stream would read the other's."""
        if not self.dueling or len(self._sizes) == 2:  # nothing hidden, so nothing to keep apart
            return []
        half = len(last) // 2
        return [last[:half, self._atoms :], last[half:, : self._atoms]]

    def _advantages(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, self._atoms :].reshape(-1, self.row[0], self._atoms)

    def _combined(self, columns: np.ndarray) -> np.ndarray:
        """Return the columns (m, atoms + outputs) of V and A as those of Q (m, outputs)."""
        V, A = columns[:, None, : self._atoms], self._advantages(columns)
        return (V + A - A.mean(1, keepdims=True)).reshape(len(columns), -1)


class Noise:
    """Factorised Gaussian noise on the weights of a network."""

    def __init__(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        weights: np.ndarray,
        shapes: flat.Shapes,
        sigma: float,
    ) -> None:
        """Take the vectors of means and deviations (2n,), of their gradients, and of the weights
        (n,) that `draw` writes; the first deviations are sigma / sqrt(inputs)."""
        n = len(weights)
        self._mu, self._s, self._weights = parameters[:n], parameters[n:], weights
        self._by_mu, self._by_s = gradient[:n], gradient[n:]
        self._eps = np.zeros(n, np.float32)
        self._layers = _layers(flat.views(self._eps, shapes))
        for (weight, bias), (eps, _) in zip(
            _layers(flat.views(self._s, shapes)), self._layers, strict=True
        ):
            weight[:] = bias[:] = sigma / np.sqrt(len(eps))

    def draw(self, rng: np.random.Generator | None) -> None:
        """Draw eps = f(eps_in) f(eps_out), or 0 where `rng` is None, and write the weights."""
        for weight, bias in self._layers:
            if rng is None:
                weight[:] = bias[:] = 0.0
                continue
            inputs, outputs = weight.shape
            noise = rng.standard_normal(inputs + outputs, np.float32)
            f = np.sign(noise) * np.sqrt(np.abs(noise))
            np.multiply(f[:inputs, None], f[inputs:], out=weight)
            bias[:] = f[inputs:]
        np.multiply(self._s, self._eps, out=self._weights)
        self._weights += self._mu

    def backward(self) -> None:
        """Complete the gradient, whose first half is that by the weights, and so by mu."""
        np.multiply(self._by_mu, self._eps, out=self._by_s)


def _layers(views: dict[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (weight, bias) of each layer."""
    return [(views[f"{i}.weight"], views[f"{i}.bias"]) for i in range(len(views) // 2)]

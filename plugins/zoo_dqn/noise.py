"""Noisy weights: Fortunato et al. (2018), https://arxiv.org/abs/1706.10295."""

from __future__ import annotations

import numpy as np

from zoo_torch import flat, mlp


class Noise:
    """Factorised Gaussian noise, section 3 (b) of the paper, on the weights of a network.

    A weight from unit i to unit j is  mu + s f(eps_i) f(eps_j)  with f(x) = sign(x) sqrt(|x|), a
    bias  mu + s f(eps_j),  where mu and s are learnt.
    """

    def __init__(self, parameters: np.ndarray, gradient: np.ndarray, shapes: flat.Shapes) -> None:
        """Take mu and then s, (2n,) in one vector, and as much room for their gradient.

        `weights` (n,) is what the network computes with, and `by_weights` (n,) where it writes.
        """
        n = flat.size(shapes)
        self.mu, self.s = parameters[:n], parameters[n:]
        self.weights, self.by_weights = np.zeros(n, np.float32), gradient[:n]
        self._by_s = gradient[n:]
        self._eps = np.zeros(n, np.float32)
        self._layers = mlp.layers(self._eps, shapes)

    def draw(self, rng: np.random.Generator) -> None:
        """Draw eps, and write the weights."""
        for weight, bias in self._layers:
            inputs, outputs = weight.shape
            eps = rng.standard_normal(inputs + outputs, np.float32)
            f = np.sign(eps) * np.sqrt(np.abs(eps))
            np.multiply(f[:inputs, None], f[inputs:], out=weight)
            bias[:] = f[inputs:]
        np.multiply(self.s, self._eps, out=self.weights)
        self.weights += self.mu

    def backward(self) -> None:
        """Complete the gradient: that by the weights, which stands there, is also that by mu."""
        np.multiply(self.by_weights, self._eps, out=self._by_s)

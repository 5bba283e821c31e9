"""The network of implicit quantiles: https://arxiv.org/abs/1806.06923, section 3.1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.agents.layers import ACTIVATIONS, Layer
from zoo_dqn.implicit_agent import COSINES, cosines
from zoo_torch import flat, mlp
from zoo_torch.encoders import Encoder


class ImplicitQuantileNetwork:
    """Z_tau(x, a) = f(psi(x) * phi(tau))_a, the quantiles of the returns at any tau.

    psi is the first hidden layer, or the encoder of the rows if there is one, f what follows, and

        phi_j(tau) = relu(sum_i cos(pi i tau) w_ij + b_j)                       (equation 4)

    `parameters` and `gradient` are flat vectors, float32: the encoder's part, psi, phi, f.
    """

    def __init__(
        self,
        inputs: int,
        units: Sequence[int],
        actions: int,
        *,
        activation: str,
        rng: np.random.Generator,
        encoder: Encoder | None = None,
    ) -> None:
        """Draw the first weights from `rng`; `inputs` are the encoder's outputs if there is one,
        `units` those of the hidden layers behind it, at least one without."""
        self.activation, self.encoder = activation, encoder
        psi = [] if encoder else [inputs, units[0]]
        f = [inputs, *units, actions] if encoder else [*units, actions]
        shapes = [mlp.shapes(sizes) for sizes in (psi, [COSINES, f[0]], f)]
        ends = np.cumsum([encoder.size if encoder else 0, *map(flat.size, shapes)])
        self.parameters = np.zeros(ends[-1], np.float32)
        self.gradient = np.zeros_like(self.parameters)
        if encoder is not None:
            encoder.bind(self.parameters[: ends[0]], self.gradient[: ends[0]])
        self._psi, self._phi, self._f = (
            mlp.MLP(
                mlp.layers(self.parameters[start:end], own),
                mlp.layers(self.gradient[start:end], own),
                activation,
            )
            for start, end, own in zip(ends, ends[1:], shapes, strict=False)
        )
        for part in (self._psi, self._phi, self._f):
            for weight, bias in part.parameters:
                weight[:] = mlp.uniform(rng, *weight.shape)
                bias[:] = mlp.uniform(rng, *weight.shape)[0]

    def forward(self, rows: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """Return Z (n, N, actions) for rows (n, ...) and tau (n, N), to be used before the next
        pass."""
        return self._outputs(rows if self.encoder is None else self.encoder.forward(rows), tau)

    def infer(self, rows: np.ndarray, tau: np.ndarray) -> np.ndarray:
        """Return the same where no `backward` follows, which saves an encoder its memory."""
        return self._outputs(rows if self.encoder is None else self.encoder.infer(rows), tau)

    def backward(self, by_Z: np.ndarray) -> None:
        """Write the gradient of a scalar to `gradient`, given its gradient (n, N, actions) by
        what the last `forward` returned."""
        psi, phi = self._kept
        by_product = self._f.backward(by_Z.reshape(-1, by_Z.shape[2]), by_input=True)
        assert by_product is not None
        by_product = by_product.reshape(phi.shape)
        by_phi = by_product * psi[:, None]
        by_phi *= phi > 0
        self._phi.backward(by_phi.reshape(-1, phi.shape[2]))
        by_psi = (by_product * phi).sum(1)
        if self.encoder is not None:
            self.encoder.backward(by_psi)
        else:
            by_psi *= mlp.DERIVATIVES[self.activation](psi)
            self._psi.backward(by_psi)

    def layers(self) -> tuple[list[Layer], Layer]:
        """Return psi, where it is no encoder, and f as layers, and that of phi."""
        *hidden, last = [*self._psi.parameters, *self._f.parameters]
        weight, bias = self._phi.parameters[0]
        return [
            *(Layer(w.T, b, self.activation) for w, b in hidden),
            Layer(last[0].T, last[1]),
        ], Layer(weight.T, bias, "relu")

    def _outputs(self, features: np.ndarray, tau: np.ndarray) -> np.ndarray:
        (n, N), psi = tau.shape, features
        if self.encoder is None:
            activate = ACTIVATIONS[self.activation]
            assert activate is not None
            psi = activate(self._psi.forward(features))
        phi = self._phi.forward(cosines(tau.reshape(-1)))
        phi = np.maximum(phi, np.float32(0), out=phi).reshape(n, N, -1)
        self._kept = psi, phi
        product = psi[:, None] * phi
        return self._f.forward(product.reshape(n * N, -1)).reshape(n, N, -1)

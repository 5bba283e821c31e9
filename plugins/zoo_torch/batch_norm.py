"""Normalisation by the moments of a batch."""

from __future__ import annotations

import numpy as np

from zoo_torch.layers import Layer, Rooms, ones


class BatchRenorm(Layer):
    """Batch renormalisation: https://arxiv.org/abs/1702.03275, algorithm 1.

    With the moments mu_B, sigma_B of a batch, and running means mu, sigma of them,

        y = gamma ((x - mu_B) / sigma_B r + d) + beta
        r = clip(sigma_B / sigma, 1 / r_max, r_max),    d = clip((mu_B - mu) / sigma, +-d_max)

    where r and d count as constants. They are 1 and 0 for the first `warmup` batches, which makes
    it plain batch normalisation (https://arxiv.org/abs/1502.03167). Where it is not training, mu
    and sigma stand in for the moments of the batch.
    """

    R_MAX, D_MAX = np.float32(3), np.float32(5)

    def __init__(
        self, members: int, features: int, *, momentum: float, eps: float, warmup: int
    ) -> None:
        """`momentum` is the weight of the last batch in the running means."""
        one = (members, 1, features)
        self.shapes = {"gamma": one, "beta": one}
        self._momentum, self._eps, self.warmup = np.float32(momentum), np.float32(eps), warmup
        self.mean, self.variance = np.zeros(one, np.float32), np.ones(one, np.float32)
        self.batches = np.zeros((), np.int64)
        self._room = Rooms()

    def bind(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        self.gamma, self.beta = parameters["gamma"], parameters["beta"]
        self._by_gamma, self._by_beta = slopes["gamma"], slopes["beta"]

    def begin(self, rng: np.random.Generator) -> None:
        self.gamma[:], self.beta[:] = 1.0, 0.0

    def forward(
        self, x: np.ndarray, *, training: bool, rng: np.random.Generator | None
    ) -> np.ndarray:
        self._training = training
        members, _, features = self.gamma.shape
        y = self._room("y", members, x.shape[-2], features)
        if not training:
            self._scale, shift = self.folded()
            np.multiply(x, self._scale, out=y)
            y += shift
            return y
        average = ones(1, x.shape[-2]) / np.float32(x.shape[-2])
        mean = np.matmul(average, x)
        self._x = np.subtract(x, mean, out=self._room("x", *x.shape))
        square = np.multiply(self._x, self._x, out=self._room("square", *x.shape))
        variance = np.matmul(average, square)
        self._precision = 1 / np.sqrt(variance + self._eps)
        self._r, self._d = self._correction(mean)
        self._follow(mean, variance)
        self._scale = self.gamma * self._r * self._precision
        np.multiply(self._x, self._scale, out=y)
        y += self.gamma * self._d + self.beta
        return y

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        """With x normalised and s = gamma r g: (s - mean(s) - x mean(s x)) / sigma_B; means are
        over the batch."""
        by_x = self._room("by x", *g.shape)
        if not self._training:
            assert not parameters, "running means are nobody's to learn by"
            return np.multiply(g, self._scale, out=by_x)
        sum_, n = ones(1, g.shape[1]), np.float32(g.shape[1])
        by_beta = np.matmul(sum_, g)
        along = np.matmul(sum_, np.multiply(g, self._x, out=by_x))
        along *= self._precision
        if parameters:
            self._by_gamma[:] = along * self._r + by_beta * self._d
            self._by_beta[:] = by_beta
        np.multiply(self._x, along * self._precision / n, out=by_x)
        by_x += by_beta / n
        np.subtract(g, by_x, out=by_x)
        by_x *= self._scale
        return by_x

    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return scale and shift (members, 1, features): x * scale + shift when not training."""
        scale = self.gamma / np.sqrt(self.variance + self._eps)
        return scale, self.beta - self.mean * scale

    def buffers(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "variance": self.variance, "batches": self.batches}

    def _correction(self, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return r and d."""
        if self.batches < self.warmup:
            return np.ones((), np.float32), np.zeros((), np.float32)
        precision = 1 / np.sqrt(self.variance + self._eps)
        r = np.clip(precision / self._precision, 1 / self.R_MAX, self.R_MAX)
        return r, np.clip((mean - self.mean) * precision, -self.D_MAX, self.D_MAX)

    def _follow(self, mean: np.ndarray, variance: np.ndarray) -> None:
        self.mean += self._momentum * (mean - self.mean)
        self.variance += self._momentum * (variance - self.variance)
        self.batches += 1

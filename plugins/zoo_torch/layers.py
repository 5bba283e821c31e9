"""Layers of networks that normalise or drop, each with its backward pass by hand.

A layer stands for `members` layers of as many networks side by side: what it reads is
(members, n, features), or (n, features) where all members read the same. Its parameters have
the member as their first axis.

Layers keep what their backward pass needs from one forward pass to the next one. `Dropout` and
`Activation` write over what they are given, which is the output of the layer before: so neither
can come first, and neither can follow an `Activation`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from zoo.agents.layers import ACTIVATIONS
from zoo_torch.flat import Shapes
from zoo_torch.mlp import DERIVATIVES, uniform


class Layer:
    """A step from inputs to outputs, and back from a scalar's slopes by the outputs to those by
    parameters and inputs."""

    shapes: Shapes = MappingProxyType({})
    """Of the parameters, by name."""

    def bind(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        """Take views of the parameters and of the room for a scalar's slopes by them."""

    def begin(self, rng: np.random.Generator) -> None:
        """Write the first parameters."""

    def forward(
        self, x: np.ndarray, *, training: bool, rng: np.random.Generator | None
    ) -> np.ndarray:
        """Return the outputs (members, n, outputs); `training` has dropout drop, by `rng`, and
        batches be normalised by themselves."""
        raise NotImplementedError

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        """Return the slopes by what `forward` was given last, (members, n, inputs), out of those
        by what it returned; with `parameters` write those by the parameters too."""
        raise NotImplementedError

    def buffers(self) -> dict[str, np.ndarray]:
        """Return what changes in passes without being learnt, by name; not copied."""
        return {}


class Linear(Layer):
    """x @ W + b, drawn at first as `torch.nn.Linear`'s."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        self.shapes = {"weight": (members, inputs, outputs), "bias": (members, 1, outputs)}

    def bind(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        self.weight, self.bias = parameters["weight"], parameters["bias"]
        self._by_weight, self._by_bias = slopes["weight"], slopes["bias"]

    def begin(self, rng: np.random.Generator) -> None:
        for weight, bias in zip(self.weight, self.bias, strict=True):
            weight[:] = uniform(rng, *weight.shape)
            bias[:] = uniform(rng, *weight.shape)[0]

    def forward(self, x: np.ndarray, **mode: Any) -> np.ndarray:
        self._x = x
        z = np.matmul(x, self.weight)
        z += self.bias
        return z

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        if parameters:
            np.matmul(self._x.swapaxes(-1, -2), g, out=self._by_weight)
            np.matmul(_ones(1, g.shape[1]), g, out=self._by_bias)
        return np.matmul(g, self.weight.swapaxes(-1, -2))


class Activation(Layer):
    """One of `zoo.agents.layers.ACTIVATIONS`, by name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._function, self._derivative = ACTIVATIONS[name], DERIVATIVES[name]

    def forward(self, x: np.ndarray, **mode: Any) -> np.ndarray:
        assert self._function is not None
        self._h = self._function(x)
        return self._h

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        g *= self._derivative(self._h)
        return g


class LayerNorm(Layer):
    """gamma (x - mean) / sqrt(variance + eps) + beta, with the moments of each row
    (https://arxiv.org/abs/1607.06450, eq. 3)."""

    def __init__(self, members: int, features: int, *, eps: float = 1e-5) -> None:
        self.shapes = {"gamma": (members, 1, features), "beta": (members, 1, features)}
        self._eps, self._mean = np.float32(eps), _ones(features, 1) / np.float32(features)

    def bind(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        self.gamma, self.beta = parameters["gamma"], parameters["beta"]
        self._by_gamma, self._by_beta = slopes["gamma"], slopes["beta"]

    def begin(self, rng: np.random.Generator) -> None:
        self.gamma[:], self.beta[:] = 1.0, 0.0

    def forward(self, x: np.ndarray, **mode: Any) -> np.ndarray:
        x = x - np.matmul(x, self._mean)
        variance = np.vecdot(x, x)[..., None] * self._mean[0, 0]
        self._precision = 1 / np.sqrt(variance + self._eps)
        x *= self._precision
        self._x = x
        y = x * self.gamma
        y += self.beta
        return y

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        """With s = gamma g: precision (s - mean(s) - x mean(s x)), x being normalised."""
        if parameters:
            _affine_slopes(g, self._x, self._by_gamma, self._by_beta)
        s = g * self.gamma
        along = np.vecdot(s, self._x)[..., None] * self._mean[0, 0]
        s -= np.matmul(s, self._mean)
        s -= self._x * along
        s *= self._precision
        return s


class Dropout(Layer):
    """Zero each number with chance p, and divide the others by 1 - p, while training
    (https://jmlr.org/papers/v15/srivastava14a.html)."""

    def __init__(self, p: float) -> None:
        self.p = p

    def forward(
        self, x: np.ndarray, *, training: bool, rng: np.random.Generator | None
    ) -> np.ndarray:
        self._dropped: np.ndarray | None = None
        if training and self.p > 0:
            assert rng is not None
            self._dropped = bernoulli(rng, self.p, x.size)
        return self._drop(x)

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        return self._drop(g)

    def _drop(self, x: np.ndarray) -> np.ndarray:
        if self._dropped is not None:
            x.reshape(-1)[self._dropped] = 0.0
            x *= np.float32(1 / (1 - self.p))
        return x


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

    def bind(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        self.gamma, self.beta = parameters["gamma"], parameters["beta"]
        self._by_gamma, self._by_beta = slopes["gamma"], slopes["beta"]

    def begin(self, rng: np.random.Generator) -> None:
        self.gamma[:], self.beta[:] = 1.0, 0.0

    def forward(
        self, x: np.ndarray, *, training: bool, rng: np.random.Generator | None
    ) -> np.ndarray:
        self._training = training
        if not training:
            scale, shift = self.folded()
            self._scale = scale
            y = x * scale
            y += shift
            return y
        n = x.shape[-2]
        average = _ones(1, n) / np.float32(n)
        mean = np.matmul(average, x)
        x = x - mean
        variance = np.matmul(average, x * x)
        self._precision = 1 / np.sqrt(variance + self._eps)
        x *= self._precision
        self._x = x
        self._r, d = self._correction(mean)
        self._follow(mean, variance)
        y = x * (self.gamma * self._r)
        y += self.gamma * d + self.beta
        self._d = d
        return y

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        """With s = gamma r g: (s - mean(s) - x mean(s x)) / sigma_B, x being normalised; means
        are over the batch."""
        if not self._training:
            assert not parameters, "running means are nobody's to learn by"
            return g * self._scale
        n = g.shape[-2]
        by_beta = np.matmul(_ones(1, n), g)
        along = np.matmul(_ones(1, n), g * self._x)
        if parameters:
            self._by_gamma[:] = along * self._r + by_beta * self._d
            self._by_beta[:] = by_beta
        dx = g - by_beta / np.float32(n)
        dx -= self._x * (along / np.float32(n))
        dx *= self.gamma * self._r * self._precision
        return dx

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


def bernoulli(rng: np.random.Generator, p: float, size: int) -> np.ndarray:
    """Return which of `size` independent trials succeed, ascending (int64), each with chance p.

    The gaps between successes are geometric: far fewer draws than trials where p is small.
    """
    gaps = max(int(size * p + 4 * np.sqrt(size * p)), 16)
    last, found = -1, []
    while last < size:
        places = last + np.cumsum(rng.geometric(p, gaps))
        found.append(places)
        last = int(places[-1])
    places = np.concatenate(found)
    return places[: np.searchsorted(places, size)]


def _affine_slopes(g: np.ndarray, x: np.ndarray, by_gamma: np.ndarray, by_beta: np.ndarray) -> None:
    """Write the slopes of `gamma x + beta` by gamma and beta."""
    ones = _ones(1, g.shape[-2])
    np.matmul(ones, g * x, out=by_gamma)
    np.matmul(ones, g, out=by_beta)


def _ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)

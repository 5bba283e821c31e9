"""Layers of networks that are normalised or drop, each with its backward pass by hand.

A layer stands for `members` layers of as many networks side by side: what it reads is
(members, n, features), or (n, features) where all members read the same. Its parameters have
the member as their first axis.

Layers keep what their backward pass needs from one forward pass to the next one, and return
arrays that the next pass over as many rows overwrites. `Dropout` and `Activation` write over what
they are given, which is the output of the layer before: so neither can come first, and neither
can follow an `Activation`.
"""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import Any

import numpy as np

from zoo.agents.layers import ACTIVATIONS
from zoo_torch.flat import Shapes
from zoo_torch.mlp import DERIVATIVES, uniform


class Rooms:
    """Arrays that are allocated once for each purpose and shape, and written again and again."""

    MOST = 64

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def __call__(self, purpose: str, *shape: int) -> np.ndarray:
        """Return an array whose numbers are anything."""
        key = purpose, shape
        if key not in self._arrays:
            if len(self._arrays) == self.MOST:
                del self._arrays[next(iter(self._arrays))]
            self._arrays[key] = np.empty(shape, np.float32)
        return self._arrays[key]


class Layer:
    """A step from inputs to outputs, and back from a scalar's slopes by the outputs to those by
    parameters and inputs."""

    shapes: Shapes = MappingProxyType({})
    """Of the parameters, by name."""

    def twin(self) -> Layer:
        """Return one of the same kind, yet to be bound."""
        return copy.deepcopy(self)

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
        self._room = Rooms()

    def bind(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        self.weight, self.bias = parameters["weight"], parameters["bias"]
        self._by_weight, self._by_bias = slopes["weight"], slopes["bias"]

    def begin(self, rng: np.random.Generator) -> None:
        for weight, bias in zip(self.weight, self.bias, strict=True):
            weight[:] = uniform(rng, *weight.shape)
            bias[:] = uniform(rng, *weight.shape)[0]

    def forward(self, x: np.ndarray, **mode: Any) -> np.ndarray:
        self._x = x
        members, _, outputs = self.weight.shape
        z = np.matmul(x, self.weight, out=self._room("z", members, x.shape[-2], outputs))
        z += self.bias
        return z

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        if parameters:
            np.matmul(self._x.swapaxes(-1, -2), g, out=self._by_weight)
            np.matmul(ones(1, g.shape[1]), g, out=self._by_bias)
        by_x = self._room("by x", *g.shape[:2], self.weight.shape[1])
        return np.matmul(g, self.weight.swapaxes(-1, -2), out=by_x)


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
        self._eps, self._mean = np.float32(eps), ones(features, 1) / np.float32(features)
        self._room = Rooms()

    def bind(self, parameters: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> None:
        self.gamma, self.beta = parameters["gamma"], parameters["beta"]
        self._by_gamma, self._by_beta = slopes["gamma"], slopes["beta"]

    def begin(self, rng: np.random.Generator) -> None:
        self.gamma[:], self.beta[:] = 1.0, 0.0

    def forward(self, x: np.ndarray, **mode: Any) -> np.ndarray:
        x = np.subtract(x, np.matmul(x, self._mean), out=self._room("x", *x.shape))
        variance = np.vecdot(x, x)[..., None] * self._mean[0, 0]
        self._precision = 1 / np.sqrt(variance + self._eps)
        x *= self._precision
        self._x = x
        y = np.multiply(x, self.gamma, out=self._room("y", *x.shape))
        y += self.beta
        return y

    def backward(self, g: np.ndarray, *, parameters: bool) -> np.ndarray:
        """With s = gamma g: precision (s - mean(s) - x mean(s x)), x being normalised."""
        if parameters:
            sum_, product = ones(1, g.shape[1]), self._room("product", *g.shape)
            np.matmul(sum_, np.multiply(g, self._x, out=product), out=self._by_gamma)
            np.matmul(sum_, g, out=self._by_beta)
        s = np.multiply(g, self.gamma, out=self._room("by x", *g.shape))
        along = np.vecdot(s, self._x)[..., None] * self._mean[0, 0]
        s -= np.matmul(s, self._mean)
        s -= np.multiply(self._x, along, out=self._room("product", *g.shape))
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


def ones(*shape: int) -> np.ndarray:
    """Return float32 ones."""
    return np.ones(shape, np.float32)

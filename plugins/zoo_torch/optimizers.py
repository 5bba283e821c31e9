"""First-order optimisers of one flat vector, in place.

They know nothing of layers: parameters, gradient and memory are vectors of one size, float32.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from zoo import State


class Optimizer(Protocol):
    """Changes the parameters by their gradient, both flat vectors of the same size."""

    def step(self, parameters: np.ndarray, gradient: np.ndarray, rate: float) -> None: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> None: ...


class SGD:
    """Robbins & Monro (1951): `theta -= rate * g`."""

    def __init__(self, parameters: np.ndarray) -> None:
        self._work = np.empty_like(parameters)

    def step(self, parameters: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        """Take a step of size `rate`."""
        parameters -= np.multiply(gradient, np.float32(rate), out=self._work)

    def state(self) -> State:
        return {}

    def load_state(self, state: State) -> None:
        """There is nothing to take over."""


class Adam:
    """Kingma & Ba (2015), https://arxiv.org/abs/1412.6980, algorithm 1 in the form that closes
    its section 2: the corrections of the bias are moved into the step size and epsilon."""

    def __init__(
        self, parameters: np.ndarray, *, betas: tuple[float, float] = (0.9, 0.999), eps: float
    ) -> None:
        """Begin with no memory; `eps` is added to the denominator."""
        self.betas, self.eps, self.t = betas, eps, 0
        self.m, self.v = np.zeros_like(parameters), np.zeros_like(parameters)
        self._work = np.empty_like(parameters)

    def step(self, parameters: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        """Take a step of size `rate`."""
        self.t += 1
        (beta1, beta2), m, v, work = self.betas, self.m, self.v, self._work
        np.subtract(gradient, m, out=work)
        work *= np.float32(1 - beta1)
        m += work
        np.multiply(gradient, gradient, out=work)
        work -= v
        work *= np.float32(1 - beta2)
        v += work
        correction = math.sqrt(1 - beta2**self.t)
        np.sqrt(v, out=work)
        work += np.float32(self.eps * correction)
        np.divide(m, work, out=work)
        work *= np.float32(rate * correction / (1 - beta1**self.t))
        parameters -= work

    def state(self) -> State:
        return {"t": self.t, "m": self.m.copy(), "v": self.v.copy()}

    def load_state(self, state: State) -> None:
        self.t = state["t"]
        self.m[:], self.v[:] = state["m"], state["v"]


class RMSprop:
    """Tieleman & Hinton (2012): `theta -= rate * g / (sqrt(square) + eps)`, where `square` is a
    running mean of g^2 that begins at 0.

    With `tf_like` it is as TensorFlow had it: the mean begins at 1, which makes the first
    hundreds of steps small, and eps is under the root.
    """

    def __init__(
        self,
        parameters: np.ndarray,
        *,
        alpha: float = 0.99,
        eps: float,
        tf_like: bool = False,
    ) -> None:
        """Begin with no memory; `alpha` is the decay of the mean square."""
        self.alpha, self.eps, self.tf_like = alpha, eps, tf_like
        self.square = np.full_like(parameters, float(tf_like))
        self._work = np.empty_like(parameters)

    def step(self, parameters: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        """Take a step of size `rate`."""
        square, work, eps = self.square, self._work, np.float32(self.eps)
        np.multiply(gradient, gradient, out=work)
        work -= square
        work *= np.float32(1 - self.alpha)
        square += work
        if self.tf_like:
            np.add(square, eps, out=work)
            np.sqrt(work, out=work)
        else:
            np.sqrt(square, out=work)
            work += eps
        np.divide(gradient, work, out=work)
        work *= np.float32(rate)
        parameters -= work

    def state(self) -> State:
        return {"square": self.square.copy()}

    def load_state(self, state: State) -> None:
        self.square[:] = state["square"]


def clip_norm(gradient: np.ndarray, most: float) -> float:
    """Scale `gradient` in place so that its Euclidean norm is at most `most`; return the norm
    that it had (Pascanu et al., 2013, https://arxiv.org/abs/1211.5063, algorithm 1)."""
    norm = math.sqrt(float(np.dot(gradient, gradient)))
    if norm > most:
        gradient *= np.float32(most / (norm + 1e-6))
    return norm

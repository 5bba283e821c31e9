"""First-order optimisers of one flat vector, in place.

They are functions of three vectors and know nothing of modules. `torch.optim` is not used: the
first optimiser that a process makes costs it a second of imports, and each of its steps walks
over parameters that here are one vector.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch

from zoo import State


class Optimizer(Protocol):
    """Changes the parameters by their gradient, both flat vectors of the same size."""

    def step(self, parameters: torch.Tensor, gradient: torch.Tensor, rate: float) -> None: ...
    def state(self) -> State: ...
    def load_state(self, state: State) -> None: ...


class Adam:
    """Kingma & Ba (2015), https://arxiv.org/abs/1412.6980, algorithm 1 in the form that closes
    its section 2: the corrections of the bias are moved into the step size and epsilon."""

    def __init__(
        self, parameters: torch.Tensor, *, betas: tuple[float, float] = (0.9, 0.999), eps: float
    ) -> None:
        """Begin with no memory; `eps` is added to the denominator."""
        self.betas, self.eps, self.t = betas, eps, 0
        self.m, self.v = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self._denominator = torch.empty_like(parameters)

    def step(self, parameters: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        """Take a step of size `rate`."""
        self.t += 1
        beta1, beta2 = self.betas
        self.m.lerp_(gradient, 1 - beta1)
        self.v.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        correction = math.sqrt(1 - beta2**self.t)
        denominator = torch.sqrt(self.v, out=self._denominator).add_(self.eps * correction)
        step_size = rate * correction / (1 - beta1**self.t)
        parameters.addcdiv_(self.m, denominator, value=-step_size)

    def state(self) -> State:
        return {"t": self.t, "m": _array(self.m), "v": _array(self.v)}

    def load_state(self, state: State) -> None:
        self.t = state["t"]
        self.m.copy_(torch.from_numpy(state["m"]))
        self.v.copy_(torch.from_numpy(state["v"]))


class RMSprop:
    """Tieleman & Hinton (2012): `theta -= rate * g / (sqrt(square) + eps)`, where `square` is a
    running mean of g^2 that begins at 0.

    With `tf_like` it is as TensorFlow had it: the mean begins at 1, which makes the first
    hundreds of steps small, and eps is under the root.
    """

    def __init__(
        self,
        parameters: torch.Tensor,
        *,
        alpha: float = 0.99,
        eps: float,
        tf_like: bool = False,
    ) -> None:
        """Begin with no memory; `alpha` is the decay of the mean square."""
        self.alpha, self.eps, self.tf_like = alpha, eps, tf_like
        self.square = torch.full_like(parameters, float(tf_like))
        self._denominator = torch.empty_like(parameters)

    def step(self, parameters: torch.Tensor, gradient: torch.Tensor, rate: float) -> None:
        """Take a step of size `rate`."""
        self.square.mul_(self.alpha).addcmul_(gradient, gradient, value=1 - self.alpha)
        if self.tf_like:
            denominator = torch.add(self.square, self.eps, out=self._denominator).sqrt_()
        else:
            denominator = torch.sqrt(self.square, out=self._denominator).add_(self.eps)
        parameters.addcdiv_(gradient, denominator, value=-rate)

    def state(self) -> State:
        return {"square": _array(self.square)}

    def load_state(self, state: State) -> None:
        self.square.copy_(torch.from_numpy(state["square"]))


def clip_norm(gradient: torch.Tensor, most: float) -> float:
    """Scale `gradient` in place so that its Euclidean norm is at most `most`; return the norm
    that it had (Pascanu et al., 2013, https://arxiv.org/abs/1211.5063, algorithm 1)."""
    norm = float(torch.linalg.vector_norm(gradient))
    if norm > most:
        gradient.mul_(most / (norm + 1e-6))
    return norm


def _array(tensor: torch.Tensor) -> object:
    return tensor.cpu().numpy().copy()

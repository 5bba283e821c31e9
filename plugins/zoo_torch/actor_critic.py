"""A policy and a value function: their parameters, how they act, and how a loss improves them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from zoo.agents.layers import Layer
from zoo_torch import flat, mlp
from zoo_torch.distributions import Distribution, Family

HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN = math.sqrt(2), 0.01, 1.0
"""Gains of orthogonal weights (https://arxiv.org/abs/2006.05990, section 3.2): the first policy
is nearly the same in all states."""

Loss = Callable[..., tuple[torch.Tensor, Any]]
"""From the policy's distributions of n rows, the values (n,) and more arguments to a scalar, and
whatever else is to be known of it."""


class ActorCritic:
    """Two fully connected networks on one flat vector of parameters.

    `parameters` and `gradient` are NumPy arrays, `theta` and `slope` the same memory as tensors.
    """

    def __init__(
        self,
        inputs: int,
        family: Family,
        *,
        policy_units: Sequence[int],
        value_units: Sequence[int],
        activation: str,
        orthogonal: bool,
        log_std: float,
        rng: np.random.Generator,
    ) -> None:
        """Draw the first weights from `rng`; the units are those of the hidden layers."""
        self.family, self.activation = family, activation
        networks = {
            "policy": (inputs, *policy_units, family.outputs),
            "value": (inputs, *value_units, 1),
        }
        shapes: dict[str, tuple[int, ...]] = {
            f"{network}.{name}": shape
            for network, sizes in networks.items()
            for name, shape in mlp.shapes(sizes).items()
        }
        shapes["log_std"] = (family.stds,)
        self.parameters = np.zeros(flat.size(shapes), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        self.theta, self.slope = map(torch.from_numpy, (self.parameters, self.gradient))
        self._views = flat.views(self.parameters, shapes)
        self._slopes = flat.views(self.gradient, shapes)
        self.policy = self._network("policy", len(policy_units) + 1)
        self.value = self._network("value", len(value_units) + 1)
        for network, gain in ((self.policy, POLICY_GAIN), (self.value, VALUE_GAIN)):
            _initialize(network, gain, orthogonal, rng)
        self.log_std = self._views["log_std"]
        self.log_std[:] = log_std
        self._leaves: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}

    def evaluate(self, rows: np.ndarray) -> tuple[Distribution, torch.Tensor]:
        """Return the distributions of n rows and the values (n,), to be used before the next
        pass over as many rows."""
        outputs, values, log_std = self._forward(rows)
        return self.family.of(outputs.detach(), log_std.detach()), values.detach()

    def values(self, rows: np.ndarray) -> np.ndarray:
        """Return the values (n,) of n rows, in a new array."""
        return self.value.forward(rows)[:, 0].copy()

    def differentiate(self, loss: Loss, rows: np.ndarray, *arguments: Any) -> Any:
        """Write the gradient by all parameters of `loss(distributions, values, *arguments)` over
        `rows` (n, inputs) to `gradient`; return what the loss returns besides.

        Autograd goes from the loss to what the networks put out, and no further.
        """
        outputs, values, log_std = self._forward(rows)
        total, more = loss(self.family.of(outputs, log_std), values, *arguments)
        leaves = (outputs, values, log_std) if self.family.stds else (outputs, values)
        by_outputs, by_values, *by_log_std = torch.autograd.grad(total, leaves)
        with np.errstate(all="ignore"):  # a gradient that is not finite is for others to refuse
            self.policy.backward(by_outputs.numpy())
            self.value.backward(by_values.numpy()[:, None])
        if by_log_std:
            self._slopes["log_std"][:] = by_log_std[0].numpy()
        return more

    def layers(self) -> list[Layer]:
        """Return copies of the policy's layers, for an agent."""
        *hidden, last = self.policy.parameters
        return [
            *(Layer(weight.T, bias, self.activation) for weight, bias in hidden),
            Layer(last[0].T, last[1]),
        ]

    def _network(self, name: str, layers: int) -> mlp.MLP:
        parameters, gradients = (
            [(of[f"{name}.{i}.weight"], of[f"{name}.{i}.bias"]) for i in range(layers)]
            for of in (self._views, self._slopes)
        )
        return mlp.MLP(parameters, gradients, self.activation)

    def _forward(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return outputs (n, outputs), values (n,) and log_std, as leaves for autograd.

        The networks write each batch of one size to the same memory, so that the tensors around
        it are made once.
        """
        outputs, values = self.policy.forward(rows), self.value.forward(rows)
        if len(rows) not in self._leaves:
            arrays = (outputs, values[:, 0], self.log_std)
            self._leaves[len(rows)] = tuple(  # type: ignore[assignment]
                torch.from_numpy(array).requires_grad_() for array in arrays
            )
        return self._leaves[len(rows)]


def _initialize(network: mlp.MLP, gain: float, orthogonal: bool, rng: np.random.Generator) -> None:
    """Draw the weights; orthogonal ones come with biases of 0, the others with PyTorch's."""
    last = len(network.parameters) - 1
    for number, (weight, bias) in enumerate(network.parameters):
        inputs, outputs = weight.shape
        if orthogonal:
            own = gain if number == last else HIDDEN_GAIN
            weight[:] = mlp.orthogonal(rng, inputs, outputs, own)
        else:
            weight[:] = mlp.uniform(rng, inputs, outputs)
            bias[:] = mlp.uniform(rng, inputs, outputs)[0]

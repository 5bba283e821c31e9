"""Fully connected layers and activations in NumPy, equal to torch's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zoo.errors import ZooError, did_you_mean

Activation = Callable[[np.ndarray], np.ndarray]
_ZERO = np.zeros((), np.float32)


@dataclass(frozen=True, eq=False)
class Layer:
    """`activation(x @ weight.T + bias)`, as `torch.nn.Linear` followed by an activation.

    `weight` (outputs, inputs) and `bias` (outputs,) are copied as float32; `activation` is a
    name out of `ACTIVATIONS`.
    """

    weight: np.ndarray
    bias: np.ndarray | None = None
    activation: str = "identity"

    def __post_init__(self) -> None:
        weight = np.array(self.weight, np.float32, order="C")
        bias = None if self.bias is None else np.array(self.bias, np.float32)
        if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
            shapes = f"{weight.shape} and {None if bias is None else bias.shape}"
            raise ZooError(f"a layer's weight and bias do not fit: {shapes}")
        if self.activation not in ACTIVATIONS:
            raise ZooError(
                f"unknown activation {self.activation!r}",
                did_you_mean(str(self.activation), ACTIVATIONS)
                or f"Use one of {', '.join(ACTIVATIONS)}",
            )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    @property
    def inputs(self) -> int:
        return self.weight.shape[1]

    @property
    def outputs(self) -> int:
        return self.weight.shape[0]

    def compile(self) -> tuple[np.ndarray, np.ndarray, Activation | None]:
        """Return weight (inputs, outputs), bias (1, outputs) and an activation, None for identity.

        The activation may change its argument in place and returns the result.
        """
        bias = np.zeros(self.outputs, np.float32) if self.bias is None else self.bias
        return np.ascontiguousarray(self.weight.T), bias[None], ACTIVATIONS[self.activation]


def _tanh(x: np.ndarray) -> np.ndarray:
    return np.tanh(x, out=x)


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, _ZERO, out=x)


def _elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, _ZERO)))


def _leaky_relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, np.float32(0.01) * x, out=x)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    half = np.float32(0.5)
    return half * np.tanh(half * x) + half  # no overflow, unlike 1 / (1 + exp(-x))


def _silu(x: np.ndarray) -> np.ndarray:
    return x * _sigmoid(x)


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(x, _ZERO)


def _hardtanh(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -1, 1, out=x)


def _gelu(x: np.ndarray) -> np.ndarray:
    half, root = np.float32(0.5), np.float32(0.7071067811865476)
    return half * x * (1 + _erf(root * x))


def _erf(x: np.ndarray) -> np.ndarray:
    """The error function to float32 precision: the rational approximation of Eigen's `erf`."""
    x = np.clip(x, -4, 4)
    square = x * x
    return x * np.polyval(_ERF_NUMERATOR, square) / np.polyval(_ERF_DENOMINATOR, square)


_ERF_NUMERATOR = np.array(
    [-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
     -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02], np.float32
)  # fmt: skip
_ERF_DENOMINATOR = np.array(
    [-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
     -1.42647390514189e-02], np.float32
)  # fmt: skip

ACTIVATIONS: dict[str, Activation | None] = {
    "identity": None,
    "tanh": _tanh,
    "relu": _relu,
    "elu": _elu,
    "leaky-relu": _leaky_relu,
    "gelu": _gelu,
    "silu": _silu,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "hardtanh": _hardtanh,
}

"""A long short-term memory (Hochreiter & Schmidhuber, 1997) in NumPy, equal to torch's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zoo.errors import ZooError

_HALF = np.float32(0.5)


@dataclass(frozen=True, eq=False)
class LSTM:
    """Numbers of a memory of `units`: `weight_ih` (4 units, inputs), `weight_hh` (4 units, units)
    and `bias` (4 units,), with the rows of the gates i, f, g, o in turn, as `torch.nn.LSTM` has
    them; it has two biases, which are added. They are copied as float32.
    """

    weight_ih: np.ndarray
    weight_hh: np.ndarray
    bias: np.ndarray

    def __post_init__(self) -> None:
        for name in ("weight_ih", "weight_hh", "bias"):
            object.__setattr__(self, name, np.array(getattr(self, name), np.float32))
        gates = len(self.bias)
        if (
            self.bias.ndim != 1
            or gates % 4
            or self.weight_hh.shape != (gates, gates // 4)
            or self.weight_ih.shape[:1] != (gates,)
            or self.weight_ih.ndim != 2
        ):
            shapes = f"{self.weight_ih.shape}, {self.weight_hh.shape} and {self.bias.shape}"
            raise ZooError(f"the parameters of an LSTM do not fit: {shapes}")

    @property
    def inputs(self) -> int:
        return self.weight_ih.shape[1]

    @property
    def units(self) -> int:
        return self.weight_hh.shape[1]

    def tensors(self, prefix: str) -> dict[str, np.ndarray]:
        """Return the parameters by name."""
        parts = {"weight_ih": self.weight_ih, "weight_hh": self.weight_hh, "bias": self.bias}
        return {f"{prefix}{name}": part for name, part in parts.items()}

    def compile(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return weights (inputs, 4 units), (units, 4 units) and bias (4 units,) for `step`."""
        order = sigmoids_first(self.units)
        weights = (np.ascontiguousarray(w[order].T) for w in (self.weight_ih, self.weight_hh))
        return *weights, self.bias[order]


def sigmoids_first(units: int) -> np.ndarray:
    """Return where torch's gates i, f, g, o are found in the order i, f, o, g, (4 units,): the
    same array leads back."""
    i, f, g, o = np.arange(4 * units).reshape(4, units)
    return np.concatenate([i, f, o, g])


def step(z: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return h_t and c_t (n, units), given `z` = W x_t + U h_{t-1} + b (n, 4 units) with the gates
    in the order i, f, o, g, and c_{t-1}. `z` becomes the gates' values.

    c_t = f c_{t-1} + i g and h_t = o tanh(c_t): https://doi.org/10.1162/089976600300015015
    """
    units = c.shape[1]
    sigmoids = z[:, : 3 * units]
    sigmoids *= _HALF  # sigmoid(x) = (tanh(x / 2) + 1) / 2
    np.tanh(z, out=z)
    sigmoids *= _HALF
    sigmoids += _HALF
    i, f, o, g = (z[:, k * units : (k + 1) * units] for k in range(4))
    c = f * c
    c += i * g
    return o * np.tanh(c), c

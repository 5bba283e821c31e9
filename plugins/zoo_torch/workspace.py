"""The arrays that a fully connected network writes to, allocated once for each number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Scratch = dict[Any, np.ndarray]
"""Memory that nobody reads after the pass which wrote it, by what it is for. Networks that never
pass at once may share it: what they write is then still in the processor's cache."""
_ROWS = 32
"""For how many rows biases and zeros are written out."""
_LIVE, _STEP = 1 << 14, 32
"""From how many numbers on dead units are looked for, and a multiple of what live ones are taken
for, since products are slow at odd sizes."""


class Workspace:
    """What the passes over `rows` rows write, by the number of the layer."""

    def __init__(
        self,
        rows: int,
        weights: Sequence[np.ndarray],
        *,
        relu: bool,
        scratch: Scratch,
        keep: bool,
    ) -> None:
        """Make room for weights (inputs, outputs); with `keep` for a backward pass, too."""
        self.inputs: list[np.ndarray] = [np.empty(0, np.float32) for _ in weights]
        """What each layer was given: the first one the rows, the others h after an activation."""
        self.outputs: list[np.ndarray] = [np.empty(0, np.float32) for _ in weights]
        self.rectifiers: list[_Rectifier] = []
        self.ones = np.ones(rows, np.float32)
        self._relu, self._scratch = relu, scratch
        for number, weight in enumerate(weights):
            shape = (rows, weight.shape[1])
            last = number == len(weights) - 1
            mine = keep or last
            self.outputs[number] = (
                np.empty(shape, np.float32) if mine else room(scratch, shape, ("h", number))
            )
            if relu and rows % _ROWS == 0 and not last:
                self.rectifiers.append(_Rectifier(self.outputs[number], scratch))
        self._by_inputs = np.empty((rows if weights else 0, 0), np.float32)

    def live(self, number: int, activity: np.ndarray) -> int:
        """Return how many of the units before layer `number` there are up to the last one that
        is not 0 in all rows: only through these does a gradient pass. With activations other
        than ReLU these are all. What each has put out is added to `activity` (units,)."""
        h = self.inputs[number]
        if not self._relu or h.size < _LIVE:
            return h.shape[1]
        total = np.dot(self.ones, h)
        activity += total
        (found,) = total.nonzero()  # of numbers that are at least 0, or NaN
        last = int(found[-1]) if len(found) else 0
        return min((last // _STEP + 1) * _STEP, h.shape[1])

    def gradient(self, number: int, rows: int, columns: int) -> np.ndarray:
        """Return room (rows, columns) for a gradient by the units before layer `number`."""
        return room(self._scratch, (rows, columns), ("gradient", number))

    def by_inputs(self, columns: int) -> np.ndarray:
        """Return room (n, columns) for a gradient by the rows."""
        if self._by_inputs.shape[1] != columns:
            self._by_inputs = np.empty((len(self.ones), columns), np.float32)
        return self._by_inputs


def room(scratch: Scratch, shape: tuple[int, int], purpose: Any) -> np.ndarray:
    """Return an array of a shape out of `scratch`, contiguous."""
    size = shape[0] * shape[1]
    if purpose not in scratch or scratch[purpose].size < size:
        scratch[purpose] = np.empty(size, np.float32)
    return scratch[purpose][:size].reshape(shape)


class _Rectifier:
    """`relu(z + bias)` in place for z (n, columns), of which n is a multiple of `_ROWS`.

    NumPy takes row after row where it adds one row to all, and is slow at the maximum with one
    number; with both written out for some rows, this takes half of the time.
    """

    def __init__(self, z: np.ndarray, scratch: Scratch) -> None:
        columns = z.shape[1]
        self._z, self._pieces = z, z.reshape(-1, _ROWS * columns)
        self._bias = room(scratch, (_ROWS, columns), ("bias", columns))
        self._biases = self._bias.reshape(-1)
        self._zeros = room(scratch, (1, _ROWS * columns), ("zeros", columns))
        self._zeros[:] = 0.0

    def __call__(self, bias: np.ndarray) -> np.ndarray:
        self._bias[:] = bias
        np.add(self._pieces, self._biases, out=self._pieces)
        np.maximum(self._pieces, self._zeros, out=self._pieces)
        return self._z

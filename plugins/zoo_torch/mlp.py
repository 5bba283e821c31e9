"""Fully connected networks in NumPy: forward, and backward by hand.

For two networks of 64 and 64 units and a batch of 256, forward and backward take 0.25 ms here,
against 0.8 ms by PyTorch's operators and autograd: its overhead for each operation, and a `tanh`
that is five times as slow as NumPy's, are most of what there is to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from zoo.agents.layers import ACTIVATIONS

Derivative = Callable[[np.ndarray], np.ndarray]
_ONE = np.float32(1)
_WORKSPACES = 16
"""For how many numbers of rows a network keeps its arrays; whoever has always another number, as
whole episodes are, would fill the memory."""


def shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters of a network by name: `0.weight` (inputs, outputs),
    `0.bias` (outputs,), and so on. `sizes` begins with the inputs and ends with the outputs."""
    found: dict[str, tuple[int, ...]] = {}
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        found[f"{number}.weight"] = (inputs, outputs)
        found[f"{number}.bias"] = (outputs,)
    return found


class MLP:
    """`x -> activation(x @ W + b) -> ... -> x @ W + b` on parameters that belong to others.

    The parameters may change between passes; gradients are written to `gradients`, not added.
    """

    def __init__(
        self,
        parameters: Sequence[tuple[np.ndarray, np.ndarray]],
        gradients: Sequence[tuple[np.ndarray, np.ndarray]],
        activation: str,
    ) -> None:
        """Take (weight (inputs, outputs), bias (outputs,)) of each layer, and as much room for
        their gradients; `activation` is a key of `DERIVATIVES`."""
        self.parameters, self.gradients = list(parameters), list(gradients)
        self.activation, self._derivative = ACTIVATIONS[activation], DERIVATIVES[activation]
        self._workspaces: dict[int, _Workspace] = {}
        self._last = _Workspace.make(0, ())
        """What the last forward pass wrote to."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs) for inputs (n, inputs), float32 and contiguous.

        The array is overwritten by the next pass over as many rows; `x` must not change before
        `backward` is done.
        """
        work = self._last = self._workspace(len(x))
        work.inputs[0] = x
        for number, (weight, bias) in enumerate(self.parameters):
            z = np.dot(x, weight, out=work.outputs[number])
            if number == len(self.parameters) - 1:
                z += bias
            elif number < len(work.rectifiers):
                x = work.inputs[number + 1] = work.rectifiers[number](bias)
            else:
                assert self.activation is not None
                z += bias
                x = work.inputs[number + 1] = self.activation(z)
        return z

    def backward(self, gradient: np.ndarray, by_input: bool = False) -> np.ndarray | None:
        """Write the gradients of a scalar, given its gradient (n, outputs) by the outputs of the
        last forward pass over n rows (Rumelhart et al., 1986).

        With `by_input` also return its gradient by the inputs (n, inputs), which the next call
        for as many rows overwrites.
        """
        work = self._workspace(len(gradient))
        for number in range(len(self.parameters) - 1, -1, -1):
            x = work.inputs[number]
            by_weight, by_bias = self.gradients[number]
            np.dot(x.T, gradient, out=by_weight)
            np.dot(work.ones, gradient, out=by_bias)
            if number:
                gradient = self._through(number, gradient, work)
        if not by_input:
            return None
        return np.dot(gradient, self.parameters[0][0].T, out=work.gradients[0])

    def forward_mode(
        self, direction: Sequence[tuple[np.ndarray, np.ndarray]], rows: int
    ) -> np.ndarray:
        """Return how the outputs (rows, outputs) of the last forward pass over so many rows move
        when the parameters move in `direction`, (weight, bias) of each layer: the Jacobian times
        it (Pearlmutter, 1994, https://doi.org/10.1162/neco.1994.6.1.147)."""
        work = self._workspace(rows)
        moved: np.ndarray | None = None  # the inputs of the first layer stay as they are
        for number, (by_weight, by_bias) in enumerate(direction):
            x = work.inputs[number]
            z = np.dot(x, by_weight)
            z += by_bias
            if moved is not None:
                moved *= self._derivative(x)
                z += np.dot(moved, self.parameters[number][0])
            moved = z
        assert moved is not None
        return moved

    def input_gradient(
        self, gradient: np.ndarray, *, begin: int = 0, rows: np.ndarray | None = None
    ) -> np.ndarray:
        """Return a scalar's gradient by the inputs (n, inputs) as `backward` does, and leave the
        gradients of the parameters as they are, which saves half of the work.

        Inputs before `begin` are left out of what is returned. With `rows` (m,), indices of rows
        of the last pass, `gradient` (m, outputs) and what is returned are for these alone.
        """
        work = self._last if rows is not None else self._workspace(len(gradient))
        for number in range(len(self.parameters) - 1, 0, -1):
            gradient = self._through(number, gradient, work, rows)
        weight = self.parameters[0][0]
        if begin or rows is not None:
            return np.dot(gradient, weight[begin:].T)
        return np.dot(gradient, weight.T, out=work.gradients[0])

    def _through(
        self,
        number: int,
        gradient: np.ndarray,
        work: _Workspace,
        rows: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the gradient by what layer `number` - 1 put out before its activation."""
        h, out = work.inputs[number], work.gradients[number]
        if rows is not None:
            h, out = h.take(rows, axis=0), out[: len(rows)]
        gradient = np.dot(gradient, self.parameters[number][0].T, out=out)
        gradient *= self._derivative(h)
        return gradient

    def _workspace(self, rows: int) -> _Workspace:
        if rows not in self._workspaces:
            if len(self._workspaces) == _WORKSPACES:
                del self._workspaces[next(iter(self._workspaces))]
            made = _Workspace.make(rows, [weight for weight, _ in self.parameters])
            if self.activation is ACTIVATIONS["relu"] and rows % _Rectifier.ROWS == 0:
                made.rectifiers = [_Rectifier(z) for z in made.outputs[:-1]]
            self._workspaces[rows] = made
        return self._workspaces[rows]


@dataclass
class _Workspace:
    """Arrays that the passes over one number of rows write to, by the number of the layer."""

    inputs: list[np.ndarray]
    outputs: list[np.ndarray]
    gradients: list[np.ndarray]
    ones: np.ndarray
    rectifiers: Sequence[_Rectifier] = ()

    @classmethod
    def make(cls, rows: int, weights: Sequence[np.ndarray]) -> _Workspace:
        def empty(columns: int) -> np.ndarray:
            return np.empty((rows, columns), np.float32)

        return cls(
            [np.empty(0, np.float32) for _ in weights],
            [empty(weight.shape[1]) for weight in weights],
            [empty(weight.shape[0]) for weight in weights],
            np.ones(rows, np.float32),
        )


class _Rectifier:
    """`relu(z + bias)` in place for z (n, columns), of which n is a multiple of `ROWS`.

    NumPy takes row after row where it adds one row to all, and is slow at the maximum with one
    number; with both written out for some rows, this takes half of the time.
    """

    ROWS = 32

    def __init__(self, z: np.ndarray) -> None:
        self._z, self._pieces = z, z.reshape(-1, self.ROWS * z.shape[1])
        self._bias = np.empty((self.ROWS, z.shape[1]), np.float32)
        self._biases = self._bias.reshape(-1)
        self._zeros = np.zeros_like(self._biases)

    def __call__(self, bias: np.ndarray) -> np.ndarray:
        self._bias[:] = bias
        np.add(self._pieces, self._biases, out=self._pieces)
        np.maximum(self._pieces, self._zeros, out=self._pieces)
        return self._z


def _tanh(h: np.ndarray) -> np.ndarray:
    square = h * h
    return np.subtract(_ONE, square, out=square)


def _relu(h: np.ndarray) -> np.ndarray:
    return h > 0


def _leaky_relu(h: np.ndarray) -> np.ndarray:
    return np.where(h > 0, _ONE, np.float32(0.01))


def _elu(h: np.ndarray) -> np.ndarray:
    return np.where(h > 0, _ONE, h + _ONE)


DERIVATIVES: dict[str, Derivative] = {
    "tanh": _tanh,
    "relu": _relu,
    "leaky-relu": _leaky_relu,
    "elu": _elu,
}
"""By the name of an activation: its derivative as a function of its own value."""


def orthogonal(rng: np.random.Generator, inputs: int, outputs: int, gain: float) -> np.ndarray:
    """Return a weight (inputs, outputs) whose rows or columns are orthogonal, of length `gain`
    (https://arxiv.org/abs/1312.6120)."""
    q, r = np.linalg.qr(rng.standard_normal((max(inputs, outputs), min(inputs, outputs))))
    q *= np.sign(np.diag(r))  # makes the distribution uniform
    return (gain * (q if inputs >= outputs else q.T)).astype(np.float32)


def uniform(rng: np.random.Generator, inputs: int, outputs: int) -> np.ndarray:
    """Return a weight (inputs, outputs), uniform in +-1/sqrt(inputs), as `torch.nn.Linear`'s."""
    bound = 1 / np.sqrt(inputs)
    return rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)

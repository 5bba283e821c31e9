"""Fully connected networks in NumPy: forward, and backward by hand.

For two networks of 64 and 64 units and a batch of 256, forward and backward take 0.25 ms here,
against 0.8 ms by PyTorch's operators and autograd: its overhead for each operation, and a `tanh`
that is five times as slow as NumPy's, are most of what there is to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from zoo.agents.layers import ACTIVATIONS
from zoo_torch import flat, products
from zoo_torch.workspace import Scratch, Workspace

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


def layers(vector: np.ndarray, shapes: flat.Shapes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (weight (inputs, outputs), bias (outputs,)) of each layer, views of `vector`, for
    shapes of such names."""
    views = flat.views(vector, shapes)
    return [(views[f"{i}.weight"], views[f"{i}.bias"]) for i in range(len(views) // 2)]


class MLP:
    """`x -> activation(x @ W + b) -> ... -> x @ W + b` on parameters that belong to others.

    The parameters may change between passes; gradients are written to `gradients`, not added.
    """

    def __init__(
        self,
        parameters: Sequence[tuple[np.ndarray, np.ndarray]],
        gradients: Sequence[tuple[np.ndarray, np.ndarray]],
        activation: str,
        *,
        scratch: Scratch | None = None,
        keep: bool = True,
    ) -> None:
        """Take (weight (inputs, outputs), bias (outputs,)) of each layer, and as much room for
        their gradients; `activation` is a key of `DERIVATIVES`.

        `scratch` may be shared by networks that do not pass at once. Without `keep` there is no
        backward pass.
        """
        self.parameters, self.gradients = list(parameters), list(gradients)
        self.activation, self._derivative = ACTIVATIONS[activation], DERIVATIVES[activation]
        self._relu, self._keep = activation == "relu", keep
        self._scratch = {} if scratch is None else scratch
        self._workspaces: dict[int, Workspace] = {}
        self.activity = [np.zeros(len(weight), np.float32) for weight, _ in self.parameters]
        """By the number of a layer: what each unit before it has put out in backward passes
        through ReLUs, as far as somebody sets it back to 0."""
        self._last = Workspace(0, (), relu=False, scratch={}, keep=False)
        """What the last forward pass wrote to."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs (n, outputs) for inputs (n, inputs), float32 and contiguous.

        The array is overwritten by the next pass over as many rows; `x` must not change before
        `backward` is done.
        """
        work = self._last = self._workspace(len(x))
        work.inputs[0] = x
        for number, (weight, bias) in enumerate(self.parameters):
            z = products.forward(x, weight, work.outputs[number])
            if number == len(self.parameters) - 1:
                z += bias
            elif work.rectifiers:
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
            x, live = work.inputs[number], gradient.shape[1]
            by_weight, by_bias = self.gradients[number]
            if live < len(by_bias):  # the other units, being dead, have no part in the outputs
                by_weight[:, live:], by_bias[live:] = 0.0, 0.0
            products.by_weight(x, gradient, by_weight[:, :live])
            np.dot(work.ones, gradient, out=by_bias[:live])
            if number:
                gradient = self._through(number, gradient, work)
        return self._by_inputs(gradient, work) if by_input else None

    def forward_mode(
        self,
        direction: Sequence[tuple[np.ndarray, np.ndarray]],
        rows: int,
        moved: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return how the outputs (rows, outputs) of the last forward pass over so many rows move
        when the parameters move in `direction`, (weight, bias) of each layer: the Jacobian times
        it (Pearlmutter, 1994, https://doi.org/10.1162/neco.1994.6.1.147).

        The inputs have `moved` (rows, inputs) by then; None: they stay as they are.
        """
        work = self._workspace(rows)
        for number, (by_weight, by_bias) in enumerate(direction):
            x = work.inputs[number]
            z = np.dot(x, by_weight)
            z += by_bias
            if number:
                assert moved is not None
                moved *= self._derivative(x)
            if moved is not None:
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
        return self._by_inputs(gradient, work, begin)

    def _through(
        self,
        number: int,
        gradient: np.ndarray,
        work: Workspace,
        rows: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the gradient (n, live) by what layer `number` - 1 put out before its activation,
        without the last units if they are dead; `gradient` may lack such, too."""
        weight, live = self.parameters[number][0], work.live(number, self.activity[number])
        h = work.inputs[number] if rows is None else work.inputs[number].take(rows, axis=0)
        room = work.gradient(number, len(gradient), live)
        by_h = products.backward(gradient, weight[:live, : gradient.shape[1]], room)
        by_h *= self._derivative(h[:, :live])
        return by_h

    def _by_inputs(self, gradient: np.ndarray, work: Workspace, begin: int = 0) -> np.ndarray:
        """Return the gradient (n, inputs - begin), given that by what the first layer put out."""
        weight = self.parameters[0][0][begin:, : gradient.shape[1]]
        if len(gradient) < len(work.ones):
            return np.dot(gradient, weight.T)
        return np.dot(gradient, weight.T, out=work.by_inputs(len(weight)))

    def _workspace(self, rows: int) -> Workspace:
        if rows not in self._workspaces:
            if len(self._workspaces) == _WORKSPACES:
                del self._workspaces[next(iter(self._workspaces))]
            self._workspaces[rows] = Workspace(
                rows, [weight for weight, _ in self.parameters],
                relu=self._relu, scratch=self._scratch, keep=self._keep,
            )  # fmt: skip
        return self._workspaces[rows]


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

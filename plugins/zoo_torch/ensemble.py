"""Equal networks side by side, as critics are, on stacks of parameters.

Every network passes alone: for two of 256 and 256 units that is as fast as products of stacks,
whose larger arrays leave the processor's cache, and a pass can be one of some of the networks, or
of some rows through each.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from zoo_torch import flat, mlp
from zoo_torch.workspace import Scratch


def shapes(members: int, sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters by name: `0.weight` (members, inputs, outputs), `0.bias`
    (members, outputs), and so on, as `mlp.shapes` does for one network."""
    return {name: (members, *shape) for name, shape in mlp.shapes(sizes).items()}


class Ensemble:
    """E networks with one architecture, each drawn anew.

    `parameters` and `gradient` are flat vectors, float32; `members` are the networks, in order,
    as views of them.
    """

    def __init__(
        self, members: int, sizes: Sequence[int], activation: str, rng: np.random.Generator
    ) -> None:
        """Draw the first weights from `rng`; sizes are (inputs, units ..., outputs)."""
        self.sizes, self.activation = tuple(sizes), activation
        self.parameters = np.zeros(flat.size(shapes(members, sizes)), np.float32)
        self.gradient = np.zeros_like(self.parameters)
        self._scratch: Scratch = {}
        self.members = self._networks(members, keep=True)
        self.activity = np.zeros(members * sum(sizes[1:-1]), np.float32)
        """What each hidden unit has put out in backward passes since `arrange`."""
        stacks = flat.views(
            self.activity, {f"{i}": (members, size) for i, size in enumerate(sizes[1:-1])}
        )
        for member, network in enumerate(self.members):
            network.activity[1:] = [stack[member] for stack in stacks.values()]
        for network in self.members:
            for weight, bias in network.parameters:
                weight[:] = mlp.uniform(rng, *weight.shape)
                bias[:] = mlp.uniform(rng, *weight.shape)[0]

    def twin(self) -> Ensemble:
        """Return one with the same weights, for now, such as a target: it has no `gradient` of
        its own, and is only passed forward."""
        twin = copy.copy(self)
        twin.parameters = self.parameters.copy()
        twin.members = twin._networks(len(self.members), keep=False)
        return twin

    def forward(self, x: np.ndarray, members: Sequence[int] = ()) -> np.ndarray:
        """Return the outputs (E, n, outputs) for inputs (n, inputs) to all, or (E, n, inputs) to
        each, in a new array; with `members` those of these alone, in their order."""
        chosen = self._chosen(members)
        each = x if x.ndim == 3 else [x] * len(chosen)
        outputs = np.empty((len(chosen), x.shape[-2], self.sizes[-1]), np.float32)
        for out, network, rows in zip(outputs, chosen, each, strict=True):
            out[:] = network.forward(rows)
        return outputs

    def backward(self, gradient: np.ndarray) -> None:
        """Write the gradients of a scalar by all parameters, given its gradient (E, n, outputs)
        by the outputs of the last forward pass over n rows."""
        for network, by_outputs in zip(self.members, gradient, strict=True):
            network.backward(by_outputs)

    def input_gradient(
        self, gradient: np.ndarray, *, begin: int = 0, members: Sequence[int] = ()
    ) -> np.ndarray:
        """Return the gradient (n, inputs - begin) of a scalar by inputs that the networks shared
        in the last forward pass, from number `begin` on, given that (E, n, outputs) by their
        outputs, in a new array; with `members` for a pass of these alone.

        Rows on whose outputs nothing depends cost nothing: where the least of E values counts,
        the E networks together do the work of one.
        """
        total: np.ndarray | None = None
        for network, by_outputs in zip(self._chosen(members), gradient, strict=True):
            if total is None:
                inputs = len(network.parameters[0][0]) - begin
                total = np.zeros((len(by_outputs), inputs), np.float32)
            counts = by_outputs.any(1)
            if counts.all():
                total += network.input_gradient(by_outputs, begin=begin)
            elif counts.any():
                rows = np.flatnonzero(counts)
                total[rows] += network.input_gradient(by_outputs[rows], begin=begin, rows=rows)
        assert total is not None
        return total

    def arrange(self, vectors: Sequence[np.ndarray]) -> None:
        """Put the units that have put out the least since the last time last in each hidden
        layer. ReLU's units die, and dead ones at the end are left out of backward passes.

        `vectors` are those to rearrange, like `parameters`, which has to be among them: the
        networks compute the same as before only if all that belongs to a unit moves with it, a
        target's weights and an optimiser's memory too.
        """
        for member, network in enumerate(self.members):
            for number in range(1, len(self.sizes) - 1):
                order = np.argsort(-network.activity[number], kind="stable")
                for vector in vectors:
                    stack = flat.views(vector, shapes(len(self.members), self.sizes))
                    before, after = (_layers(stack, member)[i] for i in (number - 1, number))
                    before[0][:], before[1][:] = before[0][:, order], before[1][order]
                    after[0][:] = after[0][order]
        self.activity[:] = 0.0

    def _networks(self, members: int, *, keep: bool) -> list[mlp.MLP]:
        parameters, gradients = (
            flat.views(vector, shapes(members, self.sizes))
            for vector in (self.parameters, self.gradient)
        )
        return [
            mlp.MLP(
                _layers(parameters, member), _layers(gradients, member), self.activation,
                scratch=self._scratch, keep=keep,
            )
            for member in range(members)
        ]  # fmt: skip

    def _chosen(self, members: Sequence[int]) -> list[mlp.MLP]:
        return [self.members[member] for member in members] if members else self.members


def _layers(stack: dict[str, np.ndarray], member: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (weight, bias) of each layer of a member."""
    layers = range(len(stack) // 2)
    return [(stack[f"{i}.weight"][member], stack[f"{i}.bias"][member]) for i in layers]

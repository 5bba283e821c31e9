"""Trees of sums and least values: priorities that are drawn from and changed in a few operations.

A node has so many children that four levels suffice, and a whole batch goes through a level at
once: each costs a few operations of NumPy, whatever the size of the batch.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

_LEVELS = 4
_MANY = 512
"""Places of which so many are set at once that it pays to find out which share a block."""
_BELOW_ONE = 1 - 2.0**-52


class ReductionTree:
    """`size` numbers, float64, whose sum (or another reduction) is kept up to date.

    The lowest level holds the numbers in blocks; each number of a level above is the reduction
    of a block below.
    """

    def __init__(self, size: int, reduction: np.ufunc, empty: float) -> None:
        """Begin with `empty`, the reduction's identity, at all places."""
        self.reduction = reduction
        width = max(2, math.ceil(size ** (1 / _LEVELS)))
        self.size, self.width = size, width
        self.levels: list[np.ndarray] = []
        """(blocks, width) each, the leaves first; the last is one block."""
        blocks = size
        for _ in range(_LEVELS):
            blocks = math.ceil(blocks / width)
            self.levels.append(np.full((blocks, width), empty))
        self._leaves = self.levels[0].reshape(-1)

    def set(self, places: np.ndarray, values: np.ndarray | float) -> None:
        """Put `values` at `places`, both (n,); the last value counts for a place named twice."""
        self._leaves[places] = values
        for below, above in pairwise(self.levels):
            places = places // self.width
            if len(places) > _MANY:
                places = np.unique(places)
            above.reshape(-1)[places] = self.reduction.reduce(below.take(places, axis=0), axis=1)

    def get(self, places: np.ndarray) -> np.ndarray:
        """Return the numbers at `places` (n,)."""
        return self._leaves.take(places)

    def root(self) -> float:
        """Return the reduction of all numbers."""
        return float(self.reduction.reduce(self.levels[-1][0]))


class SumTree(ReductionTree):
    """Numbers >= 0 and their sum."""

    def __init__(self, size: int) -> None:
        """Begin with zeros."""
        super().__init__(size, np.add, 0.0)

    def find(self, targets: np.ndarray) -> np.ndarray:
        """Return for each target (n,), 0 <= target < root(), the first place up to which the
        numbers add up to more. It never is a place of 0, whatever was rounded."""
        upto = self.levels[-1][0].cumsum()
        left = np.minimum(targets, upto[-1] * _BELOW_ONE)
        node = upto.searchsorted(left, side="right")
        left -= np.concatenate(([0.0], upto))[node]
        # For each target a row: 0, and what a block's numbers add up to, up to each of them.
        sums = np.zeros((len(targets), self.width + 1))
        starts, sums_flat, upto = (
            np.arange(len(sums)) * sums.shape[1],
            sums.reshape(-1),
            sums[:, 1:],
        )
        for level in self.levels[-2::-1]:
            level.take(node, axis=0).cumsum(axis=1, out=upto)
            np.minimum(left, upto[:, -1] * _BELOW_ONE, out=left)
            child = (upto > left[:, None]).argmax(axis=1)
            left -= sums_flat.take(starts + child)
            node *= self.width
            node += child
        return node


class MinTree(ReductionTree):
    """Numbers and the least of them; infinite where there is none."""

    def __init__(self, size: int) -> None:
        """Begin with none."""
        super().__init__(size, np.minimum, np.inf)

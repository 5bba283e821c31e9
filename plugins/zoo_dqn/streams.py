"""Dueling streams: Wang et al. (2016), https://arxiv.org/abs/1511.06581."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Streams:
    """The value of a state and the advantages of its actions, which make the action values:

        Q(s, a) = V(s) + A(s, a) - mean_a' A(s, a')                             (equation 9)

    for each atom, where there are several. One network computes both streams, each in a half of
    its last hidden layer, which has twice the units; the weights by which the last layer would
    read the other half stay 0.
    """

    def __init__(self, actions: int, atoms: int) -> None:
        """Join and split columns of `atoms` values, then `actions` * `atoms` advantages."""
        self.actions, self.atoms = actions, atoms

    def sizes(self, units: Sequence[int]) -> list[int]:
        """Return the units of the hidden layers and of the last one."""
        return [*units[:-1], *(2 * last for last in units[-1:]), (1 + self.actions) * self.atoms]

    def crossing(self, weight: np.ndarray) -> list[np.ndarray]:
        """Return views of what stays 0 of the last layer's weight (2 * units, outputs)."""
        half = len(weight) // 2
        return [weight[:half, self.atoms :], weight[half:, : self.atoms]]

    def join(self, columns: np.ndarray) -> np.ndarray:
        """Return Q (m, actions * atoms) for V and A (m, (1 + actions) * atoms)."""
        V = columns[:, None, : self.atoms]
        A = columns[:, self.atoms :].reshape(len(columns), self.actions, self.atoms)
        return (V + A - A.mean(1, keepdims=True)).reshape(len(columns), -1)

    def split(self, by_Q: np.ndarray) -> np.ndarray:
        """Return the gradient by V and A, given that by Q, as `join` has their columns."""
        by_Q = by_Q.reshape(len(by_Q), self.actions, self.atoms)
        by_V = by_Q.sum(1, keepdims=True)
        by_A = by_Q - by_V / np.float32(self.actions)
        return np.concatenate([by_V, by_A], axis=1).reshape(len(by_Q), -1)

"""Prioritised experience replay: Schaul et al., 2016, https://arxiv.org/abs/1511.05952.

The proportional variant, algorithm 1 and section 3.3:

    p_i = |delta_i| + epsilon                      of transition i with TD error delta_i
    P(i) = p_i^alpha / sum_k p_k^alpha             (1)
    w_i = (N P(i))^-beta / max_k w_k               section 3.4

The largest weight is that of the least priority in the whole buffer, so a transition's weight
does not depend on what was drawn beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo import State, ZooError
from zoo_torch.replay import Batch, Replay
from zoo_torch.sum_tree import MinTree, SumTree


class PrioritizedReplay(Replay):
    """The last transitions, drawn by how much there was to learn from them when last drawn.

    A new transition has the largest priority that there ever was, 1 at first, and so is soon
    drawn. Priorities are those of the TD errors of n-step returns where n_step > 1.
    """

    bytes_beside = 17  # two trees of float64

    def __init__(self, *args: Any, alpha: float = 0.6, eps: float = 1e-6, **kwargs: Any) -> None:
        """As `Replay`; `alpha`, from 0 (uniform) to 1, and `eps` > 0 are those of p_i^alpha."""
        super().__init__(*args, **kwargs)
        self.alpha, self.eps = alpha, eps
        # Leaves are p_i^alpha, and 0 where nothing can be drawn.
        self._sums, self._least = SumTree(self.places), MinTree(self.places)
        self._largest = 1.0
        # The steps that the trees know: they learn of others when they are needed.
        self._known_oldest = self._known = 0

    def sample(self, rng: np.random.Generator, size: int, beta: float = 1.0) -> Batch:
        """Draw `size` transitions: one from each of as many stretches of the same probability,
        `rng.random(size)` being where; weights are as of `beta`, from 0 to 1.

        The next call for as many overwrites the arrays.
        """
        self._catch_up()
        stretches = np.arange(size) + rng.random(size)
        indices = self._sums.find(stretches * (self._sums.root() / size))
        batch = self._take(indices)
        # N and the sum of the priorities cancel out in w_i / max w.
        ratio = self._sums.get(indices)
        ratio /= self._least.root()
        np.power(ratio, -beta, out=batch.weights, casting="same_kind")
        return batch

    def batches(
        self, rng: np.random.Generator, size: int, count: int, beta: float = 1.0
    ) -> Iterator[Batch]:
        """Yield `count` batches of `size`, each drawn by the priorities of that moment."""
        for _ in range(count):
            yield self.sample(rng, size, beta)

    def update_priorities(self, indices: np.ndarray, td_errors: np.ndarray) -> None:
        """Take over the TD errors (n,) that the transitions at `indices` (n,) have now.

        Of an index that is there twice, the last counts. `ZooError` where one is not finite.
        """
        self._catch_up()
        errors = np.abs(td_errors, dtype=np.float64)
        if not np.isfinite(errors).all():
            raise ZooError(
                f"training diverged: a TD error is {errors[~np.isfinite(errors)][0]}",
                "Lower learning_rate",
            )
        errors += self.eps
        errors **= self.alpha
        there = self._sums.get(indices) > 0  # what was drawn may have been dropped since
        if not there.all():
            indices, errors = indices[there], errors[there]
        if len(indices):
            self._largest = max(self._largest, float(errors.max()))
            self._set(indices, errors)

    def state(self) -> State:
        """Return what is kept, copied, and the priorities."""
        self._catch_up()
        taken = min(self._steps * self.copies, self.places)
        return {
            **super().state(),
            "priorities": self._sums.get(np.arange(taken)),
            "largest": self._largest,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned; `ZooError` where it was of a buffer unlike this one."""
        super().load_state(state)
        self._known_oldest, self._known = self._steps - self._kept, self._steps
        self._largest, priorities = state["largest"], state["priorities"]
        there = np.flatnonzero(priorities)
        self._sums, self._least = SumTree(self.places), MinTree(self.places)
        self._set(there, priorities[there])

    def _catch_up(self) -> None:
        """Have the trees forget the steps that were dropped, and know those that were added."""
        oldest, steps = self._steps - self._kept, self._steps
        if self._known == steps:
            return
        # Dropped before their places were needed again, as happens where images run out of room.
        first = max(self._known_oldest, steps - self.places // self.copies)
        if first < min(oldest, self._known):
            dropped = self._places_of(first, min(oldest, self._known))
            self._sums.set(dropped, 0.0)
            self._least.set(dropped, np.inf)
        self._set(self._places_of(max(oldest, self._known), steps), self._largest)
        self._known_oldest, self._known = oldest, steps

    def _places_of(self, first: int, end: int) -> np.ndarray:
        """Return the places of the steps from `first` to before `end`."""
        return np.arange(first * self.copies, end * self.copies) % self.places

    def _set(self, places: np.ndarray, priorities: np.ndarray | float) -> None:
        self._sums.set(places, priorities)
        self._least.set(places, priorities)

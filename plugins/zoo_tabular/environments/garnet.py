"""Garnet: random Markov decision processes of any size.

Archibald, McKinnon and Thomas, "On the generation of Markov decision processes", 1995; in the
simple form of Bhatnagar, Sutton, Ghavamzadeh and Lee, "Natural actor-critic algorithms", 2009.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo import TransitionModel, ZooError
from zoo_tabular.environments.arguments import fits_into_memory, whole
from zoo_tabular.environments.finite import FiniteEnvironment, shared

NAME = "zoo/Garnet-v0"
_BLOCK = 1 << 18
"""How many pairs of state and action are drawn at a time, which bounds the working memory."""


class Garnet(FiniteEnvironment):
    """A continuing task drawn at random by `seed`: episodes never terminate by themselves.

    Each action leads from each state to `branching` different states, drawn uniformly; their
    probabilities are the gaps between `branching` - 1 uniform points in [0, 1]. The reward of a
    state and action is drawn from the standard normal distribution, once for all its outcomes.
    Episodes begin anywhere, all states equally likely.
    """

    def __init__(
        self,
        states: Any = 100,
        actions: Any = 4,
        branching: Any = 5,
        seed: Any = 0,
        render_mode: str | None = None,
    ) -> None:
        states = whole(NAME, "states", states, at_least=1)
        branching = whole(NAME, "branching", branching, at_least=1)
        if branching > states:
            raise ZooError(
                f"{NAME}: {branching} different successors cannot be had from {states} states",
                "Let branching be at most states",
            )
        actions = whole(NAME, "actions", actions, at_least=1)
        model = garnet_model(states, actions, branching, whole(NAME, "seed", seed, at_least=0))
        super().__init__(model, render_mode)


@shared
def garnet_model(states: int, actions: int, branching: int, seed: int) -> TransitionModel:
    """Return the process that `seed` draws; about 37 bytes for each outcome."""
    pairs = states * actions
    fits_into_memory(NAME, pairs * (37 * branching + 16) + 16 * states)
    rng = np.random.default_rng(seed)
    index = np.int32 if states <= np.iinfo(np.int32).max else np.int64
    next_states = np.empty((pairs, branching), index)
    probabilities = np.empty((pairs, branching))
    for begin in range(0, pairs, _BLOCK):
        block = slice(begin, min(begin + _BLOCK, pairs))
        size = block.stop - begin
        next_states[block] = _different(rng, size, states, branching, index)
        probabilities[block] = _gaps(rng, size, branching)
    return TransitionModel(
        n_states=states,
        n_actions=actions,
        offsets=np.arange(0, pairs * branching + 1, branching),
        next_states=next_states.ravel(),
        probabilities=probabilities.ravel(),
        rewards=np.repeat(rng.standard_normal(pairs), branching),
        terminated=np.zeros(pairs * branching, np.bool_),
        initial=np.full(states, 1 / states),
    )


def _different(
    rng: np.random.Generator, rows: int, states: int, branching: int, index: type[np.integer[Any]]
) -> np.ndarray:
    """Draw (rows, branching) states, different in a row, every set of them equally likely.

    Floyd's algorithm (Bentley and Floyd, "A sample of brilliance", 1987) for all rows at once:
    to the set of the first k, add a state up to `top`, or `top` itself where it is already in.
    """
    chosen = np.empty((rows, branching), index)
    for k in range(branching):
        top = states - branching + k
        drawn = rng.integers(top, endpoint=True, size=rows, dtype=index)
        taken = (chosen[:, :k] == drawn[:, None]).any(axis=1)
        chosen[:, k] = np.where(taken, top, drawn)
    return chosen


def _gaps(rng: np.random.Generator, rows: int, branching: int) -> np.ndarray:
    """Draw (rows, branching) probabilities: the gaps between sorted uniform points.

    A gap of 0, were two points ever the same, is as good as any other.
    """
    points = np.sort(rng.random((rows, branching - 1)), axis=1)
    return np.diff(points, axis=1, prepend=0.0, append=1.0)

"""Whole episodes as Monte Carlo methods need them: noted step by step, learnt from at the end.

The end is where the episode terminates, or is truncated by a time limit. A truncated episode has
no complete return. It is not dropped, which would favour short episodes; instead the present
estimate of the last state's value stands for the rewards that were cut off (as in n-step methods
with an n beyond the time limit). Room for an episode is limited, too: what is longer is learnt
from as if truncated there, and the rest as an episode of its own.

Averages of returns forget early estimates slowly. Where most episodes are truncated, a step size
that falls less fast than 1 / N serves better.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from zoo_tabular.compiled import compiled

Visits = Literal["first", "every"]
ROOM = 100_000
"""Steps of an episode that there is room for, unless told otherwise."""
MOST_ROOM = 10_000_000
LARGEST_RATIO = 1e200
"""Beyond this importance-sampling ratio, nothing is learnt from what came earlier in an episode:
sums of ratios could no longer be computed."""


class Episodes(NamedTuple):
    """The episodes under way, one of each copy."""

    rows: np.ndarray
    """(copies, room) int64: what was visited, a state s or a pair s * n_actions + a"""
    rewards: np.ndarray
    """(copies, room) float64: the reward after each visit"""
    lengths: np.ndarray
    """(copies,) int64: how many visits there were"""
    first: np.ndarray
    """(n_rows,) int64: when each row was first visited, written by `mark_first_visits`"""


def make_episodes(copies: int, room: int, n_rows: int) -> Episodes:
    """Return episodes that have not begun."""
    return Episodes(
        rows=np.zeros((copies, room), np.int64),
        rewards=np.zeros((copies, room)),
        lengths=np.zeros(copies, np.int64),
        first=np.zeros(n_rows, np.int64),
    )


@compiled
def note(episodes: Any, i: int, row: int, reward: float, is_over: bool) -> bool:
    """Append a visit of copy i, and say whether to learn now: at the end, or out of room."""
    t = episodes.lengths[i]
    episodes.rows[i, t] = row
    episodes.rewards[i, t] = reward
    episodes.lengths[i] = t + 1
    return is_over or t + 1 == episodes.rows.shape[1]


@compiled
def mark_first_visits(episodes: Any, i: int, columns: int) -> None:
    """Write into `first` when copy i first visited each row // columns of its episode."""
    for t in range(episodes.lengths[i] - 1, -1, -1):
        episodes.first[episodes.rows[i, t] // columns] = t

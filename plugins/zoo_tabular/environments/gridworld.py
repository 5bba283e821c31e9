"""The grid world of Sutton & Barto (2018), figure 4.1 and example 4.1, of any size."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo import TransitionModel, ZooError
from zoo_tabular.environments.arguments import fits_into_memory, whole
from zoo_tabular.environments.finite import shared
from zoo_tabular.environments.grid import MOVES, GridEnvironment, moved

NAME = "zoo/GridWorld-v0"


class GridWorld(GridEnvironment):
    """Walk to one of two corners: the first cell and the last one are terminal.

    Actions: 0 up, 1 right, 2 down, 3 left; a move off the grid leaves the agent where it is.
    Every move costs 1, also the last one. Episodes begin in any other cell, all equally likely.
    """

    def __init__(self, rows: Any = 4, columns: Any = 4, render_mode: str | None = None) -> None:
        rows = whole(NAME, "rows", rows, at_least=1)
        columns = whole(NAME, "columns", columns, at_least=1)
        if rows * columns < 3:
            raise ZooError(
                f"{NAME}: a grid of {rows} x {columns} has no cell between its terminal corners",
                "Ask for at least 3 cells",
            )
        model = grid_world_model(rows, columns)
        letters = np.full((rows, columns), ".")
        letters[0, 0] = letters[-1, -1] = "T"
        super().__init__(model, letters, render_mode)


@shared
def grid_world_model(rows: int, columns: int) -> TransitionModel:
    """Return the transitions; those out of a terminal cell lead back to it and pay nothing."""
    cells, actions = rows * columns, 4
    fits_into_memory(NAME, cells * actions * 33)
    next_states = moved(rows, columns, MOVES[:actions])
    rewards = np.full((cells, actions), -1.0)
    for corner in (0, cells - 1):
        next_states[corner], rewards[corner] = corner, 0.0
    initial = np.full(cells, 1 / (cells - 2))
    initial[[0, -1]] = 0.0
    outcomes = next_states.ravel()
    return TransitionModel(
        n_states=cells,
        n_actions=actions,
        offsets=np.arange(cells * actions + 1),
        next_states=outcomes,
        probabilities=np.ones(len(outcomes)),
        rewards=rewards.ravel(),
        terminated=(outcomes == 0) | (outcomes == cells - 1),
        initial=initial,
    )

"""The windy grid world of Sutton & Barto (2018), example 6.5, with exercises 6.9 and 6.10."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo import TransitionModel
from zoo_tabular.environments.arguments import flag
from zoo_tabular.environments.finite import shared
from zoo_tabular.environments.grid import ARROWS, MOVES, GridEnvironment

NAME = "zoo/WindyGridWorld-v0"
ROWS, COLUMNS = 7, 10
START, GOAL = (3, 0), (3, 7)
WIND = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
"""By how many cells each column shifts upwards who leaves a cell of it."""


class WindyGridWorld(GridEnvironment):
    """Walk from the start to the goal through a crosswind that blows upwards.

    Actions: 0 up, 1 right, 2 down, 3 left; with `kings_moves` also the diagonals 4 up right,
    5 down right, 6 down left, 7 up left; with `staying` a last one that does not move (exercise
    6.9). With `stochastic` the wind of a column, where there is any, is one cell weaker, as
    named, or one cell stronger, each a third of the time (exercise 6.10). Every move costs 1.
    """

    def __init__(
        self,
        kings_moves: Any = False,
        stochastic: Any = False,
        staying: Any = False,
        render_mode: str | None = None,
    ) -> None:
        moves = list(range(8 if flag(NAME, "kings_moves", kings_moves) else 4))
        moves += [8] if flag(NAME, "staying", staying) else []
        model = windy_model(tuple(moves), flag(NAME, "stochastic", stochastic))
        letters = np.full((ROWS, COLUMNS), ".")
        letters[START], letters[GOAL] = "S", "G"
        super().__init__(model, letters, render_mode)
        self.arrows = tuple(np.array(ARROWS)[moves].tolist())


@shared
def windy_model(moves: tuple[int, ...], stochastic: bool) -> TransitionModel:
    """Return the transitions under `moves`, which index `grid.MOVES`."""
    goal = GOAL[0] * COLUMNS + GOAL[1]
    table = {
        cell: {
            action: [(1.0, goal, 0.0, True)] if cell == goal else _outcomes(cell, move, stochastic)
            for action, move in enumerate(moves)
        }
        for cell in range(ROWS * COLUMNS)
    }
    initial = np.zeros(ROWS * COLUMNS)
    initial[START[0] * COLUMNS + START[1]] = 1.0
    return TransitionModel.from_table(table, initial)


def _outcomes(cell: int, move: int, stochastic: bool) -> list[tuple[float, int, float, bool]]:
    """Return Gymnasium's (probability, next state, reward, terminated) of a move."""
    row, column = divmod(cell, COLUMNS)
    wind = WIND[column]
    winds = (wind - 1, wind, wind + 1) if stochastic and wind else (wind,)
    outcomes = []
    for strength in winds:
        to_row = min(max(row + int(MOVES[move][0]) - strength, 0), ROWS - 1)
        to_column = min(max(column + int(MOVES[move][1]), 0), COLUMNS - 1)
        to = to_row * COLUMNS + to_column
        outcomes.append((1 / len(winds), to, -1.0, (to_row, to_column) == GOAL))
    return outcomes

"""Tic-tac-toe against a fixed opponent, which makes it a finite Markov decision process.

Sutton & Barto (2018), section 1.5, play it against an imperfect opponent.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from zoo import TransitionModel
from zoo_tabular.environments.arguments import choice, flag
from zoo_tabular.environments.drawing import cross, draw_grid, paint, ring
from zoo_tabular.environments.finite import shared
from zoo_tabular.environments.grid import GridEnvironment

NAME = "zoo/TicTacToe-v0"
OPPONENTS = ("random", "perfect")
FREE, OURS, THEIRS = 0, 1, 2
STATES, CELLS = 3**9, 9
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))

Board = tuple[int, ...]
"""Nine cells, row by row, each `FREE`, `OURS` or `THEIRS`."""
Rows = list[tuple[float, int, float, bool]]
"""Gymnasium's (probability, next state, reward, terminated)."""


class TicTacToe(GridEnvironment):
    """Three in a row: +1 for a win, -1 for a loss, 0 for a draw and for every other move.

    Action i marks cell i, counted row by row. A marked cell is an illegal move, which loses at
    once (-1, board unchanged); `action_masks()` and `info["action_mask"]` (9,) bool tell which
    moves are legal. The state is the board as a number of nine digits to base 3, the first cell
    the most significant: 0 free, 1 the agent's, 2 the opponent's. The agent moves first where
    `first` is true. The opponent `random` takes any free cell; `perfect` plays the best moves
    of the game, and any of them where there are several, so that a draw is the most to be had.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium has it
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 1,
    }

    def __init__(
        self, opponent: Any = "random", first: Any = True, render_mode: str | None = None
    ) -> None:
        opponent = choice(NAME, "opponent", opponent, OPPONENTS)
        model = tic_tac_toe_model(opponent, flag(NAME, "first", first))
        super().__init__(model, np.full((3, 3), "."), render_mode)
        del self.grid_shape, self.arrows  # states are boards, not cells

    def action_masks(self) -> np.ndarray:
        """Return which of the nine moves are legal, (9,) bool; all where the game is over."""
        board = board_of(self.state)
        free = np.array(board) == FREE
        return free if free.any() and not winner(board) else np.ones(CELLS, np.bool_)

    def info(self) -> dict[str, Any]:
        """Return the legal moves as `action_mask`."""
        return {"action_mask": self.action_masks()}

    def text(self) -> str:
        """Return the board, with X for the agent and O for the opponent."""
        marks = np.array(list(".XO"))[np.reshape(board_of(self.state), (3, 3))]
        return "\n".join(" ".join(row) for row in marks) + "\n"

    def frame(self) -> np.ndarray:
        """Return the board as an image, (height, width, 3) uint8."""
        image = draw_grid(np.full((3, 3, 3), 246))
        size = len(image) // 3
        for i, mark in enumerate(board_of(self.state)):
            if mark == OURS:
                paint(image, divmod(i, 3), cross(size, 0.32), (42, 99, 173))
            elif mark == THEIRS:
                paint(image, divmod(i, 3), ring(size, 0.32), (196, 80, 60))
        return image


@shared
def tic_tac_toe_model(opponent: str, first: bool) -> TransitionModel:
    """Return the transitions between the boards on which the agent is to move.

    A board that no game leads to has one outcome: it ends, and pays nothing.
    """
    table: dict[int, dict[int, Rows]] = {
        state: {action: [(1.0, state, 0.0, True)] for action in range(CELLS)}
        for state in range(STATES)
    }
    empty: Board = (FREE,) * CELLS
    initial = np.zeros(STATES)
    firsts = [(1.0, empty)] if first else replies(empty, opponent)
    for probability, board in firsts:
        initial[number_of(board)] = probability
    waiting, known = [board for _, board in firsts], {board for _, board in firsts}
    while waiting:
        board = waiting.pop()
        for action in range(CELLS):
            rows = outcomes(board, action, opponent)
            table[number_of(board)][action] = rows
            ongoing = {board_of(state) for _, state, _, terminated in rows if not terminated}
            waiting += ongoing - known
            known |= ongoing
    return TransitionModel.from_table(table, initial)


def outcomes(board: Board, action: int, opponent: str) -> Rows:
    """Return what comes of marking a cell and of the opponent's answer."""
    if board[action] != FREE:
        return [(1.0, number_of(board), -1.0, True)]
    after = marked(board, action, OURS)
    if winner(after) or FREE not in after:
        return [(1.0, number_of(after), float(winner(after) == OURS), True)]
    rows: Rows = []
    for probability, answered in replies(after, opponent):
        lost = winner(answered) == THEIRS
        over = lost or FREE not in answered
        rows.append((probability, number_of(answered), -float(lost), over))
    return rows


def replies(board: Board, opponent: str) -> list[tuple[float, Board]]:
    """Return the boards after the opponent's move, with their probabilities."""
    boards = [marked(board, cell, THEIRS) for cell in range(CELLS) if board[cell] == FREE]
    if opponent == "perfect":
        values = [value(after, OURS) for after in boards]
        boards = [after for after, v in zip(boards, values, strict=True) if v == min(values)]
    return [(1 / len(boards), after) for after in boards]


@cache
def value(board: Board, to_move: int) -> int:
    """Return the game's value for us, 1, 0 or -1, when both sides play perfectly (minimax)."""
    won = winner(board)
    if won or FREE not in board:
        return {FREE: 0, OURS: 1, THEIRS: -1}[won]
    other = OURS + THEIRS - to_move
    values = [
        value(marked(board, cell, to_move), other) for cell in range(CELLS) if board[cell] == FREE
    ]
    return max(values) if to_move == OURS else min(values)


def winner(board: Board) -> int:
    """Return who has three in a row: `OURS`, `THEIRS`, or `FREE` for nobody."""
    for a, b, c in LINES:
        if board[a] and board[a] == board[b] == board[c]:
            return board[a]
    return FREE


def marked(board: Board, cell: int, mark: int) -> Board:
    """Return the board with one more mark."""
    return (*board[:cell], mark, *board[cell + 1 :])


def number_of(board: Board) -> int:
    """Return the state of a board."""
    state = 0
    for mark in board:
        state = 3 * state + mark
    return state


def board_of(state: int) -> Board:
    """Return the board of a state."""
    return tuple(state // 3 ** (CELLS - 1 - cell) % 3 for cell in range(CELLS))

"""Environments on a grid: how positions are counted, moved and drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo import TransitionModel
from zoo_tabular.environments.drawing import Window, draw_grid
from zoo_tabular.environments.finite import FiniteEnvironment

MOVES = np.array([(-1, 0), (0, 1), (1, 0), (0, -1), (-1, 1), (1, 1), (1, -1), (-1, -1), (0, 0)])
"""(row, column) steps: up, right, down, left; the diagonals, clockwise; staying."""
ARROWS = ("↑", "→", "↓", "←", "↗", "↘", "↙", "↖", "•")

COLOURS = {
    ".": (246, 246, 243),
    "T": (122, 128, 138),
    "S": (247, 222, 164),
    "G": (139, 195, 142),
}
"""What letters stand for: floor, terminal, start, goal."""


class GridEnvironment(FiniteEnvironment):
    """A `FiniteEnvironment` whose state r * columns + c is the cell in row r and column c.

    `grid_shape` is (rows, columns), `letters` (rows, columns) names the kind of each cell, and
    `arrows` has a character for each action.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium has it
        "render_modes": ["human", "rgb_array", "ansi"],
        "render_fps": 4,
    }

    def __init__(
        self, model: TransitionModel, letters: np.ndarray, render_mode: str | None = None
    ) -> None:
        super().__init__(model, render_mode)
        self.letters = letters
        self.grid_shape: tuple[int, int] = (letters.shape[0], letters.shape[1])
        self.arrows = ARROWS[: model.n_actions]
        self._window: Window | None = None

    def text(self) -> str:
        """Return the grid with the agent's cell in brackets, and the last move."""
        rows, columns = self.grid_shape
        cells = [[f" {letter} " for letter in row] for row in self.letters]
        row, column = divmod(self.state, columns)
        cells[row][column] = f"[{self.letters[row, column]}]"
        move = "" if self.last_action is None else self.arrows[self.last_action]
        return "\n".join(["".join(cells[r]) for r in range(rows)] + [move]) + "\n"

    def frame(self) -> np.ndarray:
        """Return the grid as an image, (height, width, 3) uint8."""
        colours = np.zeros((*self.grid_shape, 3), np.uint8)
        for letter, colour in COLOURS.items():
            colours[self.letters == letter] = colour
        return draw_grid(colours, divmod(self.state, self.grid_shape[1]))

    def show(self) -> None:
        """Show the grid in the window, in the mode `human`."""
        if self.render_mode == "human":
            self._window = self._window or Window(type(self).__name__)
            self._window.show(self.frame(), self.metadata["render_fps"])

    def render(self) -> Any:
        """Return text or an image, or show the window, as `render_mode` says."""
        if self.render_mode == "rgb_array":
            return self.frame()
        if self.render_mode == "human":
            self.show()
            return None
        return super().render()

    def close(self) -> None:
        """Close the window."""
        if self._window is not None:
            self._window.close()
            self._window = None


def moved(rows: int, columns: int, steps: np.ndarray) -> np.ndarray:
    """Return the cells (rows * columns, n) that `steps` (n, 2) or (rows * columns, n, 2) lead to.

    A step beyond the edge ends at the edge.
    """
    at = np.stack(np.divmod(np.arange(rows * columns), columns), axis=-1)[:, None]
    to = np.clip(at + steps, 0, (rows - 1, columns - 1))
    return to[..., 0] * columns + to[..., 1]

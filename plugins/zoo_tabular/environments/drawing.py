"""Pictures of grids, in NumPy, and a window that shows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo import ZooError

_SIDE = 512
"""The longer side of a picture, in pixels, as nearly as whole cells allow."""
_LINE = (203, 203, 198)
_AGENT = (42, 99, 173)


def cell_size(shape: tuple[int, int]) -> int:
    """Return the width of a cell in pixels, for a grid of `shape` (rows, columns)."""
    return max(1, min(64, _SIDE // max(shape)))


def draw_grid(colours: np.ndarray, agent: tuple[int, int] | None = None) -> np.ndarray:
    """Return an image (height, width, 3) uint8 of cells with `colours` (rows, columns, 3).

    `agent` is the (row, column) of the disc, None where there is none to draw.
    """
    rows, columns, _ = colours.shape
    size = cell_size((rows, columns))
    image = np.repeat(np.repeat(colours.astype(np.uint8), size, axis=0), size, axis=1)
    if size >= 8:
        image[::size] = image[:, ::size] = _LINE
    if agent is not None:
        paint(image, agent, disc(size, 0.32), _AGENT)
    return image


def paint(
    image: np.ndarray, cell: tuple[int, int], shape: np.ndarray, colour: tuple[int, int, int]
) -> None:
    """Colour those pixels of a cell of `image` where `shape` (size, size) is True, in place."""
    size = len(shape)
    row, column = cell[0] * size, cell[1] * size
    image[row : row + size, column : column + size][shape] = colour


def disc(size: int, radius: float) -> np.ndarray:
    """Return a filled circle as (size, size) bool; the radius is a share of the cell's width."""
    x, y = _coordinates(size)
    return np.hypot(x, y) <= max(radius, 0.5 / size)


def ring(size: int, radius: float) -> np.ndarray:
    """Return a circle, a tenth of the cell thick, as (size, size) bool."""
    x, y = _coordinates(size)
    return np.abs(np.hypot(x, y) - radius) <= 0.05


def cross(size: int, radius: float) -> np.ndarray:
    """Return two diagonals, a tenth of the cell thick, as (size, size) bool."""
    x, y = _coordinates(size)
    return (np.abs(np.abs(x) - np.abs(y)) <= 0.07) & (np.maximum(np.abs(x), np.abs(y)) <= radius)


def _coordinates(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a cell's pixels, from -1/2 to 1/2, as (1, size) and (size, 1)."""
    line = (np.arange(size) + 0.5) / size - 0.5
    return line[None], line[:, None]


class Window:
    """A window of pygame's that shows one image after another.

    Raises `ZooError` where pygame is not installed.
    """

    def __init__(self, title: str) -> None:
        try:
            import pygame
        except ImportError as error:
            raise ZooError(
                "a window needs pygame, which is not installed",
                'Install it with: pip install "gymnasium[toy-text]"',
            ) from error
        self._pygame: Any = pygame
        self._title = title
        self._screen: Any = None
        self._clock = pygame.time.Clock()

    def show(self, image: np.ndarray, fps: float) -> None:
        """Show `image` (height, width, 3), and wait until 1 / `fps` seconds have passed."""
        pygame = self._pygame
        if self._screen is None:
            pygame.display.init()
            pygame.display.set_caption(self._title)
            self._screen = pygame.display.set_mode((image.shape[1], image.shape[0]))
        surface = pygame.surfarray.make_surface(image.swapaxes(0, 1))
        self._screen.blit(surface, (0, 0))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(fps)

    def close(self) -> None:
        """Close the window."""
        if self._screen is not None:
            self._pygame.display.quit()
            self._screen = None

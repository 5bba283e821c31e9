"""Charts as a picture: a heat map with arrows, drawn by pygame without a window."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.drawing.charts import Chart
from zoo.drawing.scale import Colour, Scale, readable_on
from zoo.errors import ZooError
from zoo.storage.files import explain

# All lengths are in pixels of a picture that is drawn at twice the size a reader needs.
MARGIN = 56
GAP = 64
WIDEST = 2000
LARGEST_CELL, SMALLEST_CELL = 176, 6
LEAST_FOR_SIGNS, LEAST_FOR_FIGURES = 18, 72
BAR = 36

PAPER, INK, GREY = (255, 255, 255), (24, 26, 34), (104, 110, 122)
MUTED = (228, 230, 235)
_ANGLES = {arrow: 45 * index for index, arrow in enumerate("→↗↑↖←↙↓↘")}
_ARROW = np.array([(-0.5, -0.09), (0.08, -0.09), (0.08, -0.3), (0.5, 0),
                   (0.08, 0.3), (0.08, 0.09), (-0.5, 0.09)])  # fmt: skip


def save(path: Path, title: str, subtitle: str, charts: Sequence[Chart]) -> Path:
    """Write `charts` below a title, with their common scale of colours beside them, as a PNG.

    Raises `ZooError` where the file cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise ZooError(f"{path} is no PNG file by its name", "Give a name that ends in .png")
    canvas = _Canvas(_pygame(), title, subtitle, charts)
    canvas.draw()
    with explain(path, "write"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            canvas.pygame.image.save(canvas.surface, file, "PNG")
    return path


def _pygame() -> Any:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        import pygame
    except ImportError as error:
        raise ZooError(
            "a picture needs pygame, which is not installed",
            'Install it with: pip install "gymnasium[toy-text]"',
        ) from error
    pygame.font.init()  # and nothing else: no window, no display
    return pygame


class _Canvas:
    """A surface with the measures of what is drawn on it."""

    def __init__(self, pygame: Any, title: str, subtitle: str, charts: Sequence[Chart]) -> None:
        self.pygame, self.title, self.subtitle, self.charts = pygame, title, subtitle, charts
        self.scale = Scale.of(chart.values for chart in charts)
        self.across = _across(charts)
        self.down = math.ceil(len(charts) / self.across)
        rows = max(chart.shape[0] for chart in charts)
        columns = max(chart.shape[1] for chart in charts)
        room = WIDEST - GAP * (self.across - 1)
        self.cell = min(max(room // (columns * self.across), SMALLEST_CELL), LARGEST_CELL)
        self.small = self._font(26)
        self.left = 20 + self._widest(chart.rows for chart in charts)
        self.left += 40 if any(chart.row_name for chart in charts) else 0
        self.top = (48 if any(c.title for c in charts) else 0) + 40
        self.top += 36 if any(c.column_name for c in charts) else 0
        self.chart_width = self.left + columns * self.cell
        self.chart_height = self.top + rows * self.cell
        self.begin = MARGIN + 104 + (24 if subtitle else 0)
        inner = self.across * self.chart_width + (self.across - 1) * GAP
        side = 200 if self.scale else 0
        heads = [self._font(48).size(title)[0], self._font(28).size(subtitle)[0]]
        width = 2 * MARGIN + max(inner + side, *heads)
        height = self.begin + self.down * self.chart_height + (self.down - 1) * GAP + MARGIN
        self.bar_left = MARGIN + inner + 48
        self.surface = pygame.Surface((width, height))

    def draw(self) -> None:
        """Draw everything."""
        self.surface.fill(PAPER)
        self._text(self.title, 48, INK, (MARGIN, MARGIN - 8))
        self._text(self.subtitle, 28, GREY, (MARGIN, MARGIN + 56))
        for index, chart in enumerate(self.charts):
            down, across = divmod(index, self.across)
            left = MARGIN + across * (self.chart_width + GAP)
            self._chart(chart, left, self.begin + down * (self.chart_height + GAP))
        if self.scale is not None:
            self._bar(self.scale)

    def _chart(self, chart: Chart, left: int, top: int) -> None:
        rows, columns = chart.shape
        self._text(chart.title, 34, INK, (left + self.left, top))
        x, y = left + self.left, top + self.top
        if chart.column_name:
            middle = (x + columns * self.cell // 2, y - 64)
            self._text(chart.column_name, 26, GREY, middle, "center")
        if chart.row_name:
            self._sideways(chart.row_name, (left + 12, y + rows * self.cell // 2))
        every = math.ceil(max(self._widest([chart.columns]) + 8, 1) / self.cell)
        for column in range(0, columns, every):
            at = (x + column * self.cell + self.cell // 2, y - 20)
            self._text(chart.columns[column], 26, GREY, at, "center")
        for row in range(0, rows, math.ceil(28 / self.cell)):
            at = (x - 12, y + row * self.cell + self.cell // 2)
            self._text(chart.rows[row], 26, GREY, at, "midright")
        for row, column in np.ndindex(rows, columns):
            self._cell(chart, row, column, x + column * self.cell, y + row * self.cell)

    def _cell(self, chart: Chart, row: int, column: int, x: int, y: int) -> None:
        value, side = float(chart.values[row, column]), self.cell
        empty = chart.muted[row, column] or self.scale is None or not math.isfinite(value)
        colour = MUTED if empty else self.scale.colour(value)  # type: ignore[union-attr]
        edge = 1 if side >= LEAST_FOR_SIGNS else 0
        self.surface.fill(colour, (x, y, side - edge, side - edge))
        if side < LEAST_FOR_SIGNS:
            return
        ink = GREY if chart.muted[row, column] else readable_on(colour)
        sign, note = str(chart.signs[row, column]), str(chart.notes[row, column])
        figure = self.scale.figure(value) if self.scale and not empty else ""
        shows_figure = bool(figure) and side >= LEAST_FOR_FIGURES
        middle = (x + side // 2, y + round(side * (0.4 if shows_figure else 0.5)))
        if sign:
            self._sign(sign, middle, ink)
            if note and side >= LEAST_FOR_FIGURES:
                self._text(note, side // 6, ink, (x + side // 12, y + side // 12))
        elif note:
            self._text(note, side // 2, ink, (x + side // 2, y + side // 2), "center")
        if shows_figure:
            at = (x + side // 2, y + round(side * 0.86))
            self._text(figure, min(side // 5, side * 9 // (5 * len(figure))), ink, at, "center")

    def _sign(self, sign: str, middle: tuple[int, int], ink: Colour) -> None:
        """Draw one arrow through the middle, several from it outwards, or letters."""
        if not set(sign) <= _ANGLES.keys():
            self._text(sign, round(self.cell * 0.42 / len(sign) ** 0.5), ink, middle, "center")
            return
        length = self.cell * (0.52 if len(sign) == 1 else 0.26)
        for arrow in sign:
            angle = math.radians(_ANGLES[arrow])
            along = np.array([math.cos(angle), -math.sin(angle)])
            across = np.array([-along[1], along[0]])
            shift = 0.0 if len(sign) == 1 else 0.62
            points = _ARROW + np.array([shift, 0.0])
            self._polygon(length * (points[:, :1] * along + points[:, 1:] * across) + middle, ink)

    def _polygon(self, points: np.ndarray, colour: Colour) -> None:
        corners = [(float(x), float(y)) for x, y in points]
        self.pygame.draw.polygon(self.surface, colour, corners)
        self.pygame.draw.aalines(self.surface, colour, True, corners)

    def _bar(self, scale: Scale) -> None:
        """Draw the scale of the colours, the greatest value on top."""
        height = min(self.down * self.chart_height - self.top, 900)
        left, top = self.bar_left, self.begin + self.top
        for y in range(height):
            share = 1 - y / max(height - 1, 1)
            colour = scale.colour(scale.low + share * (scale.high - scale.low))
            self.surface.fill(colour, (left, top + y, BAR, 1))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0) if scale.high > scale.low else (0.5,):
            y = top + round((1 - share) * (height - 1))
            figure = scale.figure(scale.low + share * (scale.high - scale.low))
            self.surface.fill(GREY, (left + BAR, y - 1, 8, 2))
            self._text(figure, 26, INK, (left + BAR + 16, y), "midleft")
        self._text("value", 26, GREY, (left, top - 36), "midleft")

    def _text(
        self, text: str, size: int, colour: Colour, at: tuple[int, int], anchor: str = "topleft"
    ) -> None:
        if text and size >= 8:
            drawn = self._font(size).render(text, True, colour)
            self.surface.blit(drawn, drawn.get_rect(**{anchor: at}))

    def _sideways(self, text: str, at: tuple[int, int]) -> None:
        drawn = self._font(26).render(text, True, GREY)
        turned = self.pygame.transform.rotate(drawn, 90)
        self.surface.blit(turned, turned.get_rect(center=at))

    def _font(self, size: int) -> Any:
        return self.pygame.font.Font(None, round(size * 1.25))  # by height, not by letters

    def _widest(self, groups: Any) -> int:
        return max((self.small.size(label)[0] for group in groups for label in group), default=0)


def _across(charts: Sequence[Chart]) -> int:
    """Return how many charts stand side by side: Taxi's in four columns, others in one or two."""
    if len(charts) <= 2:
        return len(charts)
    return min(math.ceil(math.sqrt(len(charts))), 4)

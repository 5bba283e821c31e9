"""A learning curve as a picture: `curve.csv` drawn as SVG, without a plotting library."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 20, 36, 44
_TICKS = 5
_LINE, _GRID, _TEXT = "#1f6feb", "#d8dee4", "#424a53"
_COLUMNS = ("steps", "mean_return", "ci95_low", "ci95_high")


def curve_svg(table: str, title: str) -> str | None:
    """Return the learning curve in `table`, the text of a `curve.csv`, as an SVG picture.

    The line is the mean return over the steps, the band its 95 % interval. Rows without steps
    or with numbers that are not finite are left out; None where fewer than two remain.
    """
    points = _points(table)
    if len(points) < 2:
        return None
    steps = [point[0] for point in points]
    lows, highs = [min(point[1:]) for point in points], [max(point[1:]) for point in points]
    end = max(steps)
    x_ticks = [tick for tick in _ticks(0.0, end) if tick <= end]
    y_ticks = _ticks(min(lows), max(highs))

    def x(value: float) -> float:
        share = value / end
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        share = (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    line = " ".join(f"{x(step)},{y(mean)}" for step, mean, _, _ in points)
    upper = [f"{x(step)},{y(high)}" for step, _, _, high in points]
    lower = [f"{x(step)},{y(low)}" for step, _, low, _ in points]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" '
        f'fill="{_TEXT}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
        *(_across(y(value), _label(value)) for value in y_ticks),
        *(_below(x(value), _label(value)) for value in x_ticks),
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 8}" text-anchor="end">steps</text>',
        f'<polygon points="{" ".join(upper + lower[::-1])}" fill="{_LINE}" fill-opacity="0.2"/>',
        f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="2"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _points(table: str) -> list[tuple[float, ...]]:
    """Return (steps, mean, low, high) of each row, in the order of the steps."""
    points = []
    for row in csv.DictReader(io.StringIO(table)):
        try:
            point = tuple(float(row[column]) for column in _COLUMNS)
        except (KeyError, TypeError, ValueError):
            continue
        if all(map(math.isfinite, point)) and point[0] > 0:
            points.append(point)
    return sorted(points)


def _ticks(low: float, high: float) -> Sequence[float]:
    """Return round numbers, evenly spaced, that reach from at most `low` to at least `high`."""
    if high <= low:
        low, high = low - 1.0, high + 1.0
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((f for f in (1, 2, 2.5, 5, 10) if f * power >= rough), default=10)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, last + 1)]


def _label(value: float) -> str:
    for unit, scale in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= 10 * scale or (abs(value) >= scale and unit == "M"):
            return f"{value / scale:g}{unit}"
    return f"{round(value, 10):g}"


def _across(y: float, label: str) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_GRID}"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{label}</text>'
    )


def _below(x: float, label: str) -> str:
    return f'<text x="{x}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{label}</text>'

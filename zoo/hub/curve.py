"""Curves as a picture: lines with bands drawn as SVG, without a plotting library."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 20, 36, 44
_TICKS = 5
_GRID, _TEXT = "#d8dee4", "#424a53"
_COLOURS = ("#1f6feb", "#cf222e", "#1a7f37", "#8250df")
_COLUMNS = ("steps", "mean_return", "ci95_low", "ci95_high")

Point = tuple[float, ...]
"""(x, mean, low, high), all finite, x not negative."""


@dataclass(frozen=True)
class Line:
    """A curve: its mean and the band around it; `name` is needed where there are several."""

    points: Sequence[Point]
    name: str = ""


@dataclass(frozen=True)
class Axes:
    """What the axes are called and show.

    `y` goes over the axis. `limits` cut the picture off below and above; by default everything
    is seen. With `logarithmic`, what is not above 0 is left out. `level` is a value to compare
    with, a dashed line, and what to call it.
    """

    x: str = "steps"
    y: str = ""
    limits: tuple[float, float] | None = None
    logarithmic: bool = False
    level: tuple[float, str] | None = None


def curve_svg(table: str, title: str) -> str | None:
    """Return the learning curve in `table`, the text of a `curve.csv`, as an SVG picture.

    The line is the mean return over the steps, the band its 95 % interval. Rows without steps
    or with numbers that are not finite are left out; None where fewer than two remain.
    """
    points = _points(table)
    return lines_svg([Line(points)], title) if len(points) > 1 else None


def lines_svg(lines: Sequence[Line], title: str, axes: Axes | None = None) -> str:
    """Return lines of two points or more, and the bands around them, as an SVG picture."""
    axes = axes or Axes()
    frame = _Frame(lines, axes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" '
        f'fill="{_TEXT}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
        *frame.ticks(),
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(axes.x)}</text>',
        *frame.opening(),
        *(frame.curve(line.points, _colour(index)) for index, line in enumerate(lines)),
        *(["</g>"] if axes.limits else []),
        *_names(lines),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Frame:
    """The place where curves are drawn: what value lies where."""

    def __init__(self, lines: Sequence[Line], axes: Axes) -> None:
        self.axes = axes
        points = [point for line in lines for point in line.points if self._shows(point)]
        self.end = max(point[0] for point in points)
        low, high = axes.limits or (min(map(min, _values(points))), max(map(max, _values(points))))
        ticks = _decades(low, high) if axes.logarithmic else _ticks(low, high)
        self.y_ticks = [tick for tick in ticks if not axes.limits or low <= tick <= high]
        self.low, self.high = axes.limits or (ticks[0], ticks[-1])

    def _shows(self, point: Point) -> bool:
        return not self.axes.logarithmic or min(point[1:]) > 0

    def x(self, value: float) -> float:
        return round(_LEFT + value / self.end * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.low, self.high
        if self.axes.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = (value - low) / (high - low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    def ticks(self) -> list[str]:
        """Return the grid and what stands at it."""
        across = [_across(self.y(value), _label(value)) for value in self.y_ticks]
        below = [_below(self.x(v), _label(v)) for v in _ticks(0.0, self.end) if v <= self.end]
        name = escape(self.axes.y)
        middle = (HEIGHT - _BOTTOM + _TOP) / 2
        turned = f'transform="rotate(-90 14 {middle})" text-anchor="middle"'
        return [
            *across,
            *below,
            *([f'<text x="14" y="{middle}" {turned}>{name}</text>'] * bool(name)),
        ]

    def opening(self) -> list[str]:
        """Return what is drawn before the curves: the level, and the edge where they are cut."""
        parts = []
        if self.axes.level:
            value, name = self.axes.level
            y = self.y(value)
            parts += [
                f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="{_TEXT}" '
                'stroke-dasharray="5 4"/>',
                f'<text x="{WIDTH - _RIGHT}" y="{y - 6}" text-anchor="end">{escape(name)}</text>',
            ]
        if self.axes.limits:
            size = f'width="{WIDTH - _LEFT - _RIGHT}" height="{HEIGHT - _TOP - _BOTTOM}"'
            parts += [
                f'<clipPath id="inside"><rect x="{_LEFT}" y="{_TOP}" {size}/></clipPath>',
                '<g clip-path="url(#inside)">',
            ]
        return parts

    def curve(self, points: Sequence[Point], colour: str) -> str:
        """Return a line, and the band around it where there is one."""
        shown = [point for point in points if self._shows(point)]
        line = " ".join(f"{self.x(x)},{self.y(mean)}" for x, mean, _, _ in shown)
        upper = [f"{self.x(x)},{self.y(high)}" for x, _, _, high in shown]
        lower = [f"{self.x(x)},{self.y(low)}" for x, _, low, _ in shown]
        band = " ".join(upper + lower[::-1])
        area = f'<polygon points="{band}" fill="{colour}" fill-opacity="0.2"/>'
        curve = f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        return f"{area}\n{curve}" if upper != lower else curve


def _values(points: Sequence[Point]) -> list[Point]:
    return [point[1:] for point in points]


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _names(lines: Sequence[Line]) -> list[str]:
    """Return the names of several lines, in their colours, at the lower left."""
    if len(lines) < 2:
        return []
    names = "".join(
        f'<tspan fill="{_colour(index)}" dx="{14 * (index > 0)}">{escape(line.name)}</tspan>'
        for index, line in enumerate(lines)
    )
    return [f'<text x="{_LEFT}" y="{HEIGHT - 8}" font-weight="bold">{names}</text>']


def _points(table: str) -> list[Point]:
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


def _decades(low: float, high: float) -> Sequence[float]:
    """Return powers of ten, evenly spaced, that reach from at most `low` to at least `high`."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(math.ceil((last - first) / _TICKS), 1)
    count = max(math.ceil((last - first) / step), 1)
    return [10.0 ** (last - step * index) for index in range(count, -1, -1)]


def _label(value: float) -> str:
    if 0 < abs(value) < 1e-3:
        return f"{value:.0e}".replace("e-0", "e-")
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

"""Charts and tables as lines of text, coloured by value where who prints them has colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.style import Style
from rich.text import Text

from zoo.drawing.charts import Chart, Table
from zoo.drawing.scale import Colour, Scale, readable_on

_MUTED = Style(dim=True)
_FAINT = Style(dim=True)
_BAR = 24


def chart_lines(chart: Chart, scale: Scale | None, width: int | None) -> list[Text]:
    """Return a chart as lines: each cell has its sign above its value.

    Where `width` characters do not hold the values they are left out; without it all are shown.
    """
    figures = _figures(chart, scale)
    stub = max((len(label) for label in chart.rows), default=0)
    marks = np.array([[_mark(chart, r, c) for c in range(chart.shape[1])]
                      for r in range(chart.shape[0])], object)  # fmt: skip
    cell = max(_longest(figures), _longest(marks), *map(len, chart.columns)) + 1
    if width is not None and stub + 2 + chart.shape[1] * cell > width:
        figures = np.full(chart.shape, "", object)
        cell = max(_longest(marks), *map(len, chart.columns)) + 1
    lines = [Text(chart.title, Style(bold=True))] if chart.title else []
    if chart.column_name:
        lines.append(Text(" " * (stub + 2) + chart.column_name, _FAINT))
    head = "".join(label.rjust(cell - 1) + " " for label in chart.columns)
    lines.append(Text(f"{'':{stub}}  {head}".rstrip(), _FAINT))
    for row in range(chart.shape[0]):
        styles = [_style(chart, scale, row, column) for column in range(chart.shape[1])]
        label = chart.rows[row].rjust(stub) + "  "
        lines.append(_line(label, marks[row], styles, cell))
        if any(figures.ravel()):
            lines.append(_line(" " * len(label), figures[row], styles, cell))
    if chart.row_name:
        lines.append(Text(f"rows: {chart.row_name}", _FAINT))
    return lines


def legend_lines(table: Table, scale: Scale | None, has_colours: bool) -> list[Text]:
    """Return what signs that are letters stand for, and the scale of the colours."""
    names = zip(table.scene.signs, table.scene.actions, strict=True)
    told = ", ".join(f"{sign} {name}" for sign, name in names if sign.isupper())
    lines = [Text(f"actions: {told}")] if told else []
    if scale is None:
        return lines
    if not has_colours:
        return [*lines, Text(f"V: {scale.figure(scale.low)} to {scale.figure(scale.high)}")]
    return [*lines, _bar(scale)]


def _bar(scale: Scale) -> Text:
    line = Text(f"V: {scale.figure(scale.low)} ")
    for part in range(_BAR):
        value = scale.low + (scale.high - scale.low) * part / (_BAR - 1)
        line.append("▄", Style(color=_hex(scale.colour(value))))
    return line.append(f" {scale.figure(scale.high)}")


def table_lines(table: Table, states: Sequence[int]) -> list[Text]:
    """Return a table of states: V, the value or probability of each action, the best ones."""
    numbers = table.policy if table.q is None else table.q
    assert numbers is not None
    rows = np.asarray(states)
    value_scale = Scale.of([table.v[rows]]) if table.v is not None else None
    scale = Scale.of([numbers[rows]])
    labels = [table.label(state) for state in states]
    kind = "P" if table.q is None else "Q"
    head = ["state", *(["parts"] if any(labels) else []), *(["V"] if value_scale else [])]
    head += [f"{kind} {action}" for action in table.scene.actions] + ["best"]
    body: list[list[tuple[str, Style]]] = []
    for state, label in zip(states, labels, strict=True):
        line = [(str(state), Style())]
        line += [(label, Style())] if any(labels) else []
        if value_scale is not None and table.v is not None:
            line.append(_shown(value_scale, table.v[state]))
        line += [_shown(scale, value) for value in numbers[state]]
        names = np.array(table.scene.actions)[table.best[state]]
        best = "any" if len(names) == table.best.shape[1] > 1 else ", ".join(names)
        body.append([*line, (best, Style())])
    widths = [max(len(h), *(len(r[i][0]) for r in body)) for i, h in enumerate(head)]
    lines = [Text("  ".join(map(str.rjust, head, widths)), Style(bold=True))]
    for cells in body:
        line_text = Text()
        for width, (shown, style) in zip(widths, cells, strict=True):
            line_text.append(shown.rjust(width), style).append("  ")
        lines.append(line_text)
    for made in lines:
        made.rstrip()
    return lines


def _mark(chart: Chart, row: int, column: int) -> str:
    note, sign = chart.notes[row, column], chart.signs[row, column]
    return " ".join(filter(None, (note, sign)))


def _figures(chart: Chart, scale: Scale | None) -> np.ndarray:
    shown = np.full(chart.shape, "", object)
    if scale is not None:
        for cell in np.ndindex(chart.shape):
            shown[cell] = scale.figure(float(chart.values[cell]))
    return shown


def _longest(cells: np.ndarray) -> int:
    return max((len(cell) for cell in cells.ravel()), default=0)


def _line(label: str, cells: Sequence[str], styles: Sequence[Style], width: int) -> Text:
    line = Text()
    line.append(label, _FAINT)
    for cell, style in zip(cells, styles, strict=True):
        line.append(cell.rjust(width - 1) + " ", style)
    if all(style.bgcolor is None for style in styles):
        line.rstrip()
    return line


def _style(chart: Chart, scale: Scale | None, row: int, column: int) -> Style:
    value = float(chart.values[row, column])
    if chart.muted[row, column]:
        return _MUTED
    return _painted(scale.colour(value)) if scale is not None and np.isfinite(value) else Style()


def _shown(scale: Scale | None, value: float) -> tuple[str, Style]:
    if scale is None or not np.isfinite(value):
        return str(value), Style()
    return scale.figure(float(value)), _painted(scale.colour(float(value)))


def _painted(colour: Colour) -> Style:
    return Style(color=_hex(readable_on(colour)), bgcolor=_hex(colour))


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)

"""Tables laid out as charts: the map of a grid, Blackjack's two charts, Taxi's twenty."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo.drawing.scene import Scene
from zoo.errors import ZooError

MOST_CELLS = 40_000
"""A chart of more cells shows nothing that an eye could find."""
FEW_STATES = 8
"""So many states are better shown with the value of each action."""
TIE = 1e-9
"""Action values that differ by less, relative to the largest, are equally good."""


@dataclass(frozen=True, eq=False)
class Chart:
    """A rectangle of cells, each with a value and signs for its best actions.

    All arrays have shape (rows, columns). `values` is NaN where there is none; `signs` are
    arrows or letters, `notes` what the map says of a place; cells that are `muted` (an end, a
    place that no episode comes to) are left out of the colours.
    """

    title: str
    values: np.ndarray
    signs: np.ndarray
    notes: np.ndarray
    muted: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_name: str = ""
    column_name: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.values.shape
        return rows, columns


@dataclass(frozen=True, eq=False)
class Table:
    """A table agent's numbers together with what the environment tells of them.

    `v` (n_states,) is given, or the largest of `q`, or None; `q` and `policy`, one of which is
    None, have shape (n_states, n_actions). `sizes` and `starts` are those of the parts of an
    observation. `best` (n_states, n_actions) marks the actions that none is better than.
    """

    v: np.ndarray | None
    q: np.ndarray | None
    policy: np.ndarray | None
    scene: Scene
    sizes: tuple[int, ...]
    starts: tuple[int, ...]
    best: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Find the best actions."""
        numbers = self.policy if self.q is None else self.q
        assert numbers is not None
        slack = TIE * np.maximum(1.0, np.abs(numbers).max(1, keepdims=True))
        object.__setattr__(self, "best", numbers >= numbers.max(1, keepdims=True) - slack)

    @property
    def n_states(self) -> int:
        return len(self.best)

    def sign(self, state: int) -> str:
        """Return the signs of a state's best actions; a dot where all are equally good."""
        best = self.best[state]
        if best.all() and best.size > 1:
            return "·"
        return "".join(np.array(self.scene.signs)[best])

    def label(self, state: int) -> str:
        """Return the parts that a state is made of, "" where it is one number."""
        if self.scene.digits is not None:
            return ", ".join(map(str, self.scene.digits(state)))
        if len(self.sizes) < 2:
            return ""
        digits = np.array(np.unravel_index(state, self.sizes)) + self.starts
        return ", ".join(map(str, digits.tolist()))


def charts_of(table: Table) -> list[Chart]:
    """Return the charts that show a table at a glance; none where no layout is known."""
    if table.scene.grid is not None:
        rows, columns = table.scene.grid
        chart = _chart(table, "", np.arange(rows * columns).reshape(rows, columns))
        return [chart] if chart.values.size <= MOST_CELLS else []
    if table.scene.name == "Blackjack" and table.sizes == (32, 11, 2):
        return _blackjack(table)
    if table.scene.name == "Taxi" and table.n_states == 500:
        return _taxi(table)
    if len(table.sizes) == 2 and table.n_states <= MOST_CELLS:
        return [_chart(table, "", np.arange(table.n_states).reshape(table.sizes),
                       row_name="first entry", column_name="second entry")]  # fmt: skip
    return []


def picture_charts(table: Table) -> list[Chart]:
    """Return charts for a picture, which must show something of any table.

    Observations of several entries are stacked; of few states without a layout the value of
    every action is shown, of others the values in reading order. Raises `ZooError` where there
    are too many states.
    """
    charts = charts_of(table)
    if charts:
        return charts
    if table.n_states > MOST_CELLS:
        raise ZooError(
            f"a picture of {table.n_states:,} states shows nothing",
            f"{MOST_CELLS:,} are the most; list some of them: zoo show AGENT --states 0-19",
        )
    if len(table.sizes) > 2:
        return [_stacked(table)]
    if table.n_states <= FEW_STATES:
        return [_actions(table)]
    width = 10 * math.ceil(math.sqrt(table.n_states) / 10)
    height = math.ceil(table.n_states / width)
    states = np.full(height * width, -1)
    states[: table.n_states] = np.arange(table.n_states)
    rows = tuple(str(width * row) for row in range(height))
    return [_chart(table, "", states.reshape(height, width), rows=rows,
                   column_name="state = row + column")]  # fmt: skip


def _chart(table: Table, title: str, states: np.ndarray, **labels: Any) -> Chart:
    """Return a chart of `states` (rows, columns), -1 where a cell is empty."""
    there = states >= 0
    signs, notes = np.full(states.shape, "", object), np.full(states.shape, "", object)
    muted = ~there | ~table.scene.reached[states] | table.scene.ends[states]
    for cell in zip(*np.nonzero(~muted), strict=True):
        signs[cell] = table.sign(int(states[cell]))
    letters = table.scene.letters
    if letters is not None and letters.shape == states.shape:
        notes = letters.astype(object)
    values = np.full(states.shape, np.nan)
    if table.v is not None:
        values = np.where(muted, np.nan, table.v[states])
    labels.setdefault("rows", tuple(map(str, range(states.shape[0]))))
    labels.setdefault("columns", tuple(map(str, range(states.shape[1]))))
    return Chart(title, values, signs, notes, muted, **labels)


def _blackjack(table: Table) -> list[Chart]:
    """Return the charts of Sutton & Barto (2018), figure 5.2: with a usable ace and without."""
    charts = []
    cards = np.arange(1, 11)
    for usable, title, least in ((1, "usable ace", 12), (0, "no usable ace", 11)):
        sums = np.arange(21, least - 1, -1)
        states = (sums[:, None] * 11 + cards) * 2 + usable
        charts.append(
            _chart(
                table,
                title,
                states,
                rows=tuple(map(str, sums)),
                columns=("A", *map(str, cards[1:])),
                row_name="player's sum",
                column_name="dealer shows",
            )
        )
    return charts


def _taxi(table: Table) -> list[Chart]:
    """Return the map of the taxi's places for each place of the passenger and destination.

    State = ((row * 5 + column) * 5 + passenger) * 4 + destination.
    """
    stops = ("red", "green", "yellow", "blue")
    states = np.arange(500).reshape(5, 5, 5, 4)
    return [
        _chart(
            table,
            f"{f'from {origin}' if passenger < 4 else 'in the taxi'} to {to}",
            states[:, :, passenger, destination],
        )
        for passenger, origin in enumerate([*stops, "taxi"])
        for destination, to in enumerate(stops)
        if passenger != destination
    ]


def _stacked(table: Table) -> Chart:
    """Return all states with every other entry of the observation along the rows, the others
    along the columns: maps within maps, of which the last two entries are the innermost.
    """
    entries = range(len(table.sizes))
    first, second = entries[len(entries) % 2 :: 2], entries[1 - len(entries) % 2 :: 2]
    states = np.arange(table.n_states).reshape(table.sizes).transpose(*first, *second)
    labels = [
        tuple(" ".join(map(str, index)) for index in np.ndindex(*(table.sizes[e] for e in group)))
        for group in (first, second)
    ]
    return _chart(
        table,
        "",
        states.reshape(len(labels[0]), len(labels[1])),
        rows=labels[0],
        columns=labels[1],
        row_name=f"entries {', '.join(str(e + 1) for e in first)}",
        column_name=f"entries {', '.join(str(e + 1) for e in second)}",
    )


def _actions(table: Table) -> Chart:
    """Return the values or probabilities of each action (rows) in each state (columns)."""
    numbers = table.policy if table.q is None else table.q
    assert numbers is not None
    values = numbers.T.astype(np.float64)
    signs = np.where(table.best.T, "*", "").astype(object)
    return Chart(
        "",
        values,
        signs,
        np.full(values.shape, "", object),
        np.zeros(values.shape, np.bool_),
        table.scene.actions,
        tuple(map(str, range(table.n_states))),
        "action",
        "state",
    )

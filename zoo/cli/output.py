"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

GAP = 2  # between columns
NARROWEST = 12


def json_option(command: Command) -> Command:
    """Give a command `--json`, passed on as `as_json`."""
    option = click.option(
        "--json", "as_json", is_flag=True, help="Print JSON on stdout and nothing else."
    )
    return option(command)


def print_json(data: Any) -> None:
    """Print `data` as JSON; a number that JSON does not know (NaN, infinity) becomes null."""
    click.echo(json.dumps(_finite(data), indent=2, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table; `empty` says on stderr why there is none.

    A terminal that is too narrow has the widest columns wrapped, never the first one. In a pipe
    nothing is wrapped: a line stays a line. Nothing is cut off anywhere.
    """
    cells = [[text(value) for value in row] for row in rows]
    if not cells:
        click.echo(empty, err=True)
        return
    lines = [[column.upper() for column in columns], *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if sys.stdout.isatty():
        widths = _narrowed(widths, shutil.get_terminal_size().columns)
    click.secho(_row(lines[0], widths), bold=True)
    for line in lines[1:]:
        click.echo(_row(line, widths))


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Print names and values in two columns, leaving out what is None or empty."""
    shown = {
        printable(name): text(value) for name, value in pairs.items() if value not in (None, "", ())
    }
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {value}")


def printable(line: str) -> str:
    """Return `line` without what a terminal obeys instead of showing it.

    What is printed may come from a stranger's bundle, run or recipe.
    """
    shown = (char if char.isprintable() else " " if char.isspace() else "" for char in line)
    return "".join(shown)


def text(value: object) -> str:
    """Return a value as a cell shows it: None as -, floats with six figures, lists with commas."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(text(item) for item in value)
    return printable(" ".join(str(value).split()))


def number(value: float | None) -> str:
    """Return a measured number for people: 500, 499.8, -143.2, 0.0042."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    digits = 1 if abs(value) >= 10 else 4
    rounded = f"{value:.{digits}f}"
    return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded


def interval(bounds: Sequence[float] | None) -> str:
    """Return a confidence interval for people: [483.1, 500]."""
    return "-" if not bounds else f"[{number(bounds[0])}, {number(bounds[1])}]"


def size(count: int | None) -> str:
    """Return a number of bytes for people: 36 kB."""
    if count is None:
        return "-"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"


def _narrowed(widths: Sequence[int], available: int) -> list[int]:
    """Return widths that fit into `available` characters, as far as wrapping can bring that."""
    narrowed = list(widths)
    while sum(narrowed) + GAP * (len(narrowed) - 1) > available:
        widest = max(range(1, len(narrowed)), key=narrowed.__getitem__, default=0)
        if not widest or narrowed[widest] <= NARROWEST:
            break
        narrowed[widest] -= 1
    return narrowed


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row, on several lines where a cell is wider than its column."""
    wrapped = [wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    lines = zip_longest(*wrapped, fillvalue="")
    padded = (
        [part.ljust(width) for part, width in zip(line, widths, strict=True)] for line in lines
    )
    return "\n".join((" " * GAP).join(line).rstrip() for line in padded)


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    if hasattr(data, "tolist"):  # NumPy scalars and arrays
        return _finite(data.tolist())
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data

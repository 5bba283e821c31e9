"""`zoo show`: what an agent's table holds, in the terminal or as a picture."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from zoo.cli import options as opt
from zoo.cli.output import json_option, print_json, printable

MOST_ROWS = 100_000
_PLAIN = str.maketrans("←↓→↑↖↗↘↙·•▄", "<v>^\\/\\/..=")


class States(click.ParamType):
    """States of a table: 0-19 or 3,7,100-120."""

    name = "states"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        states: list[int] = []
        for part in value.split(","):
            match = re.fullmatch(r"\s*(\d{1,12})(?:-(\d{1,12}))?\s*", part)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
            if last < first or len(states) + last - first >= MOST_ROWS:
                self.fail(f"{value!r} are not states, such as 0-19 or 3,7,100-120", param, ctx)
            states += range(first, last + 1)
        return tuple(dict.fromkeys(states))


@click.command("show")
@opt.agent_argument
@opt.add(
    click.option(
        "--states", type=States(), metavar="STATES",
        help="List these states (0-19 or 3,7) with the value of each action.",
    ),
    click.option(
        "--png", type=click.Path(path_type=Path, dir_okay=False),
        help="Write a heat map to this file: FILE.png.",
    ),
    opt.runs_option,
    json_option,
)  # fmt: skip
def show(
    agent: str, *, states: tuple[int, ...] | None, png: Path | None, runs: str | None, as_json: bool
) -> None:
    """Draw what an agent has learnt."""
    import zoo

    portrait = zoo.show(opt.agent_in(runs, agent))
    if png is not None:
        written = portrait.save(png)
        click.echo(f"Wrote {written}", err=as_json)
    if as_json:
        print_json(portrait.to_json(states))
    elif png is None:
        _print(portrait.lines(states, _width()))


def _width() -> int | None:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print(lines: list[Any]) -> None:
    """Print lines, with colours on a terminal that has them; what is piped is plain text."""
    if sys.stdout.isatty():
        from rich.console import Console

        console = Console(highlight=False, markup=False)
        for line in lines:
            if (shown := printable(_spelled(line.plain))) != line.plain:
                line.plain = shown
            console.print(line, no_wrap=True, overflow="ignore", crop=False)
        return
    for line in lines:
        click.echo(printable(_spelled(line.plain)).rstrip())


def _spelled(text: str) -> str:
    """Return `text` with arrows as `<v>^` where what is printed to has no other characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return text.translate(_PLAIN)
    return text

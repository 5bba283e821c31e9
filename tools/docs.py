"""Bring the README's tables up to date: what stands between markers comes from the program.

python tools/docs.py           write README.md anew
python tools/docs.py --check   exit with 1 where it is not current
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def in_tree_plugins() -> list[str]:
    """Return the names under which this distribution's own plugins are entered."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return list(tomllib.load(file)["project"]["entry-points"]["zoo"])


def algorithms() -> str:
    """Return the table of algorithms."""
    from zoo.plugin.registry import get_registry

    return table(
        ["Algorithm", "What it is", "Observations", "Actions", "Paper"],
        (
            (
                f"`{spec.name}`",
                spec.summary,
                ", ".join(spec.observations),
                ", ".join(spec.actions),
                f"[paper]({spec.paper})" if spec.paper.startswith("http") else spec.paper,
            )
            for spec in get_registry().algorithms.values()
        ),
    )


def commands() -> str:
    """Return the table of commands, those of groups included."""
    from zoo.cli.main import main

    return table(["Command", "What it does"], _commands(main, "zoo"))


def _commands(group: click.Group, prefix: str) -> Iterator[tuple[str, str]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix} {name}")
        elif command is not None:
            words = [prefix] if name == "list" else [prefix, name]  # a bare group lists
            for parameter in command.params:
                metavar = parameter.make_metavar(context)
                if isinstance(parameter, click.Argument):
                    words.append(metavar)
                elif parameter.required:
                    words.append(f"{parameter.opts[0]} {parameter.human_readable_name.upper()}")
            yield f"`{' '.join(words)}`", command.get_short_help_str(limit=200)


def hooks() -> str:
    """Return the table of hooks, each with the first sentence of its contract."""
    from zoo.plugin import hookspecs

    found = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("zoo_")}
    return table(
        ["Hook", "Contract"],
        ((f"`{name}`", (hook.__doc__ or "").split("\n\n")[0]) for name, hook in found.items()),
    )


def agents() -> str:
    """Return the table of the agents that ship, with what they reach on fresh episodes."""
    from zoo.cli.output import interval, number
    from zoo.resources import shipped
    from zoo.storage.bundle import open_bundle

    rows = []
    for manifest in sorted(shipped("models").glob("*/*/agent.json")):
        bundle = open_bundle(manifest.parent)
        evaluation = bundle.evaluation or {}
        rows.append(
            (
                f"`{bundle.algorithm}/{bundle.env_id}`",
                number(evaluation.get("mean_return")),
                interval(evaluation.get("ci95_return")),
                str(evaluation.get("episodes", "-")),
            )
        )
    return table(["Agent", "Mean return", "95 % interval", "Episodes"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "algorithms": algorithms,
    "commands": commands,
    "hooks": hooks,
    "agents": agents,
}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a row's cells become single lines."""
    lines = [columns, ["---"] * len(columns), *rows]
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def render(text: str) -> str:
    """Return `text` with what stands between each table's markers made anew."""
    for name, make in TABLES.items():
        text = fill(text, name, make(), by="tools/docs.py")
    return text


def fill(text: str, name: str, made: str, *, by: str) -> str:
    """Return `text` with `made` between the markers of `name`; exits where they are missing."""
    begin, end = f"<!-- {name}: made by {by} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        sys.exit(f"the README needs exactly one place between {begin} and {end}")
    return pattern.sub(lambda _: f"{begin}\n{made}\n{end}", text)


def main() -> None:
    """Write or check the README."""
    os.environ["ZOO_PLUGINS"] = ",".join(in_tree_plugins())
    text = README.read_text(encoding="utf-8")
    current = render(text)
    if "--check" not in sys.argv[1:]:
        README.write_text(current, encoding="utf-8")
    elif current != text:
        sys.exit("README.md's tables are not current. Run: make docs")


if __name__ == "__main__":
    main()

"""`zoo plugins`: what is installed, what is broken, and the beginning of a new one."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.groups import ListingGroup
from zoo.cli.output import json_option, print_json, print_table


@click.group(cls=ListingGroup)
def plugins() -> None:
    """List plugins, and begin one."""


@plugins.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """List all plugins, the broken ones with the reason."""
    from zoo.plugin import discovery
    from zoo.plugin.registry import get_registry

    get_registry()  # a plugin may break only when its hooks are called
    rows = discovery.plugins()
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "status": "FAILED" if row.error else "ok",
                    "distribution": row.distribution,
                    "version": row.version,
                    "module": row.module,
                    "hooks": list(row.hooks),
                    "error": row.error,
                    "warnings": list(row.warnings),
                }
                for row in rows
            ]
        )
        return
    print_table(
        ["plugin", "status", "distribution", "hooks or reason"],
        [
            (
                row.name,
                "FAILED" if row.error else "ok",
                f"{row.distribution} {row.version}".strip(),
                row.error or "; ".join((", ".join(row.hooks), *row.warnings)),
            )
            for row in rows
        ],
        empty="No plugin is installed.",
    )


@plugins.command("new")
@click.argument("name")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    show_default=True,
    help="The directory to make it in.",
)
def new(name: str, output: Path) -> None:
    """Write the beginning of a plugin: a small algorithm that works, its recipe and its tests."""
    from zoo.plugin.scaffold import new_plugin

    path = new_plugin(name, output)
    click.echo(f"Wrote {path}. Next:")
    click.echo(f'  pip install -e "{path}[dev]"')
    click.echo("  zoo algos")
    click.echo(f"  pytest {path}")

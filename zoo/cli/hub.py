"""`zoo hub`: look after a hub on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from zoo.cli import options as opt
from zoo.cli.groups import SuggestingGroup
from zoo.cli.output import json_option, print_json, printable, size
from zoo.cli.serve import serve, token

if TYPE_CHECKING:
    from zoo.hub.local import LocalHub


@click.group(cls=SuggestingGroup)
def hub() -> None:
    """Look after a hub on this machine."""


hub.add_command(serve)
hub.add_command(token)


@hub.command("path")
def path() -> None:
    """Print where your local hub lies: $ZOO_HUB, or in your data directory."""
    from zoo.hub.local import LocalHub

    click.echo(LocalHub().root)


@hub.command("verify")
@opt.folder_option
@json_option
def verify(folder: str | None, as_json: bool) -> None:
    """Hash every file again and follow every name; exit with 1 where something is wrong."""
    from zoo.cli.live import Counter
    from zoo.hub import upkeep

    with Counter("verifying") as counter:
        checked = upkeep.verify(_local(folder), counter.set)
    if as_json:
        facts = {"files": checked.files, "size": checked.size, "problems": checked.problems}
        print_json(facts)
    else:
        for problem in checked.problems:
            click.echo(printable(problem))
        found = f"{len(checked.problems)} problems" if checked.problems else "all is well"
        click.echo(f"{checked.files} files, {size(checked.size)}: {found}")
    sys.exit(1 if checked.problems else 0)


@hub.command("gc")
@opt.folder_option
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@json_option
def collect_garbage(folder: str | None, dry_run: bool, as_json: bool) -> None:
    """Delete the agents that no name and no pin leads to."""
    from zoo.hub import upkeep

    gone = upkeep.collect_garbage(_local(folder), dry_run=dry_run)
    if as_json:
        print_json({"bundles": gone.bundles, "files": gone.files, "size": gone.size})
        return
    verb = "would delete" if dry_run else "deleted"
    click.echo(f"{verb} {gone.bundles} agents and {gone.files} files, {size(gone.size)}")


def _local(folder: str | None) -> LocalHub:
    from zoo.errors import ZooError
    from zoo.hub.local import LocalHub, is_local_hub

    hub = LocalHub(folder)
    if folder is not None and not is_local_hub(hub.root):
        raise ZooError(f"{folder} is no local hub", "A push makes one: zoo push AGENT --hub DIR")
    return hub

"""`zoo models`: the trained agents that can be used at once."""

from __future__ import annotations

import click

from zoo.cli import options as opt
from zoo.cli.groups import ListingGroup
from zoo.cli.output import (
    interval,
    json_option,
    print_json,
    print_pairs,
    print_table,
    printable,
    size,
)
from zoo.errors import ZooError


@click.group(cls=ListingGroup)
def models() -> None:
    """List, show, remove, tag and pin agents."""


@models.command("list")
@opt.runs_option
@json_option
def list_all(runs: str | None, as_json: bool) -> None:
    """List the agents of your runs and of your hub, and those that ship."""
    from zoo.hub.references import list_agents

    rows = []
    for ref, entry in list_agents(runs):
        if isinstance(entry, ZooError):
            click.echo(printable(f"zoo: {ref} is left out: {entry}"), err=True)
        else:
            rows.append(entry.to_json() | {"ref": ref})
    if as_json:
        print_json(rows)
        return
    print_table(
        ["agent", "mean return", "95 % interval", "episodes", "size"],
        [
            (
                row["ref"],
                row["mean_return"],
                interval(row["ci95_return"]),
                row["episodes"],
                size(row["size"]),
            )
            for row in rows
        ],
        empty="No agent is here. Train one: zoo train --algo sb3-ppo --env CartPole-v1",
    )


@models.command("show")
@click.argument("agent")
@opt.runs_option
@json_option
def show(agent: str, runs: str | None, as_json: bool) -> None:
    """Show an agent: what trained it, on what, and how well it does."""
    from zoo.hub.entries import entry_of
    from zoo.hub.references import find
    from zoo.hub.verdicts import verdict_on

    bundle = find(agent, runs)
    facts = entry_of(agent, bundle).to_json()
    verdict = verdict_on(bundle.digest)
    if as_json:
        print_json(facts | {"manifest": bundle.manifest, "verdict": verdict})
        return
    training = bundle.manifest.get("training", {})
    print_pairs(
        facts
        | {
            "ci95_return": interval(facts["ci95_return"]) if facts["ci95_return"] else None,
            "size": size(facts["size"]),
            "kind": bundle.kind,
            "verified": f"{verdict.get('outcome')}, {verdict.get('verified')}" if verdict else None,
        }
        | {f"training {key}": value for key, value in training.items()}
    )


@models.command("rm")
@click.argument("names", metavar="NAME[@TAG]...", nargs=-1, required=True)
@opt.folder_option
def remove(names: tuple[str, ...], folder: str | None) -> None:
    """Remove agents from your hub, or one version of an agent.

    The files go with the next `zoo hub gc`; those of runs and those that ship stay.
    """
    from zoo.hub.local import LocalHub
    from zoo.hub.names import parse

    hub = LocalHub(folder)
    for text in names:
        wanted = parse(text)
        if wanted.scheme or wanted.digest:
            raise ZooError(f"{text} names no version", "Give NAME or NAME@TAG")
        for ref in hub.remove(wanted.name, wanted.tag or None):
            click.echo(printable(f"removed {ref.name}@{ref.tag}"))


@models.command("tag")
@click.argument("name", metavar="NAME[@TAG]")
@click.argument("tag")
@opt.folder_option
def tag(name: str, tag: str, folder: str | None) -> None:
    """Give a version in your hub another tag; one that is there moves.

    `zoo models tag team/walker@v3 latest` goes back to version 3.
    """
    from zoo.hub.local import LocalHub
    from zoo.hub.names import LATEST, parse

    wanted = parse(name)
    if wanted.scheme or wanted.digest:
        raise ZooError(f"{name} names no version", "Give NAME or NAME@TAG")
    ref = LocalHub(folder).tag(wanted.name, wanted.tag or LATEST, tag)
    click.echo(printable(f"{ref.name}@{ref.tag} is {ref.digest}"))


@models.command("pin")
@click.argument("agent", metavar="AGENT")
@click.option("--release", is_flag=True, help="Keep it no longer than a name leads to it.")
@opt.runs_option
def pin(agent: str, release: bool, runs: str | None) -> None:
    """Keep an agent in your hub, whatever becomes of its names."""
    from zoo.hub.local import LocalHub
    from zoo.hub.names import is_name, parse
    from zoo.hub.references import find

    bundle, hub = find(agent, runs), LocalHub()
    if release:
        hub.unpin(bundle.digest)
        click.echo(f"released {bundle.digest}")
        return
    name = parse(agent).name
    name = name if is_name(name) else f"{bundle.algorithm}/{bundle.env_id}"
    hub.add(bundle, name, ())
    hub.pin(bundle.digest, name)
    click.echo(printable(f"pinned {name}@sha256:{bundle.digest}"))

"""`zoo models`: the trained agents that can be used at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from zoo.storage.bundle import Bundle


@click.group(cls=ListingGroup)
def models() -> None:
    """List and show trained agents."""


@models.command("list")
@opt.runs_option
@json_option
def list_all(runs: str | None, as_json: bool) -> None:
    """List the agents of your runs and those that ship."""
    from zoo.hub.references import list_agents

    rows = []
    for ref, bundle in list_agents(runs):
        if isinstance(bundle, ZooError):
            click.echo(printable(f"zoo: {ref} is left out: {bundle}"), err=True)
        else:
            rows.append(_facts(ref, bundle))
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
    from zoo.hub.references import find

    bundle = find(agent, runs)
    facts = _facts(agent, bundle)
    if as_json:
        print_json(facts | {"digest": bundle.digest, "manifest": bundle.manifest})
        return
    training = bundle.manifest.get("training", {})
    print_pairs(
        facts
        | {
            "ci95_return": interval(facts["ci95_return"]) if facts["ci95_return"] else None,
            "size": size(facts["size"]),
            "kind": bundle.kind,
            "digest": bundle.digest,
        }
        | {f"training {key}": value for key, value in training.items()}
    )


def _facts(ref: str, bundle: Bundle) -> dict[str, Any]:
    evaluation = bundle.evaluation or {}
    return {
        "ref": ref,
        "algorithm": bundle.algorithm,
        "env_id": bundle.env_id,
        "mean_return": evaluation.get("mean_return"),
        "ci95_return": evaluation.get("ci95_return"),
        "episodes": evaluation.get("episodes"),
        "size": bundle.size,
        "path": str(bundle.path),
    }

"""`zoo runs`: the trainings on this disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import options as opt
from zoo.cli.groups import ListingGroup
from zoo.cli.outcome import best_evaluation
from zoo.cli.output import (
    interval,
    json_option,
    print_json,
    print_pairs,
    print_table,
    printable,
    size,
)

if TYPE_CHECKING:
    from zoo.storage.runs import Run


@click.group(cls=ListingGroup)
def runs() -> None:
    """List, show and remove runs."""


@runs.command("list")
@opt.runs_option
@json_option
def list_all(runs: str | None, as_json: bool) -> None:
    """List all runs, the newest first."""
    from zoo.storage.runs import list_runs, runs_root

    rows = [_facts(run) for run in list_runs(runs)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["run", "status", "steps", "best return", "95 % interval", "size"],
        [
            (
                row["ref"],
                row["status"],
                f"{row['steps']:,} / {row['total_steps']:,}",
                row["mean_return"],
                interval(row["ci95_return"]),
                size(row["size"]),
            )
            for row in rows
        ],
        empty=f"No run in {runs_root(runs)}. Begin one: zoo train --algo sb3-ppo --env CartPole-v1",
    )


@runs.command("show")
@click.argument("run")
@opt.runs_option
@json_option
def show(run: str, runs: str | None, as_json: bool) -> None:
    """Show a run: what was asked for, and how it stands."""
    from zoo.storage.runs import find_run

    found = find_run(run, runs)
    if as_json:
        print_json(found.info | _facts(found))
        return
    facts = _facts(found)
    facts |= {
        "ci95_return": interval(facts["ci95_return"]),
        "size": size(facts["size"]),
        "device": found.info["device"],
        "best": found.best,
        "last": found.last,
        "metrics": found.metrics,
        "versions": ", ".join(f"{name} {v}" for name, v in found.info["versions"].items()),
    }
    print_pairs(facts)
    click.echo("\nconfig")
    print_pairs({f"  {key}": _flow(value) for key, value in found.info["config"].items()})


@runs.command("rm")
@click.argument("run")
@opt.runs_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove(run: str, runs: str | None, yes: bool) -> None:
    """Remove a run with its checkpoints and agents."""
    from zoo.storage.runs import find_run

    found = find_run(run, runs)
    if not yes:
        click.confirm(printable(f"Remove {found.ref} ({found.path})?"), abort=True, err=True)
    found.delete()
    click.echo(printable(f"Removed {found.path}"))


def _facts(run: Run) -> dict[str, Any]:
    evaluation = best_evaluation(run) or {}
    return {
        "ref": run.ref,
        "id": run.id,
        "name": run.name,
        "algorithm": run.algorithm,
        "env_id": run.env_id,
        "seed": run.info["seed"],
        "status": run.status,
        "steps": run.steps,
        "total_steps": run.info["steps"],
        "mean_return": evaluation.get("mean_return"),
        "ci95_return": evaluation.get("ci95_return"),
        "episodes": evaluation.get("episodes"),
        "size": _size(run.path),
        "path": str(run.path),
        "created": run.info.get("created"),
    }


def _size(directory: Path) -> int:
    """Return the bytes of all files; one that a training run just replaced counts as nothing."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _flow(value: object) -> str:
    from zoo.config.describe import render_value

    return render_value(value)

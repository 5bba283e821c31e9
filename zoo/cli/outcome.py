"""How a training ended, for people and for programs, and the exit code that it deserves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.live import clock, unit_of
from zoo.cli.output import interval, number, print_json, print_table
from zoo.errors import ZooError

if TYPE_CHECKING:
    from zoo.storage.runs import Run

INTERRUPTED = 130


@dataclass
class Training:
    """A run after its command; `runs` is the directory that the user named, if one was."""

    run: Run
    runs: str | None

    @property
    def stopped(self) -> bool:
        """Whether it ended before its time."""
        return self.run.status != "finished"

    @property
    def stopped_by_user(self) -> bool:
        """Whether Ctrl-C ended it; a time limit is what the user asked for."""
        return self.stopped and bool(self.run.info.get("stop_requested"))

    @property
    def evaluation(self) -> dict[str, Any] | None:
        """What its best agent earned, None before the first evaluation."""
        return best_evaluation(self.run)

    @property
    def reference(self) -> str:
        """What to call the run's agent in the next command."""
        return str(self.run.path) if self.runs else self.run.ref

    def to_json(self) -> dict[str, Any]:
        run = self.run
        return {
            "id": run.id,
            "ref": run.ref,
            "algorithm": run.algorithm,
            "env_id": run.env_id,
            "seed": run.info["seed"],
            "status": run.status,
            "steps": run.steps,
            "path": str(run.path),
            "best": str(run.best) if run.best else None,
            "last": str(run.last) if run.last else None,
            "evaluation": self.evaluation,
        }


def best_evaluation(run: Run) -> dict[str, Any] | None:
    """Return the last evaluation of a run's best agent, without the single episodes."""
    from zoo.storage.bundle import open_bundle

    if run.best is None:
        return None
    try:
        found = open_bundle(run.best).evaluation or {}
    except ZooError:  # damaged: whoever uses the agent is told
        return None
    return {key: value for key, value in found.items() if key not in ("returns", "lengths")}


def report(training: Training, *, as_json: bool) -> None:
    """Print how the training ended and what can be done next; exit with 130 after Ctrl-C."""
    if as_json:
        print_json(training.to_json())
    elif training.stopped:
        _tell_how_to_continue(training)
    else:
        _tell_result(training)
    if training.stopped_by_user:
        sys.exit(INTERRUPTED)


def report_seeds(trainings: Sequence[Training], *, as_json: bool) -> None:
    """Print one row for each seed and the mean over the seeds with its interval."""
    found = [training.evaluation for training in trainings]
    scores = [evaluation["mean_return"] for evaluation in found if evaluation]
    bounds = _interval_over_seeds(scores)
    mean = sum(scores) / len(scores) if scores else None
    if as_json:
        rows = [training.to_json() for training in trainings]
        print_json({"runs": rows, "mean_return": mean, "ci95_return": bounds})
    else:
        print_table(
            ["seed", "run", "status", "best return"],
            [_row(training) for training in trainings],
            empty="Nothing was trained.",
        )
        if mean is not None:
            click.echo(f"Mean over {len(scores)} seeds: {number(mean)} {interval(bounds)}")
        if trainings[-1].stopped:
            _tell_how_to_continue(trainings[-1])
    if trainings[-1].stopped_by_user:
        sys.exit(INTERRUPTED)


def _row(training: Training) -> tuple[object, ...]:
    run = training.run
    score = (training.evaluation or {}).get("mean_return")
    return run.info["seed"], run.ref, run.status, score


def _interval_over_seeds(scores: Sequence[float]) -> list[float] | None:
    """Return the 95 % bootstrap interval of the mean; one seed alone has none."""
    if len(scores) < 2:
        return None
    import numpy as np

    from zoo.components.statistics import bootstrap_ci

    return list(bootstrap_ci(np.asarray(scores, dtype=np.float64)))


def _tell_result(training: Training) -> None:
    run = training.run
    unit = unit_of(run.algorithm)
    click.echo(f"Finished {run.steps:,} {unit} in {clock(run.info['progress']['seconds'])}.")
    evaluation = training.evaluation
    if evaluation:
        click.echo(
            f"Best agent: mean return {number(evaluation['mean_return'])} "
            f"{interval(evaluation['ci95_return'])} over {evaluation['episodes']} fresh episodes"
        )
    click.echo(f"Run: {run.path}")
    click.echo("Next:")
    for command in ("zoo eval {}", "zoo enjoy {}", "zoo record {} -o replay.mp4"):
        click.echo("  " + command.format(training.reference))


def _tell_how_to_continue(training: Training) -> None:
    run = training.run
    reason = "Interrupted" if training.stopped_by_user else "Stopped"
    where = f" --runs {training.runs}" if training.runs else ""
    click.echo(
        f"{reason} at {run.steps:,} of {run.info['steps']:,} steps; nothing is lost. "
        f"To continue: zoo resume {run.id}{where}"
    )

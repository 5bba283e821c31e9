"""`zoo train`: from an algorithm and an environment to a run on disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli import options as opt
from zoo.cli.outcome import Training, report, report_seeds
from zoo.cli.output import json_option

if TYPE_CHECKING:
    from zoo.storage.runs import Run


@click.command("train")
@opt.add(
    click.option("--algo", "-a", required=True, help="The algorithm: see `zoo algos`."),
    click.option(
        "--env",
        "-e",
        required=True,
        help="The environment: an id (see `zoo envs`), package.module:Id-v0 or file.py:Class.",
    ),
    click.option("--steps", type=opt.Steps(), help="Steps in all.  [default: the recipe's]"),
    click.option(
        "--seed", type=opt.SEED, metavar="N", help="Seed of everything.  [default: drawn]"
    ),
    click.option("--seeds", type=opt.Seeds(), help="Train once for each of several seeds: 0-4."),
    click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a hyperparameter."
    ),
    click.option(
        "--recipe", type=click.Path(path_type=Path, dir_okay=False), help="Your own recipe file."
    ),
    click.option(
        "--device",
        type=opt.Device(),
        default="auto",
        show_default=True,
        help="Where to compute.",
    ),
    click.option(
        "--threads",
        type=opt.COUNT,
        metavar="N",
        help="CPU threads for torch.  [default: 1, for images all]",
    ),
    click.option(
        "--n-envs",
        type=opt.COUNT,
        metavar="N",
        help="Copies of the environment.  [default: the recipe's]",
    ),
    click.option("--env-kwargs", type=opt.JsonObject(), help="Arguments of the environment."),
    click.option("--eval-every", type=opt.Steps(0), help="Steps between evaluations, 0 for none."),
    click.option(
        "--checkpoint-every",
        type=opt.Steps(0),
        help="Steps between checkpoints, 0 for none.",
    ),
    click.option("--time-limit", type=opt.Duration(), help="Stop after this long: 10m."),
    click.option("--tensorboard", is_flag=True, help="Write TensorBoard events too."),
    click.option("--name", help="A name for the run."),
    opt.runs_option,
)
@json_option
def train(seed: int | None, seeds: tuple[int, ...], as_json: bool, **settings: Any) -> None:
    """Train an algorithm on an environment.

    \b
    zoo train --algo sb3-ppo --env CartPole-v1
    zoo train --algo sb3-dqn --env CartPole-v1 --set learning_rate=1e-3 --seeds 0-4
    """
    if seeds and seed is not None:
        raise click.UsageError("--seed and --seeds exclude each other")
    trainings = []
    for each in seeds or (seed,):
        name = settings["name"]
        own_name = f"{name}-{each}" if name and seeds else name
        training = _train(settings | {"seed": each, "name": own_name})
        trainings.append(training)
        if training.stopped_by_user:
            break
    if seeds:
        report_seeds(trainings, as_json=as_json)
    else:
        report(trainings[0], as_json=as_json)


def _train(settings: dict[str, Any]) -> Training:
    """Train one seed, or continue the unfinished run of an earlier, identical command."""
    import zoo
    from zoo.cli.live import live_view

    unfinished = _unfinished(settings)
    view = live_view()
    limit, runs = settings["time_limit"], settings["runs"]
    if unfinished is not None and _wants_to_continue(unfinished, runs):
        device = None if settings["device"] == "auto" else settings["device"]
        run = zoo.resume(
            unfinished, time_limit=limit, env=settings["env"], device=device, observer=view
        )
        return Training(run, runs)
    same = (
        "steps seed recipe device threads n_envs env_kwargs eval_every checkpoint_every time_limit "
        "tensorboard name runs"
    )
    run = zoo.train(
        settings["algo"],
        settings["env"],
        set=settings["overrides"],
        observer=view,
        **{key: settings[key] for key in same.split()},
    )
    return Training(run, runs)


def _unfinished(settings: dict[str, Any]) -> Run | None:
    """Return the newest run that asks for the same training and has not come to its end."""
    from zoo.storage.runs import find_unfinished
    from zoo.training.prepare import plan

    request = plan(
        settings["algo"],
        settings["env"],
        steps=settings["steps"],
        overrides=settings["overrides"],
        recipe_file=settings["recipe"],
        n_envs=settings["n_envs"],
        env_kwargs=settings["env_kwargs"],
    )
    request |= {key: settings[key] for key in ("seed", "name") if settings[key] is not None}
    return find_unfinished(request, settings["runs"])


def _wants_to_continue(run: Run, runs: str | None) -> bool:
    """Ask on a terminal; elsewhere say how to continue the run, and begin a new one."""
    stands = f"{run.steps:,} of {run.info['steps']:,} steps"
    if sys.stdin.isatty() and sys.stderr.isatty():
        question = f"Run {run.id} began the same training and stopped at {stands}. Continue it?"
        return click.confirm(question, default=True, err=True)
    where = f" --runs {runs}" if runs else ""
    click.echo(
        f"note: run {run.id} began the same training and stopped at {stands}; "
        f"to continue it: zoo resume {run.id}{where}. A new run begins.",
        err=True,
    )
    return False

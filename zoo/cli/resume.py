"""`zoo resume`: continue a run from its last checkpoint."""

from __future__ import annotations

import click

from zoo.cli import options as opt
from zoo.cli.outcome import Training, report
from zoo.cli.output import json_option


@click.command("resume")
@click.argument("run")
@opt.add(
    click.option("--steps", type=opt.Steps(), help="A new total of steps."),
    click.option("--time-limit", type=opt.Duration(), help="Stop after this long: 10m."),
    click.option("--env", help="The environment again, where it is code of yours (file.py:Class)."),
    click.option(
        "--device",
        type=opt.Device(),
        help="Go on there.  [default: where it was trained]",
    ),
    opt.runs_option,
)
@json_option
def resume(
    run: str,
    *,
    steps: int | None,
    time_limit: float | None,
    env: str | None,
    device: str | None,
    runs: str | None,
    as_json: bool,
) -> None:
    """Continue a run from its checkpoint.

    RUN is its id or the start of it, its name, ALGO/ENV (the newest), or a path.
    """
    import zoo
    from zoo.cli.live import live_view

    view = live_view()
    continued = zoo.resume(
        run, steps=steps, time_limit=time_limit, env=env, device=device, runs=runs, observer=view
    )
    report(Training(continued, runs), as_json=as_json)

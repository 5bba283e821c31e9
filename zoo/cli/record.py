"""`zoo record`: a video of an agent, made without a display."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo.cli import options as opt
from zoo.cli.output import number


@click.command("record")
@opt.agent_argument
@opt.add(
    click.option(
        "--output", "-o", required=True, type=click.Path(path_type=Path, dir_okay=False),
        help="The video to write: FILE.mp4.",
    ),
    opt.env_option,
    click.option(
        "--episodes", "-n", type=opt.COUNT, metavar="N", default=1, show_default=True,
        help="How many episodes to film.",
    ),
    opt.seed_option,
    click.option("--max-steps", type=opt.Steps(), help="Stop filming after so many steps."),
    opt.stochastic_option,
    opt.runs_option,
)  # fmt: skip
def record(
    agent: str,
    *,
    output: Path,
    env: str | None,
    episodes: int,
    seed: int,
    max_steps: int | None,
    stochastic: bool,
    runs: str | None,
) -> None:
    """Write a video of an agent."""
    import zoo

    limit: dict[str, Any] = {} if max_steps is None else {"max_steps": max_steps}
    made = zoo.record(
        opt.agent_in(runs, agent),
        output,
        env=env,
        episodes=episodes,
        seed=seed,
        deterministic=not stochastic,
        **limit,
    )
    episodes_shown = f"{len(made.returns)} episode{'s' * (len(made.returns) != 1)}"
    cut = ", the last one cut short" if made.is_cut else ""
    click.echo(
        f"Wrote {made.path}: {episodes_shown}{cut}, {sum(made.lengths):,} steps, "
        f"return {', '.join(map(number, made.returns))}"
    )

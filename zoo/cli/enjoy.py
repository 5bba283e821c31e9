"""`zoo enjoy`: watch an agent in a window."""

from __future__ import annotations

import click

from zoo.cli import options as opt
from zoo.cli.output import number


@click.command("enjoy")
@opt.agent_argument
@opt.add(
    opt.env_option,
    click.option(
        "--episodes", "-n", type=opt.COUNT, metavar="N",
        help="How many episodes to show.  [default: until the window is closed]",
    ),
    opt.seed_option,
    opt.stochastic_option,
    opt.runs_option,
)  # fmt: skip
def enjoy(
    agent: str,
    *,
    env: str | None,
    episodes: int | None,
    seed: int,
    stochastic: bool,
    runs: str | None,
) -> None:
    """Watch an agent in a window.

    Where there is no display, film it instead: zoo record AGENT -o FILE.mp4
    """
    from zoo.play import play

    played = play(
        opt.agent_in(runs, agent),
        env=env,
        episodes=episodes,
        seed=seed,
        deterministic=not stochastic,
    )
    for count, moment in enumerate(played, start=1):
        click.echo(f"episode {count}: return {number(moment.total)}, {moment.length:,} steps")

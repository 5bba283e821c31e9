"""`zoo lock`: the pins of a project."""

from __future__ import annotations

import click

from zoo.cli import options as opt
from zoo.cli.output import json_option, print_json, print_table


@click.command("lock")
@click.argument("agents", nargs=-1)
@opt.add(opt.lock_option, opt.runs_option)
@json_option
def lock(agents: tuple[str, ...], lock: str, runs: str | None, as_json: bool) -> None:
    """Pin the agents of a project.

    zoo.lock says which digest each has now; `zoo pull --locked` then installs exactly those,
    elsewhere or later. Without AGENTS the pins that stand there are renewed.
    """
    import zoo

    pins = zoo.lock(agents, file=lock, runs=runs)
    if as_json:
        print_json({name: pin._asdict() for name, pin in pins.items()})
        return
    print_table(
        ["agent", "sha256", "source"],
        [(name, pin.digest, pin.source or None) for name, pin in pins.items()],
        empty="Nothing is pinned",
    )

"""`zoo verify`: whether an agent is whole, and as good as it claims to be."""

from __future__ import annotations

import sys

import click

from zoo.cli import options as opt
from zoo.cli.output import interval, json_option, number, print_json, print_pairs


@click.command("verify")
@opt.agent_argument
@opt.add(
    click.option(
        "--episodes", "-n", type=opt.COUNT, metavar="N", default=100, show_default=True,
        help="How many new episodes it plays.",
    ),
    click.option(
        "--seed", type=opt.SEED, metavar="N",
        help="Seed of the episodes.  [default: another than the claim's]",
    ),
    opt.runs_option,
)  # fmt: skip
@json_option
def verify(agent: str, *, episodes: int, seed: int | None, runs: str | None, as_json: bool) -> None:
    """Check an agent and its claimed score.

    The files are hashed; then the agent plays new episodes, and the claim holds where it lies in
    the 95 % interval of the new mean return. Otherwise the exit code is 1. The verdict is kept in
    your local hub.
    """
    import zoo
    from zoo.cli.live import Counter

    with Counter("verifying", episodes) as counter:
        found = zoo.verify(
            opt.agent_in(runs, agent), episodes=episodes, seed=seed, progress=counter.set
        )
    if as_json:
        print_json(found.to_json())
    else:
        mean, bounds = number(found.mean_return), interval(found.ci95_return)
        print_pairs(
            {
                "verdict": found.outcome,
                "claimed": f"{number(found.claimed_return)} {interval(found.claimed_ci95)}",
                "measured": f"{mean} {bounds} in {found.episodes} episodes, seed {found.seed}",
                "files": "all as agent.json lists them",
                "digest": found.digest,
                "versions": [f"{name} {found.versions[name]}" for name in found.versions],
            }
        )
    sys.exit(1 if found.outcome == "not confirmed" else 0)

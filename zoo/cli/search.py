"""`zoo search`: find agents."""

from __future__ import annotations

import click

from zoo.cli import options as opt
from zoo.cli.output import interval, json_option, print_json, print_table, size


@click.command("search")
@click.argument("text", nargs=-1)
@opt.add(
    click.option("--algo", metavar="ALGO", help="Only agents of this algorithm."),
    click.option("--env", metavar="ENV", help="Only agents for this environment."),
    click.option("--min-return", type=float, metavar="X", help="Only agents that reach X."),
    opt.hub_option,
    opt.endpoint_option,
    opt.timeout_option,
)
@json_option
def search(
    text: tuple[str, ...],
    *,
    algo: str | None,
    env: str | None,
    min_return: float | None,
    hub: str | None,
    endpoint: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Find agents.

    They lie in your local hub, among those that ship, or in another hub. Each word of TEXT must
    occur in the name, the algorithm or the environment.
    """
    import zoo

    found = zoo.search(
        " ".join(text),
        algorithm=algo,
        env_id=env,
        min_return=min_return,
        hub=hub,
        endpoint=endpoint,
        timeout=timeout,
    )
    if as_json:
        print_json([entry.to_json() for entry in found])
        return
    print_table(
        ["agent", "algorithm", "environment", "mean return", "95 % interval", "size"],
        [
            (e.ref, e.algorithm, e.env_id, e.mean_return, interval(e.ci95_return), size(e.size))
            for e in found
        ],
        empty="No agent fits",
    )

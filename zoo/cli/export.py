"""`zoo export`: agents in the formats of others."""

from __future__ import annotations

import click

from zoo.cli import options as opt
from zoo.cli.output import json_option, print_json, print_pairs


@click.command("export")
@opt.agent_argument
@opt.add(
    click.option(
        "--format", "format_name", metavar="NAME", required=True,
        help="The format: sb3, onnx, torchscript or numpy.",
    ),
    click.option(
        "--output", "-o", type=click.Path(dir_okay=False),
        help="The file to write.  [default: <environment> with the format's ending]",
    ),
    opt.runs_option,
)  # fmt: skip
@json_option
def export(
    agent: str, *, format_name: str, output: str | None, runs: str | None, as_json: bool
) -> None:
    """Write an agent in another format.

    AGENT is a reference such as sb3-ppo/CartPole-v1, a run's id, or a path.
    """
    import zoo

    path = zoo.export_agent(opt.agent_in(runs, agent), format_name, output)
    if as_json:
        print_json({"path": str(path)})
    else:
        print_pairs({"written": str(path)})

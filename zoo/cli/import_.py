"""`zoo import`: foreign models as agents, read without running anything in them."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import options as opt
from zoo.cli.output import json_option, print_json, print_pairs, printable, size


@click.command("import")
@click.argument("source", metavar="SOURCE")
@opt.add(
    click.option("--env", metavar="ENV", help="The environment, where the files do not say it."),
    click.option(
        "--env-kwargs", type=opt.JsonObject(), metavar="JSON", help="Arguments of the environment."
    ),
    click.option(
        "--output", "-o", type=click.Path(file_okay=False),
        help="The bundle's directory.  [default: imported/<algorithm>/<environment>]",
    ),
    click.option(
        "--from", "importer", metavar="NAME", help="The importer to use: sb3, cleanrl, layers ..."
    ),
    click.option("--algo", "algorithm", metavar="NAME", help="What to call the algorithm."),
    click.option(
        "--statistics", type=click.Path(dir_okay=False),
        help="The file of normalisation statistics, where it is not beside the model.",
    ),
    click.option(
        "--no-statistics", is_flag=True,
        help="Import a model without the statistics that it was trained with.",
    ),
    click.option(
        "--old-masses", is_flag=True,
        help="Give MuJoCo's capsules the masses that they had before MuJoCo 2.1.1.",
    ),
    click.option(
        "--architecture", type=click.Path(dir_okay=False),
        help="A YAML file that describes the network of a .pth or .safetensors file.",
    ),
    opt.endpoint_option,
    opt.timeout_option,
)  # fmt: skip
@json_option
def import_(
    source: str,
    *,
    env: str | None,
    env_kwargs: dict[str, Any] | None,
    output: str | None,
    importer: str | None,
    algorithm: str | None,
    statistics: str | None,
    no_statistics: bool,
    old_masses: bool,
    architecture: str | None,
    endpoint: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Turn a foreign model into an agent.

    Nothing in it is run. SOURCE is a file, a directory or a repository on the Hugging Face Hub
    (hf:sb3/ppo-CartPole-v1): a zip of Stable-Baselines3, a run folder of RL Zoo, a
    .cleanrl_model, or a plain network in a .pth, .safetensors or .onnx file.
    """
    import zoo

    bundle, notes = zoo.import_agent(
        source,
        output,
        importer=importer,
        env=env,
        env_kwargs=env_kwargs,
        algorithm=algorithm,
        statistics=statistics,
        allow_missing_statistics=no_statistics,
        old_masses=old_masses,
        architecture=architecture,
        endpoint=endpoint,
        timeout=timeout,
    )
    facts = {
        "path": str(bundle.path),
        "algorithm": bundle.algorithm,
        "env_id": bundle.env_id,
        "kind": bundle.kind,
        "digest": bundle.digest,
    }
    if as_json:
        print_json(facts | {"notes": list(notes), "size": bundle.size})
        return
    print_pairs(facts | {"size": size(bundle.size)})
    for note in notes:
        click.echo(printable(f"zoo: {note}"), err=True)

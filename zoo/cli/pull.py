"""`zoo pull`: fetch agents from a hub."""

from __future__ import annotations

from typing import Any

import click

from zoo.cli import options as opt
from zoo.cli.output import json_option, print_json, print_pairs, size


@click.command("pull")
@click.argument("ref", required=False)
@opt.add(
    opt.hub_option,
    click.option(
        "--output", "-o", type=click.Path(file_okay=False), metavar="DIR",
        help="Copy the agent to this directory besides.",
    ),
    click.option("--locked", is_flag=True, help="Fetch exactly what zoo.lock pins, or fail."),
    opt.lock_option,
    opt.endpoint_option,
    opt.timeout_option,
)  # fmt: skip
@json_option
def pull(
    ref: str | None,
    *,
    hub: str | None,
    output: str | None,
    locked: bool,
    lock: str,
    endpoint: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Fetch an agent from a hub.

    REF is hf:team/walker, hf:team/walker@revision, or with --hub a name there. Every file is held
    against the digests in the agent's own manifest. Give either REF or --locked.
    """
    import zoo
    from zoo.cli.live import Counter

    if locked == (ref is not None):
        raise click.UsageError("give either REF or --locked")
    if locked and output is not None:
        raise click.UsageError("--output goes with REF, not with --locked")
    settings: dict[str, Any] = {"hub": hub, "endpoint": endpoint, "timeout": timeout}
    with Counter("pulling") as counter:
        if ref is not None:
            bundles = [zoo.pull(ref, output=output, progress=counter.set, **settings)]
        else:
            bundles = zoo.pull_locked(lock, progress=counter.set, **settings)
    facts: list[dict[str, Any]] = [
        {
            "algorithm": bundle.algorithm,
            "env_id": bundle.env_id,
            "digest": bundle.digest,
            "size": bundle.size,
            "path": str(bundle.path),
        }
        for bundle in bundles
    ]
    if as_json:
        print_json(facts if locked else facts[0])
        return
    for row in facts:
        print_pairs(row | {"size": size(row["size"])})

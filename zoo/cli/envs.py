"""`zoo envs`: the environments that are installed."""

from __future__ import annotations

import click

from zoo.cli.output import json_option, print_json
from zoo.errors import ZooError, did_you_mean


@click.command("envs")
@click.argument("pattern", required=False)
@json_option
def envs(pattern: str | None, as_json: bool) -> None:
    """List environments.

    PATTERN is part of an id (lander) or a pattern with * and ? (Half*-v5).
    """
    from fnmatch import fnmatch

    from zoo.environments.ids import known_ids

    ids = sorted(known_ids())
    if pattern is None:
        found = ids
    elif any(sign in pattern for sign in "*?["):
        found = [env_id for env_id in ids if fnmatch(env_id.lower(), pattern.lower())]
    else:
        found = [env_id for env_id in ids if pattern.lower() in env_id.lower()]
    if pattern and not found:
        hint = did_you_mean(pattern, ids, otherwise="List them all with: zoo envs")
        raise ZooError(f"no environment matches {pattern!r}", hint)
    if as_json:
        print_json([{"id": env_id} for env_id in found])
        return
    for env_id in found:
        click.echo(env_id)

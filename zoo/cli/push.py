"""`zoo push`: keep an agent in a hub."""

from __future__ import annotations

import click

from zoo.cli import options as opt
from zoo.cli.output import json_option, print_json, print_pairs


@click.command("push")
@opt.agent_argument
@click.argument("ref", required=False)
@opt.add(
    opt.hub_option,
    click.option("--tag", metavar="TAG", help="A name for this version.  [default: v1, v2, ...]"),
    click.option("--revision", metavar="BRANCH", help="The branch of a remote hub that moves on."),
    click.option("--private", is_flag=True, help="Make a new name on a remote hub private."),
    click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing."),
    opt.endpoint_option,
    opt.timeout_option,
    opt.runs_option,
)
@json_option
def push(
    agent: str,
    ref: str | None,
    *,
    hub: str | None,
    tag: str | None,
    revision: str | None,
    private: bool,
    dry_run: bool,
    endpoint: str | None,
    timeout: float,
    runs: str | None,
    as_json: bool,
) -> None:
    """Keep an agent in a hub.

    REF is a name in your local hub, such as team/walker or team/walker@v3, or on a remote one,
    such as hf:team/walker; without it the agent is called by its algorithm and environment.
    """
    import zoo
    from zoo.cli.live import Counter

    with Counter("pushing") as counter:
        done = zoo.push(
            opt.agent_in(runs, agent),
            ref,
            hub=hub,
            revision=revision,
            tag=tag,
            private=private,
            dry_run=dry_run,
            endpoint=endpoint,
            timeout=timeout,
            progress=counter.set,
        )
    if as_json:
        print_json(done.to_json())
        return
    print_pairs(
        {
            "would push" if dry_run else "pushed": ", ".join(done.uploaded) or "nothing new",
            "there already": ", ".join(done.unchanged),
            "revision": done.revision,
            "tags": done.tags,
            "page": done.url,
        }
    )

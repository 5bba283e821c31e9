"""Push an agent: keep it in a hub under a name, for oneself or for others."""

from __future__ import annotations

from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.base import SECONDS, Progress, Pushed
from zoo.hub.places import Place, open_hub, place_of
from zoo.hub.references import find
from zoo.storage.bundle import Bundle


def push(
    agent: Bundle | Path | str,
    ref: str | None = None,
    *,
    hub: Place = None,
    revision: str | None = None,
    tag: str | None = None,
    private: bool = False,
    dry_run: bool = False,
    endpoint: str | None = None,
    timeout: float = SECONDS,
    progress: Progress | None = None,
) -> Pushed:
    """Put `agent`, a bundle or a reference, into a hub and return what was done.

    `ref` is `name`, `name@tag` or `scheme:name`, by default the agent's algorithm and environment;
    `hub` a directory or a scheme, by default the user's own directory. There an agent becomes
    `latest` and the tag, else the next of v1, v2, ... For a remote hub `revision` is the branch
    that moves on, `private` concerns a new name, and `timeout` is in seconds for each answer.

    Raises `ZooError` where the agent is damaged or is not found, the name cannot be one, or the
    hub refuses or is not reached.
    """
    bundle = agent if isinstance(agent, Bundle) else find(agent)
    place, wanted = place_of(ref or f"{bundle.algorithm}/{bundle.env_id}", hub)
    if wanted.digest:
        raise ZooError(f"{ref} names a digest", "A push makes it; give a name, or name@tag")
    if wanted.tag and tag and wanted.tag != tag:
        raise ZooError(f"{ref} names a tag, and so does --tag {tag}", "Leave one of them out")
    return open_hub(place, endpoint=endpoint, timeout=timeout, create=True).push(
        bundle,
        wanted.name,
        revision=revision,
        tag=tag or wanted.tag or None,
        private=private,
        dry_run=dry_run,
        progress=progress,
    )

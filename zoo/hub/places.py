"""Which hub is meant: the user's own, a directory, or one that a plugin brings."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.errors import ZooError, did_you_mean
from zoo.hub.base import SECONDS, Hub
from zoo.hub.folder import FolderHub
from zoo.hub.local import LocalHub, is_local_hub
from zoo.hub.names import Reference, parse
from zoo.plugin.registry import get_registry
from zoo.storage.manifest import MANIFEST

Place = str | Path | None
"""A hub: None for the user's own, a scheme such as `hf`, or a directory."""


def open_hub(
    place: Place = None,
    *,
    endpoint: str | None = None,
    timeout: float = SECONDS,
    create: bool = False,
) -> Hub:
    """Return a hub; `create` allows a directory that a push is to make.

    `endpoint` is another address for a remote hub, `timeout` how many seconds each of its
    answers may take. Raises `ZooError` where there is no such hub.
    """
    if place is None and endpoint is None:
        return LocalHub()  # at once: nothing needs the plugins
    hubs = get_registry().hubs
    if isinstance(place, str) and place in hubs:
        return get_registry().hub_class(place)(endpoint=endpoint, timeout=timeout)  # type: ignore[call-arg]
    if endpoint is not None:
        raise ZooError("a local hub has no endpoint", "Leave it out, or name a remote hub: hf")
    assert place is not None
    root = Path(place).expanduser()
    if is_local_hub(root):
        return LocalHub(root)
    if next(root.glob(f"*/*/{MANIFEST}"), None) is not None:
        return FolderHub(root)
    if create and not (str(place) == root.name and did_you_mean(root.name, hubs)):  # a typo
        return LocalHub(root)
    if root.is_dir():
        raise ZooError(f"{root} is no hub", f"A hub has agents: zoo push AGENT --hub {root}")
    raise ZooError(
        f"there is no hub {os.fspath(place)!r}",
        did_you_mean(str(place), hubs, otherwise=f"Give a directory, or one of: {', '.join(hubs)}"),
    )


def place_of(ref: str, place: Place) -> tuple[Place, Reference]:
    """Return the hub that `ref` or `place` names, and the reference's parts.

    Raises `ZooError` where both name one, and where no plugin brings the reference's scheme.
    """
    wanted = parse(ref)
    if not wanted.scheme:
        return place, wanted
    get_registry().hub(wanted.scheme)
    if place not in (None, wanted.scheme):
        raise ZooError(f"{ref} names a hub, and so does --hub {place}", "Leave one of them out")
    return wanted.scheme, wanted

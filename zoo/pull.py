"""Pull an agent: fetch it from a hub into the local one, held against its own digests."""

from __future__ import annotations

import sys
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.base import SECONDS, Hub, Progress, Unreachable, cached_name
from zoo.hub.folder import FolderHub
from zoo.hub.local import LocalHub
from zoo.hub.names import LATEST, Reference, is_tag, parse
from zoo.hub.places import Place, open_hub, place_of
from zoo.hub.references import find
from zoo.storage.bundle import Bundle, copy_bundle


def pull(
    ref: str,
    *,
    hub: Place = None,
    output: str | Path | None = None,
    endpoint: str | None = None,
    timeout: float = SECONDS,
    progress: Progress | None = None,
) -> Bundle:
    """Fetch the agent `ref` (`scheme:name[@revision]`, or a name in `hub`) and return it.

    It is kept in the local hub, from where it is used without the network; `output` is a directory
    to which it is copied besides. A bare name without `hub` is looked for on this machine only.
    A remote hub that is not reached gives what was pulled from it before, with a warning.

    Raises `ZooError` where there is no such agent, the hub is not reached, or a file is not what
    the bundle's manifest lists; then nothing is kept.
    """
    place, wanted = place_of(ref, hub)
    if place is None:
        bundle = find(ref)
    else:
        source = open_hub(place, endpoint=endpoint, timeout=timeout)
        if isinstance(source, LocalHub | FolderHub):
            revision = wanted.tag or wanted.digest or None
            bundle = source.pull(wanted.name, revision, LocalHub(), progress=progress)
        else:
            bundle = _pull_remote(source, str(place), wanted, progress)
    return bundle if output is None else copy_bundle(bundle, output)


def _pull_remote(hub: Hub, scheme: str, wanted: Reference, progress: Progress | None) -> Bundle:
    """Pull from a remote hub, and give what came the tag that was asked for."""
    local, name = LocalHub(), cached_name(scheme, wanted.name)
    text = f"{scheme}:{wanted.name}"
    if wanted.digest:
        for kept in local.refs.tags(name):
            if kept.digest.startswith(wanted.digest):
                return local.bundle(kept.digest)
    tag = wanted.tag or LATEST
    try:
        exact = hub.resolve(wanted.name, wanted.tag or None)
        bundle = hub.pull(wanted.name, exact, local, progress=progress)
    except Unreachable as error:
        if wanted.digest or not is_tag(tag) or not _gave(hub, local, name, tag):
            raise
        print(f"zoo: {error.message}; what was pulled before is used", file=sys.stderr)
        return local.get(name, tag)
    if not bundle.digest.startswith(wanted.digest):
        raise ZooError(
            f"{text} has the digest {bundle.digest}, not {wanted.digest}",
            f"Name the revision that had it: zoo pull {text}@REVISION",
        )
    return local.add(bundle, name, _new_tags(local, name, tag, exact), source=f"{text}@{exact}")


def _new_tags(local: LocalHub, name: str, tag: str, exact: str) -> list[str]:
    """Return the tags to add; an exact one where the hub noted its address keeps that."""
    kept = local.refs.get(name, tag) if tag == exact else None
    return [tag] if is_tag(tag) and not (kept and kept.source) else []


def _gave(hub: Hub, local: LocalHub, name: str, tag: str) -> bool:
    """Say whether what `tag` means in the local hub was pulled from this hub, not another one."""
    ref = local.refs.get(name, tag)
    exact = parse(ref.source).tag if ref else ""
    kept = local.refs.get(name, exact) if exact else None
    return kept is not None and hub.gave(kept)

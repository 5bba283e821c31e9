"""A tree of bundles as a hub that is only read: `models/`, and any directory laid out like it.

<root>/<algorithm>/<environment id, "/" as "__">/agent.json
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from zoo.errors import ZooError, did_you_mean
from zoo.hub.base import Entry, Hub, Progress, Pushed, Query
from zoo.hub.entries import entry_of
from zoo.hub.local import LocalHub
from zoo.storage.bundle import Bundle, open_bundle
from zoo.storage.manifest import MANIFEST


class FolderHub(Hub):
    """The bundles two levels below `root`; each has one revision, its digest."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser()

    def agents(self) -> Iterator[tuple[str, Path]]:
        """Yield the name and the directory of each agent, in order."""
        for manifest in sorted(self.root.glob(f"*/*/{MANIFEST}")):
            folder = manifest.parent
            yield f"{folder.parent.name}/{folder.name.replace('__', '/')}", folder

    def search(self, query: Query) -> list[Entry]:
        """Return the agents that fit; damaged ones are passed over."""
        entries = []
        for name, folder in self.agents():
            with suppress(ZooError):
                entries.append(entry_of(name, open_bundle(folder)))
        return sorted(filter(query.accepts, entries), key=Entry.rank)

    def resolve(self, name: str, revision: str | None = None) -> str:
        digest = self.get(name).digest
        if revision not in (None, digest):
            raise ZooError(f"{name} in {self.root} is {digest}, not {revision}")
        return digest

    def pull(
        self,
        name: str,
        revision: str | None,
        destination: LocalHub,
        *,
        progress: Progress | None = None,
    ) -> Bundle:
        """Copy an agent into a local hub, under the same name."""
        self.resolve(name, revision)
        bundle = self.get(name)
        destination.push(bundle, name, progress=progress)
        return destination.bundle(bundle.digest)

    def push(self, bundle: Bundle, name: str, **_: object) -> Pushed:
        """Refuse: who made the directory laid it out by hand."""
        raise ZooError(
            f"cannot push {name}: {self.root} is a tree of bundles, which is only read",
            "Push to another directory",
        )

    def get(self, name: str) -> Bundle:
        """Return the bundle of a name; raise `ZooError` with suggestions where there is none."""
        folders = dict(self.agents())
        if name not in folders:
            hint = did_you_mean(name, folders, otherwise=f"It has {len(folders)} others")
            raise ZooError(f"there is no agent {name!r} in {self.root}", hint)
        return open_bundle(folders[name])

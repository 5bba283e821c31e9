"""The embedded hub: a directory of agents, safe for several processes at once.

    hub.json               which format this is
    blobs/sha256/ab/...    every file of every bundle, by its SHA-256; agent.json too
    bundles/ab/<digest>/   each bundle as a directory: its files are links to the blobs
    refs/ pins/ log        what agents are called, see `refs`
    index.sqlite           what `search` reads, made anew where it is out of date
    verdicts/<digest>      what `zoo verify` found

A push writes the blobs, then the bundle's directory, then all tags of the name in one file:
whoever is killed on the way leaves files that nothing names, which garbage collection removes,
and the hub as it was.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from zoo.errors import ZooError, did_you_mean
from zoo.hub.base import Entry, Hub, Progress, Pushed, Query
from zoo.hub.blobs import FETCH_AGAIN, is_digest
from zoo.hub.names import LATEST, check_name, check_tag
from zoo.hub.refs import Ref, RefStore
from zoo.hub.shelf import Shelf, contents
from zoo.storage import strict_json
from zoo.storage.bundle import Bundle
from zoo.storage.files import explain, write_atomically

FORMAT = 1
MARKER = "hub.json"
SECONDS_FOR_LOCK = 60.0
_VERSION = re.compile(r"v([1-9][0-9]{0,8})")


def default_root() -> Path:
    """Return where the local hub lies: `$ZOO_HUB`, else in the user's data directory."""
    if given := os.environ.get("ZOO_HUB"):
        return Path(given).expanduser()
    if given := os.environ.get("XDG_DATA_HOME"):
        return Path(given) / "agent-zoo" / "hub"
    if os.name == "nt" and (given := os.environ.get("LOCALAPPDATA")):
        return Path(given) / "agent-zoo" / "hub"
    return Path.home() / ".local" / "share" / "agent-zoo" / "hub"


def is_local_hub(root: Path) -> bool:
    """Whether a local hub lies in the directory `root`."""
    return (root / MARKER).is_file()


class LocalHub(Hub):
    """A hub in the directory `root`, by default the user's own; the first push makes it."""

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = (default_root() if root is None else Path(root).expanduser()).absolute()
        self.shelf = Shelf(self.root)
        self.blobs = self.shelf.blobs
        self.refs = RefStore(self.root)
        _check_format(self.root)

    def search(self, query: Query) -> list[Entry]:
        from zoo.hub.index import search  # SQLite, which only a search needs

        return search(self, query) if is_local_hub(self.root) else []

    def resolve(self, name: str, revision: str | None = None) -> str:
        if revision is not None and is_digest(revision):
            self.bundle(revision)
            return revision
        return self.ref(name, revision or LATEST).digest

    def pull(
        self,
        name: str,
        revision: str | None,
        destination: LocalHub,
        *,
        progress: Progress | None = None,
    ) -> Bundle:
        """Copy an agent into another local hub, under the same name."""
        bundle = self.bundle(self.resolve(name, revision))
        destination.push(bundle, name, progress=progress)
        return destination.bundle(bundle.digest)

    def push(
        self,
        bundle: Bundle,
        name: str,
        *,
        revision: str | None = None,
        tag: str | None = None,
        private: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Pushed:
        """Keep an agent under `name`: as `latest`, and under `tag` or the next of v1, v2, ...

        An agent that has a version there already gets no second one. Raises `ZooError` where
        `tag` means another agent: a version does not change.
        """
        if revision or private:
            raise ZooError("a local hub has no branches and no private agents", "Leave that out")
        files = contents(bundle)
        new = tuple(file for file, digest in files.items() if digest not in self.blobs)
        kept = tuple(file for file in files if file not in new)
        if dry_run:
            tags = self._tags_for(bundle, check_name(name), tag)
            return Pushed("", "", new, kept, tuple(tags))
        self._add_blobs(bundle, name, progress)
        with self.lock():
            tags = self._tags_for(bundle, name, tag)
            self._settle(bundle, name, tags, "")
        return Pushed(bundle.digest, "", new, kept, tuple(tags))

    def add(
        self,
        bundle: Bundle,
        name: str,
        tags: Iterable[str] = (LATEST,),
        *,
        source: str = "",
        progress: Progress | None = None,
    ) -> Bundle:
        """Keep a bundle under a name and exactly these tags; return it as it lies here.

        `source` says where it came from. Every file is hashed on the way. Raises `ZooError` for
        a damaged bundle, a full disk or a read-only hub.
        """
        self._add_blobs(bundle, name, progress)
        with self.lock():
            return self._settle(bundle, name, tags, source)

    def get(self, name: str, tag: str = LATEST) -> Bundle:
        """Return the bundle that a name and a tag mean; raise `ZooError` with suggestions."""
        return self.bundle(self.ref(name, tag).digest)

    def bundle(self, digest: str) -> Bundle:
        """Return the bundle with this SHA-256; raise `ZooError` where it is not here."""
        if self.shelf.directory(digest).is_dir():
            bundle = self.shelf.open(digest)
            with suppress(ZooError):
                bundle.check_sizes()
                return bundle
        if digest not in self.blobs:
            raise ZooError(f"{self.root} has lost the agent {digest[:16]}", FETCH_AGAIN)
        with self.lock():  # its directory was lost, as in a power cut
            return self.shelf.make(digest)

    def ref(self, name: str, tag: str = LATEST) -> Ref:
        """Return what a name and a tag mean; raise `ZooError` with suggestions."""
        found = self.refs.get(name, tag)
        if found is not None:
            return found
        tags = [ref.tag for ref in self.refs.tags(name)]
        if tags:
            hint = did_you_mean(tag, tags, otherwise=f"Its tags are: {', '.join(tags)}")
            raise ZooError(f"{name} has no tag {tag!r} in {self.root}", hint)
        hint = did_you_mean(name, self.refs.names(), otherwise="`zoo search` lists the agents")
        raise ZooError(f"there is no agent {name!r} in {self.root}", hint)

    def tag(self, name: str, tag: str, new_tag: str) -> Ref:
        """Have another tag of the name mean the same agent; one that is there moves."""
        with self.lock():
            old = self.ref(name, tag)
            self.refs.put(name, [new_tag], old.digest, old.source)
        return self.ref(name, new_tag)

    def remove(self, name: str, tag: str | None = None) -> list[Ref]:
        """Forget one tag of a name, or all, and return them; the files go with the garbage.

        `latest` moves back to the newest version that is left. A pinned agent's files stay.
        """
        with self.lock():
            tags = self.refs.tags(name)
            doomed = [self.ref(name, tag)] if tag else tags or [self.ref(name)]
            left = [ref for ref in tags if ref not in doomed]
            versions = [ref for ref in left if ref.tag != LATEST]
            gone = {ref.digest for ref in doomed} - {ref.digest for ref in versions}
            orphans = [ref for ref in left if ref.tag == LATEST and ref.digest in gone]
            if orphans and versions:
                self.refs.put(name, [LATEST], versions[-1].digest, versions[-1].source)
            elif orphans:
                doomed += orphans
            self.refs.remove(name, [ref.tag for ref in doomed])
        return doomed

    def pin(self, digest: str, name: str = "") -> None:
        """Keep a bundle that is here, whatever becomes of its names."""
        with self.lock():
            self.shelf.make(digest)
            self.refs.pin(digest, name)

    def unpin(self, digest: str) -> None:
        """Keep a bundle only as long as a name leads to it."""
        with self.lock():
            self.refs.unpin(digest)

    def create(self) -> None:
        """Make the directory a hub, where it is none yet; the first push does so by itself."""
        if not is_local_hub(self.root):
            _refuse_other_files(self.root)
            write_atomically(self.root / MARKER, strict_json.dumps({"format": FORMAT}))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from changing the hub; reading needs no lock."""
        path = self.root / ".lock"
        lock = FileLock(path, timeout=SECONDS_FOR_LOCK)
        with explain(path):
            self.root.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout as error:
                raise ZooError(
                    f"{self.root} has been locked by another process for {SECONDS_FOR_LOCK:.0f} s",
                    "Wait for that process, or end it",
                ) from error
        try:
            yield
        finally:
            lock.release()

    def _add_blobs(self, bundle: Bundle, name: str, progress: Progress | None) -> None:
        check_name(name)
        self.create()
        self.shelf.add_blobs(bundle, progress)

    def _settle(self, bundle: Bundle, name: str, tags: Iterable[str], source: str) -> Bundle:
        """Make the bundle's directory and then its names; the lock is held."""
        if self.shelf.lacks(bundle):  # a garbage collection came between
            self.shelf.add_blobs(bundle)
        settled = self.shelf.make(bundle.digest)
        self.refs.put(name, tags, bundle.digest, source)
        return settled

    def _tags_for(self, bundle: Bundle, name: str, tag: str | None) -> list[str]:
        """Return the tags that a push is to set: a version, where it needs one, and `latest`."""
        versions = {ref.tag: ref.digest for ref in self.refs.tags(name) if ref.tag != LATEST}
        if tag == LATEST:
            return [LATEST]
        if tag is None:
            if same := [each for each in versions if versions[each] == bundle.digest]:
                return [same[0], LATEST]
            numbers = [int(match[1]) for each in versions if (match := _VERSION.fullmatch(each))]
            return [f"v{max(numbers, default=0) + 1}", LATEST]
        if versions.get(check_tag(tag), bundle.digest) != bundle.digest:
            raise ZooError(
                f"{name}@{tag} is another agent already",
                f"Choose another tag, or push {name} without one and move the tag: zoo models tag",
            )
        return [tag, LATEST]


def _check_format(root: Path) -> None:
    """Raise `ZooError` where a newer zoo made the hub, or the marker is damaged."""
    path = root / MARKER
    if not path.exists():
        return
    with explain(path, "read"):
        value = strict_json.loads(path.read_bytes(), str(path), max_bytes=1 << 16)
    match value:
        case {"format": int(version)} if version == FORMAT:
            return
        case {"format": int(version)} if version > FORMAT:
            raise ZooError(
                f"{root} was made by a newer zoo (format {version}, this one reads {FORMAT})",
                "Upgrade with: pip install --upgrade agent-zoo",
            )
    raise ZooError(f"{path} is damaged: it names no format", 'It should be: {"format": 1}')


def _refuse_other_files(root: Path) -> None:
    """Raise `ZooError` where a directory that is no hub has files of somebody else."""
    if root.exists() and not root.is_dir():
        raise ZooError(f"{root} is no directory", "Choose another place for the hub")
    with explain(root, "read"):
        names = os.listdir(root) if root.exists() else []
    foreign = any(not name.startswith(".") for name in names)
    if foreign and not is_local_hub(root):  # asked again: a hub may have been made meanwhile
        raise ZooError(f"{root} is no hub and not empty", "Choose another place for the hub")

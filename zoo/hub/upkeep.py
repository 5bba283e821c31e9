"""Keeping a local hub in order: hash everything again, and delete what nothing names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.local import LocalHub, is_local_hub
from zoo.hub.shelf import contents_of
from zoo.storage.files import explain, is_temporary, remove_stale

SERVED = "repositories"
"""What `zoo hub serve` keeps beside the hub's own; every SHA-256 that its files name is kept."""
PARTIAL = "partial"
"""Where downloads that broke off wait to be continued."""
PATIENCE = 7 * 24 * 3600.0
"""Seconds for which they wait."""
GRACE = 3600.0  # seconds for which a served hub keeps what was uploaded and not yet committed


@dataclass(frozen=True)
class Checked:
    """What `verify` read, and a line for each thing that is wrong."""

    files: int
    size: int
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Collected:
    """What `collect_garbage` deleted, or would: the bundles, the files, and their bytes."""

    bundles: int
    files: int
    size: int


def verify(hub: LocalHub, progress: Callable[[int, int], object] | None = None) -> Checked:
    """Hash every file of the hub again, and follow every name to all of its bundle's files."""
    digests, done, damaged = list(hub.blobs.digests()), 0, []
    total = sum(hub.blobs.path(digest).stat().st_size for digest in digests)
    for digest in digests:
        if not hub.blobs.is_whole(digest):
            damaged.append(f"{hub.blobs.path(digest)} is damaged: its SHA-256 is not its name")
        done += hub.blobs.path(digest).stat().st_size
        if progress is not None:
            progress(done, total)
    problems = [*damaged, *_broken_names(hub), *_broken_directories(hub)]
    return Checked(len(digests), total, problems)


def collect_garbage(hub: LocalHub, *, dry_run: bool = False) -> Collected:
    """Delete the bundles that no name and no pin leads to, and the files that only they have.

    Raises `ZooError`, and deletes nothing, where a name cannot be followed: its files would look
    like garbage.
    """
    if not is_local_hub(hub.root):
        return Collected(0, 0, 0)
    with hub.lock():
        bundles = {ref.digest for ref in hub.refs.all()} | hub.refs.pinned().keys()
        kept = set(_named_by_server(hub.root / SERVED))
        for digest in bundles:
            kept.update(contents_of(hub.shelf.manifest(digest), digest).values())
        newest = time.time() - GRACE if (hub.root / SERVED).is_dir() else float("inf")
        old = [d for d in hub.shelf.digests() if d not in bundles]
        blobs = [
            digest
            for digest in hub.blobs.digests()
            if digest not in kept and hub.blobs.path(digest).stat().st_mtime < newest
        ]
        size = sum(hub.blobs.path(digest).stat().st_size for digest in blobs)
        if not dry_run:
            for digest in old:
                hub.shelf.remove(digest)
            for digest in blobs:
                hub.blobs.remove(digest)
            _clear(hub)
    return Collected(len(old), len(blobs), size)


def _clear(hub: LocalHub) -> None:
    """Delete what killed writers left, and begin a new log."""
    hub.blobs.clear_stale()
    for folder in (hub.root, hub.refs.pins, hub.shelf.root, *hub.shelf.root.glob("*")):
        remove_stale(folder)
    for name in hub.refs.names():
        remove_stale(hub.refs.refs / name)
    _forget_downloads(hub.root / PARTIAL)
    hub.refs.renew_log()


def _forget_downloads(folder: Path) -> None:
    """Delete what came of downloads that broke off and that nobody continued."""
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(OSError):  # it was continued, or is deleted already
            if path.stat().st_mtime < time.time() - PATIENCE:
                path.unlink()


def _broken_names(hub: LocalHub) -> Iterator[str]:
    """Yield a line for each name or pin that does not lead to a whole bundle."""
    checked: dict[str, str] = {}
    for name in hub.refs.names():
        try:
            refs = hub.refs.tags(name)
        except ZooError as error:
            yield error.message
            continue
        for ref in refs:
            if ref.digest not in checked:
                checked[ref.digest] = _what_lacks(hub, ref.digest)
            if checked[ref.digest]:
                yield f"{ref.name}@{ref.tag}: {checked[ref.digest]}"
    for digest, name in hub.refs.pinned().items():
        if lack := _what_lacks(hub, digest):
            yield f"pinned {name}@sha256:{digest[:16]}: {lack}"


def _what_lacks(hub: LocalHub, digest: str) -> str:
    if digest not in hub.blobs:
        return "its agent.json is missing"
    try:
        files = contents_of(hub.shelf.manifest(digest), digest)
    except ZooError as error:
        return error.message
    missing = [name for name, blob in files.items() if blob not in hub.blobs]
    return f"its {missing[0]} is missing" if missing else ""


def _broken_directories(hub: LocalHub) -> Iterator[str]:
    """Yield a line for each bundle's directory that is not what its blobs are."""
    for digest in hub.shelf.digests():
        is_whole = True
        with suppress(ZooError):  # a blob is missing or damaged, which is told elsewhere
            is_whole = digest not in hub.blobs or hub.shelf.is_whole(digest)
        if not is_whole:
            yield f"{hub.shelf.directory(digest)} is damaged: its files are not those of its blobs"


def _named_by_server(folder: Path) -> Iterator[str]:
    """Yield every SHA-256 that a file below `folder` names, whatever the file is for."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not is_temporary(path.name):
            with explain(path, "read"):
                text = path.read_text(encoding="utf-8", errors="replace")
            yield from re.findall(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", text)

"""Bundles kept by their digests: every file once as a blob, and each bundle as a directory.

    blobs/sha256/ab/...     the files of all bundles, by their SHA-256; each agent.json too
    bundles/ab/<digest>/    a bundle, ready to be opened: its files are links to the blobs

The blobs are what counts. A directory can be made anew from them, and is where it is not whole;
on a disk without hard links its files are copies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.hub.base import Progress
from zoo.hub.blobs import FETCH_AGAIN, BlobStore, is_digest
from zoo.storage import strict_json
from zoo.storage.bundle import Bundle, open_bundle
from zoo.storage.files import (
    at_once,
    copy_durably,
    explain,
    is_plain_file,
    new_directory,
    remove_directory,
)
from zoo.storage.manifest import MANIFEST, check_manifest

_MOST_MANIFEST = 16 << 20


class Shelf:
    """The bundles below a hub's root, without their names."""

    def __init__(self, root: Path) -> None:
        self.blobs = BlobStore(root / "blobs" / "sha256")
        self.root = root / "bundles"

    def directory(self, digest: str) -> Path:
        """Return where the bundle with this digest lies, or would lie."""
        return self.root / self.blobs.path(digest).relative_to(self.blobs.root)

    def digests(self) -> Iterator[str]:
        """Yield the digest of each bundle that has a directory."""
        for path in sorted(self.root.glob("[0-9a-f]*/[0-9a-f]*")):
            if is_digest(path.name):
                yield path.name

    def add_blobs(self, bundle: Bundle, progress: Progress | None = None) -> None:
        """Keep the files of a bundle, each hashed on the way.

        Raises `ZooError` where the bundle has other files than its agent.json lists.
        """
        bundle.check_sizes()
        files = contents(bundle)
        done: list[int] = []  # bytes; appending is safe among threads

        def add(name: str) -> None:
            self.blobs.add(bundle.path / name, files[name])
            done.append(bundle.files[name]["size"] if name in bundle.files else 0)
            if progress is not None:
                progress(sum(done), bundle.size)

        at_once(add, files)

    def lacks(self, bundle: Bundle) -> bool:
        """Say whether a blob of the bundle is missing."""
        return any(digest not in self.blobs for digest in contents(bundle).values())

    def open(self, digest: str) -> Bundle:
        """Return the bundle in its directory; raise `ZooError` where there is none."""
        bundle = open_bundle(self.directory(digest))
        if bundle.digest != digest:
            raise ZooError(
                f"{bundle.path} is damaged: the SHA-256 of agent.json is not its name", FETCH_AGAIN
            )
        return bundle

    def make(self, digest: str) -> Bundle:
        """Return the bundle as a directory, made of its blobs where it is not there whole."""
        if not self.is_whole(digest):
            files = contents_of(self.manifest(digest), digest)
            with new_directory(self.directory(digest), durable=False) as temporary:
                for name, blob in files.items():
                    _link(self.blobs.path(blob), temporary / name)
        return self.open(digest)

    def manifest(self, digest: str) -> dict[str, Any]:
        """Return the content of the agent.json with this digest, checked."""
        path = self.blobs.path(digest)
        data = self.blobs.read(digest, most=_MOST_MANIFEST)
        manifest = strict_json.loads(data, str(path), max_bytes=_MOST_MANIFEST)
        check_manifest(manifest, path)
        return manifest

    def remove(self, digest: str) -> None:
        """Delete the directory of a bundle; its blobs stay."""
        remove_directory(self.directory(digest))

    def is_whole(self, digest: str) -> bool:
        """Say whether the bundle has its directory, each file a link to its blob or equal to it."""
        files, directory = contents_of(self.manifest(digest), digest), self.directory(digest)
        if not directory.is_dir() or set(os.listdir(directory)) != set(files):
            return False
        return all(
            _is_same(self.blobs.path(blob), directory / name) for name, blob in files.items()
        )


def contents(bundle: Bundle) -> dict[str, str]:
    """Return the SHA-256 of each of a bundle's files by name, agent.json as the last."""
    return contents_of(bundle.manifest, bundle.digest)


def contents_of(manifest: dict[str, Any], digest: str) -> dict[str, str]:
    """Return the same of the content of an agent.json and its SHA-256."""
    return {name: entry["sha256"] for name, entry in manifest["files"].items()} | {MANIFEST: digest}


def _is_same(blob: Path, path: Path) -> bool:
    with explain(path, "read"):
        linked = is_plain_file(path) and os.path.samefile(blob, path)
        return linked or (is_plain_file(path) and cmp(blob, path, shallow=False))


def _link(blob: Path, path: Path) -> None:
    try:
        os.link(blob, path)
    except OSError:  # this disk has no hard links, or the file has as many as it may have
        copy_durably(blob, path)

"""Files kept by what is in them: each under its SHA-256, written once, never changed.

blobs/sha256/ab/abcdef...   the content whose SHA-256 is abcdef...
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from zoo.errors import ZooError
from zoo.storage.files import explain, is_plain_file, new_file, remove_stale, sha256

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20
FETCH_AGAIN = "Push or pull it again"


def is_digest(text: str) -> bool:
    """Say whether `text` is a whole SHA-256 in small hexadecimal digits."""
    return bool(_DIGEST.fullmatch(text))


class Incoming:
    """A blob that is being written. `write` takes its content piece by piece."""

    def __init__(self, file: BinaryIO, where: str, most: int | None) -> None:
        self._file, self._where, self._most = file, where, most
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take more content; raise `ZooError` where it becomes larger than it may."""
        self.size += len(data)
        if self._most is not None and self.size > self._most:
            raise ZooError(f"{self._where} is larger than the {self._most} bytes that it may have")
        self._hash.update(data)
        self._file.write(data)

    @property
    def digest(self) -> str:
        """The SHA-256 of what came so far."""
        return self._hash.hexdigest()


class BlobStore:
    """A directory of blobs, safe for several processes at once without any lock."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    def path(self, digest: str) -> Path:
        """Return where the blob lies, or would lie; raise `ZooError` for what is no SHA-256."""
        if not is_digest(digest):
            raise ZooError(f"{digest[:80]!r} is no SHA-256 digest", "Give 64 hexadecimal digits")
        return self.root / digest[:2] / digest

    def __contains__(self, digest: str) -> bool:
        return is_plain_file(self.path(digest))

    def read(self, digest: str, *, most: int) -> bytes:
        """Return a small blob's content, checked; raise `ZooError` for more than `most` bytes."""
        path = self.path(digest)
        with explain(path, "read"), open(path, "rb") as file:
            data = file.read(most + 1)
        if len(data) > most or hashlib.sha256(data).hexdigest() != digest:
            raise ZooError(f"{path} is damaged: its SHA-256 is not its name", FETCH_AGAIN)
        return data

    def is_whole(self, digest: str) -> bool:
        """Hash the blob and say whether it is what its name says."""
        return digest in self and sha256(self.path(digest)) == digest

    @contextmanager
    def incoming(
        self, digest: str, *, where: str = "the file", most: int | None = None
    ) -> Iterator[Incoming]:
        """Give a blob to write; it appears when the block ends and its content is as named.

        Otherwise `ZooError` is raised and nothing is left. `where` names the content in errors,
        `most` is how many bytes it may have. A blob that is there is replaced by the same.
        """
        path = self.path(digest)
        with new_file(path) as file:
            incoming = Incoming(file, where, most)
            yield incoming
            if incoming.digest != digest:
                raise ZooError(
                    f"{where} is damaged: its SHA-256 is {incoming.digest}, not {digest}",
                    "Fetch or train the agent again",
                )
            if hasattr(os, "fchmod"):  # a bundle's files are links to blobs: none is to be edited
                os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & 0o444)

    def add(self, content: bytes | Path, digest: str, *, where: str | None = None) -> bool:
        """Keep `content`, which must have this SHA-256; return whether anything was written.

        What is kept already is compared byte by byte and, where it was damaged, replaced.
        """
        where = where or (str(content) if isinstance(content, Path) else "the file")
        if self._has_same(content, digest):
            return False
        with self.incoming(digest, where=where) as incoming:
            for chunk in _chunks(content):
                incoming.write(chunk)
        return True

    def digests(self) -> Iterator[str]:
        """Yield the digest of each blob, in order."""
        for folder in _sorted_names(self.root):
            yield from filter(is_digest, _sorted_names(self.root / folder))

    def remove(self, digest: str) -> int:
        """Delete a blob and return how many bytes it had."""
        path = self.path(digest)
        with explain(path, "delete"):
            size = path.stat().st_size
            path.unlink()
        return size

    def clear_stale(self) -> None:
        """Delete what killed writers left behind."""
        for folder in _sorted_names(self.root):
            remove_stale(self.root / folder)

    def _has_same(self, content: bytes | Path, digest: str) -> bool:
        """Say whether the blob is there, equal to `content`, and both are as named.

        Comparing costs little beside hashing, so a damaged blob is noticed for next to nothing.
        """
        path = self.path(digest)
        if not is_plain_file(path):
            return False
        hashed = hashlib.sha256()
        with explain(path, "read"), open(path, "rb") as stored:
            for chunk in _chunks(content):
                if stored.read(len(chunk)) != chunk:
                    return False
                hashed.update(chunk)
            return not stored.read(1) and hashed.hexdigest() == digest


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with explain(content, "read"), open(content, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _sorted_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    with explain(folder, "read"):
        return sorted(os.listdir(folder))

"""The names in a local hub: each name and tag leads to the digest of a bundle.

    refs/<name>/@<tag>   {"digest": ..., "source": ..., "pushed": ...}
    pins/<digest>        {"name": ...}: kept whatever becomes of the names
    log                  a line for each name that was changed, written before the change

No part of a name may begin with @, so a tag's file never stands in a name's way. The log tells
an index what to read again; its first line says which log it is, since a new one may replace it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.blobs import is_digest
from zoo.hub.names import LATEST, check_name, check_tag, is_name, is_tag
from zoo.storage import strict_json
from zoo.storage.files import explain, write_atomically

_MARK = "@"
_SLASH = "%2F"  # in a tag's file name; no tag has a % of its own
_MOST = 1 << 16  # bytes


@dataclass(frozen=True, slots=True)
class Ref:
    """A name and a tag, the digest of the bundle that they mean, and where it came from.

    `source` is a remote hub's exact reference, empty for what was made here. `pushed` is a time
    in UTC, as ISO 8601.
    """

    name: str
    tag: str
    digest: str
    source: str = ""
    pushed: str = ""

    @property
    def text(self) -> str:
        """The reference that a user writes."""
        return self.name if self.tag == LATEST else f"{self.name}@{self.tag}"


class RefStore:
    """The names and pins below a hub's root. Whoever writes holds the hub's lock."""

    def __init__(self, root: Path) -> None:
        self.refs, self.pins, self.log = root / "refs", root / "pins", root / "log"

    def get(self, name: str, tag: str = LATEST) -> Ref | None:
        """Return what a name and a tag mean, None where there is no such name or tag."""
        path = self._path(name, tag)
        with explain(path, "read"):
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return _read(path, data, name, tag)

    def tags(self, name: str) -> list[Ref]:
        """Return all tags of a name, the oldest first."""
        folder = self.refs / check_name(name)
        tags = [_tag(file) for file in _listed(folder) if file.startswith(_MARK)]
        found = [self.get(name, tag) for tag in tags if is_tag(tag)]
        return sorted((ref for ref in found if ref), key=lambda ref: (ref.pushed, ref.tag))

    def names(self) -> Iterator[str]:
        """Yield each name that has a tag, in order."""
        for folder, folders, files in os.walk(self.refs):
            folders.sort()
            name = Path(folder).relative_to(self.refs).as_posix()
            if any(file.startswith(_MARK) for file in files) and is_name(name):
                yield name

    def all(self) -> Iterator[Ref]:
        """Yield every name's tags; raise `ZooError` at the first file that is damaged."""
        for name in self.names():
            yield from self.tags(name)

    def put(self, ref: Ref) -> None:
        """Have a name and a tag mean a digest, from now on."""
        path = self._path(ref.name, ref.tag)
        self._note(ref.name)
        stamped = asdict(ref) | {"pushed": ref.pushed or datetime.now(UTC).isoformat()}
        del stamped["name"], stamped["tag"]
        write_atomically(path, strict_json.dumps(stamped, compact=True))

    def remove(self, ref: Ref) -> None:
        """Forget a tag, and its name where that was the last."""
        path = self._path(ref.name, ref.tag)
        self._note(ref.name)
        with explain(path, "delete"):
            path.unlink(missing_ok=True)
        for folder in (path.parent, *path.parent.parents):
            if folder == self.refs:
                break
            with suppress(OSError):  # it is not empty
                folder.rmdir()

    def pin(self, digest: str, name: str) -> None:
        """Keep a bundle, whatever becomes of its names."""
        write_atomically(self.pins / digest, strict_json.dumps({"name": name}, compact=True))

    def unpin(self, digest: str) -> None:
        """Keep a bundle only as long as a name leads to it."""
        with explain(self.pins / digest, "delete"):
            (self.pins / digest).unlink(missing_ok=True)

    def pinned(self) -> dict[str, str]:
        """Return the digest of each pinned bundle, and the name by which it was pinned."""
        found = {}
        for digest in filter(is_digest, _listed(self.pins)):
            path = self.pins / digest
            with explain(path, "read"):
                value = strict_json.loads(path.read_bytes(), str(path), max_bytes=_MOST)
            found[digest] = str(value.get("name", "")) if isinstance(value, dict) else ""
        return found

    def log_position(self) -> tuple[str, int]:
        """Return which log it is, by its first line, and its size in bytes; ("", 0) without one."""
        with explain(self.log, "read"):
            try:
                with open(self.log, "rb") as file:
                    return file.readline(_MOST).decode(errors="replace"), file.seek(0, os.SEEK_END)
            except FileNotFoundError:
                return "", 0

    def changed_since(self, position: int) -> set[str]:
        """Return the names that the log tells of after its first `position` bytes."""
        with explain(self.log, "read"), open(self.log, "rb") as file:
            file.seek(position)
            lines = file.read().decode(errors="replace").splitlines()
        return {line for line in lines if is_name(line)}

    def renew_log(self) -> None:
        """Begin a new log, so that it does not grow for ever; indices are built anew."""
        write_atomically(self.log, f"log {secrets.token_hex(8)}\n")

    def _note(self, name: str) -> None:
        """Say in the log that a name is about to be changed.

        The line begins with a line break: a writer killed half-way may have left it without one.
        """
        with explain(self.log):
            if not self.log.exists():
                self.renew_log()
            with open(self.log, "ab") as file:
                file.write(f"\n{name}\n".encode())
                file.flush()
                os.fsync(file.fileno())

    def _path(self, name: str, tag: str) -> Path:
        return self.refs / check_name(name) / (_MARK + check_tag(tag).replace("/", _SLASH))


def _tag(file: str) -> str:
    return file.removeprefix(_MARK).replace(_SLASH, "/")


def _listed(folder: Path) -> list[str]:
    with explain(folder, "read"):
        try:
            return sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []


def _read(path: Path, data: bytes, name: str, tag: str) -> Ref:
    match strict_json.loads(data, str(path), max_bytes=_MOST):
        case {"digest": str(digest), "source": str(source), "pushed": str(pushed)} if is_digest(
            digest
        ):
            return Ref(name, tag, digest, source, pushed)
    raise ZooError(f"{path} is damaged: it names no digest", "Push or pull the agent again")

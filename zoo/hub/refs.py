"""The names in a local hub: each name and tag leads to the digest of a bundle.

    refs/<name>/@tags   {<tag>: {"digest": ..., "source": ..., "pushed": ...}}
    pins/<digest>       {"name": ...}: kept whatever becomes of the names
    log                 a line for each name that was changed, written before the change

All tags of a name stand in one file, so that a push sets its version and `latest` in one step.
No part of a name may begin with @, so that file never stands in a name's way. The log tells an
index what to read again; its first line says which log it is, since a new one may replace it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.blobs import FETCH_AGAIN, is_digest
from zoo.hub.names import LATEST, check_name, check_tag, is_name, is_tag
from zoo.storage import strict_json
from zoo.storage.files import explain, write_atomically

_TAGS = "@tags"
_MOST = 16 << 20  # bytes


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
        check_tag(tag)
        return self._read(name).get(tag)

    def tags(self, name: str) -> list[Ref]:
        """Return all tags of a name, the oldest first."""
        return sorted(self._read(name).values(), key=lambda ref: (ref.pushed, ref.tag))

    def names(self) -> Iterator[str]:
        """Yield each name that has a tag, in order."""
        for folder, folders, files in os.walk(self.refs):
            folders.sort()
            name = Path(folder).relative_to(self.refs).as_posix()
            if _TAGS in files and is_name(name):
                yield name

    def all(self) -> Iterator[Ref]:
        """Yield every name's tags; raise `ZooError` at the first file that is damaged."""
        for name in self.names():
            yield from self.tags(name)

    def put(self, name: str, tags: Iterable[str], digest: str, source: str = "") -> None:
        """Have a name with these tags mean a digest from now on, with all of them at once."""
        pushed = datetime.now(UTC).isoformat()
        new = {check_tag(tag): Ref(name, tag, digest, source, pushed) for tag in tags}
        if new:
            self._write(name, self._read(name) | new)

    def remove(self, name: str, tags: Collection[str]) -> None:
        """Forget tags of a name, and the name with the last of them."""
        left = {tag: ref for tag, ref in self._read(name).items() if tag not in tags}
        self._write(name, left)

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
        write_atomically(self.log, _first_line())

    def _note(self, name: str) -> None:
        """Say in the log that a name is about to be changed.

        The line begins with a line break: a writer killed half-way may have left it without one.
        """
        with explain(self.log):
            begin = "" if self.log.exists() else _first_line()
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with open(self.log, "ab") as file:
                file.write(f"{begin}\n{name}\n".encode())
                file.flush()
                os.fsync(file.fileno())

    def _path(self, name: str) -> Path:
        return self.refs / check_name(name) / _TAGS

    def _read(self, name: str) -> dict[str, Ref]:
        path = self._path(name)
        with explain(path, "read"):
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return {}
        value = strict_json.loads(data, str(path), max_bytes=_MOST)
        if not isinstance(value, dict):
            raise _damaged(path)
        return {tag: _ref(path, name, tag, entry) for tag, entry in value.items()}

    def _write(self, name: str, refs: dict[str, Ref]) -> None:
        path = self._path(name)
        self._note(name)
        if refs:
            value = {
                tag: {"digest": ref.digest, "source": ref.source, "pushed": ref.pushed}
                for tag, ref in refs.items()
            }
            write_atomically(path, strict_json.dumps(value, compact=True))
            return
        with explain(path, "delete"):
            path.unlink(missing_ok=True)
        for folder in (path.parent, *path.parent.parents):
            if folder == self.refs:
                break
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def _first_line() -> str:
    return f"log {secrets.token_hex(8)}\n"


def _listed(folder: Path) -> list[str]:
    with explain(folder, "read"):
        try:
            return sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []


def _ref(path: Path, name: str, tag: str, entry: object) -> Ref:
    match entry:
        case {"digest": str(digest), "source": str(source), "pushed": str(pushed)}:
            if is_digest(digest) and is_tag(tag):
                return Ref(name, tag, digest, source, pushed)
    raise _damaged(path)


def _damaged(path: Path) -> ZooError:
    return ZooError(f"{path} is damaged: it does not say what its tags mean", FETCH_AGAIN)

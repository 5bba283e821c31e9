"""The commits, branches and tags of one repository, as small files.

    repository.json            private, gated
    commits/<oid>.json         what a commit holds: files by path, parent, title, author, date
    refs/heads/<branch>        the branch's commit
    refs/tags/<tag>            the tag's commit

A commit's file is written first and its branch last, each at once, so that a push that is
killed leaves the repository as it was. A commit's oid is the SHA-1 of its file, as git's are of
theirs; what vouches for a file's content is its SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from zoo.errors import ZooError
from zoo.hub.server.names import MAIN
from zoo.hub.server.refusals import Refusal
from zoo.storage import strict_json
from zoo.storage.files import explain, is_plain_file, is_temporary, write_atomically

HEADS, TAGS = "heads", "tags"
_SETTINGS = "repository.json"
_VERSION = 1
_MAX_RECORD = 32 << 20
_PATIENCE = 60.0  # seconds to wait for another commit to the same repository


class File(NamedTuple):
    """A file of a commit: the SHA-256 of its content, and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Commit:
    """What a repository held at one time."""

    oid: str
    files: Mapping[str, File]
    parent: str | None = None
    title: str = ""
    message: str = ""
    author: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a branch stands. `seen` is the agent that the local hub had before that commit."""

    commit: str
    seen: str | None = None


class History:
    """One repository's folder. Its methods raise `ZooError` for a folder that is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        return is_plain_file(self.folder / _SETTINGS)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one commit at a time through, of all processes."""
        place = self.folder.parent
        with explain(place):
            place.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(place / f".{self.folder.name}.lock", timeout=_PATIENCE):
                yield
        except Timeout:
            raise Refusal(503, "another commit to this repository takes too long") from None

    def settings(self) -> dict[str, bool]:
        """Return `private` and `gated`, both False where nothing was ever set."""
        value = _read(self.folder / _SETTINGS) if self.exists else {}
        return {key: value.get(key) is True for key in ("private", "gated")}

    def write_settings(self, **settings: bool) -> None:
        content = {"format_version": _VERSION} | self.settings() | settings
        write_atomically(self.folder / _SETTINGS, strict_json.dumps(content))

    def commit(self, oid: str) -> Commit | None:
        """Return a commit of this repository; None where it is none."""
        path = self.folder / "commits" / f"{oid}.json"
        if not is_plain_file(path):
            return None
        value = _read(path)
        try:
            files = {name: File(*entry) for name, entry in value["files"].items()}
            texts = {key: value[key] for key in ("title", "message", "author", "date")}
            return Commit(oid, files, value["parent"], **texts)
        except (KeyError, TypeError, AttributeError) as error:
            raise ZooError(f"{path} is damaged", "Restore it from a backup") from error

    def add_commit(
        self,
        files: Mapping[str, File],
        parent: str | None,
        *,
        title: str,
        message: str,
        author: str,
    ) -> Commit:
        """Write a commit that no branch names yet."""
        texts = {"title": title, "message": message, "author": author, "date": moment()}
        record = {"format_version": _VERSION, "parent": parent, **texts}
        listed = {name: list(files[name]) for name in sorted(files)}
        data = strict_json.dumps(record | {"files": listed}, compact=True)
        oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        write_atomically(self.folder / "commits" / f"{oid}.json", data)
        return Commit(oid, files, parent, **texts)

    def head(self, branch: str = MAIN) -> Head | None:
        value = self._ref(HEADS, branch)
        return None if value is None else Head(value["commit"], value.get("seen"))

    def set_head(self, branch: str, head: Head) -> None:
        content = strict_json.dumps({"commit": head.commit, "seen": head.seen})
        write_atomically(self._ref_path(HEADS, branch), content)

    def tag(self, name: str) -> str | None:
        value = self._ref(TAGS, name)
        return None if value is None else value["commit"]

    def set_tag(self, name: str, oid: str) -> None:
        write_atomically(self._ref_path(TAGS, name), strict_json.dumps({"commit": oid}))

    def remove_ref(self, kind: str, name: str) -> bool:
        with suppress(FileNotFoundError):
            self._ref_path(kind, name).unlink()
            return True
        return False

    def refs(self, kind: str) -> dict[str, str]:
        """Return the branches or the tags, with their commits."""
        folder = self.folder / "refs" / kind
        names = sorted(folder.iterdir()) if folder.is_dir() else []
        found = {}
        for path in names:
            if not is_temporary(path.name) and (value := self._ref(kind, unquote(path.name))):
                found[unquote(path.name)] = value["commit"]
        return found

    def _ref_path(self, kind: str, name: str) -> Path:
        return self.folder / "refs" / kind / quote(name, safe="")

    def _ref(self, kind: str, name: str) -> dict[str, Any] | None:
        path = self._ref_path(kind, name)
        if not is_plain_file(path):
            return None
        value = _read(path)
        if not isinstance(value.get("commit"), str):
            raise ZooError(f"{path} is damaged", "Restore it from a backup")
        return value


def is_folder_name(name: str) -> bool:
    """Say whether a folder may be a repository's or a namespace's: nothing hidden or unfinished."""
    return not name.startswith(".") and not is_temporary(name)


def moment(text: str = "") -> str:
    """Return a time, by default the present one, in the only form that the client reads."""
    time = datetime.fromisoformat(text) if text else datetime.now(UTC)
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _read(path: Path) -> dict[str, Any]:
    with explain(path, "read"):
        data = path.read_bytes()
    value = strict_json.loads(data, str(path), max_bytes=_MAX_RECORD)
    if not isinstance(value, dict):
        raise ZooError(f"{path} is damaged", "Restore it from a backup")
    return value

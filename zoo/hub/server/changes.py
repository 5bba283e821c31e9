"""A commit as the client sends it, lines of JSON, turned into a change of files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.hub.server.history import File
from zoo.hub.server.names import check_path
from zoo.hub.server.refusals import Refusal, no_entry, too_large, wrong
from zoo.hub.server.repository import Repository
from zoo.hub.server.requests import LONGEST_COMMIT
from zoo.storage import strict_json

MOST_FILES = 10_000  # in a repository
_LONGEST_TITLE, _LONGEST_MESSAGE = 500, 20_000  # characters


@dataclass
class Change:
    """What a commit changes: files by path, None for those that go."""

    title: str = ""
    message: str = ""
    parent: str | None = None
    files: dict[str, File | None] = field(default_factory=dict)


def read_commit(data: bytes, repository: Repository, branch: str, max_size: int) -> Change:
    """Return the change that lines of JSON describe; the content that stands in them is kept.

    Nothing names it yet: a refused commit leaves the repository as it was.
    """
    change, old = Change(), repository.commit(branch).files
    lines = [line for line in data.split(b"\n") if line.strip()]
    for line in lines:
        value = strict_json.loads(line, "the commit", max_bytes=LONGEST_COMMIT)
        match value:
            case {"key": "header", "value": dict(head)}:
                _read_head(change, head)
            case {"key": "file", "value": dict(file)}:
                change.files[check_path(file.get("path"))] = _kept(repository, file, max_size)
            case {"key": "lfsFile", "value": dict(file)}:
                change.files[check_path(file.get("path"))] = _uploaded(repository, file)
            case {"key": "deletedFile", "value": {"path": path}}:
                change.files.update(_deleted(old, check_path(path), folder=False))
            case {"key": "deletedFolder", "value": {"path": str(path)}}:
                change.files.update(_deleted(old, check_path(path.rstrip("/")), folder=True))
            case _:
                raise wrong("a line of the commit is not understood")
    if not change.title:
        raise wrong("the commit has no summary")
    _check_names({p for p in old if change.files.get(p, old[p])} | _added(change))
    return change


def _added(change: Change) -> set[str]:
    return {path for path, file in change.files.items() if file is not None}


def _read_head(change: Change, head: Mapping[str, Any]) -> None:
    title, message = head.get("summary"), head.get("description") or ""
    parent = head.get("parentCommit")
    if not isinstance(title, str) or not isinstance(message, str):
        raise wrong("the commit has no summary")
    if parent is not None and not isinstance(parent, str):
        raise wrong("the commit's parent is no text")
    change.title, change.message = _shown(title, _LONGEST_TITLE), _shown(message, _LONGEST_MESSAGE)
    change.parent = parent


def _shown(text: str, longest: int) -> str:
    """Return the beginning of a text, without halves of characters, which no answer can hold."""
    return text[:longest].encode(errors="replace").decode()


def _kept(repository: Repository, file: Mapping[str, Any], max_size: int) -> File:
    """Keep a file whose content stands in the commit."""
    try:
        content = base64.b64decode(str(file.get("content", "")), validate=True)
    except ValueError:  # binascii.Error, or characters beyond ASCII
        raise wrong(f"the content of {file.get('path')} is not base64") from None
    if len(content) > max_size:
        raise too_large(str(file.get("path")), max_size)
    digest = hashlib.sha256(content).hexdigest()
    repository.hub.blobs.add(content, digest)
    return File(digest, len(content))


def _uploaded(repository: Repository, file: Mapping[str, Any]) -> File:
    """Return a large file, sure that its content was uploaded."""
    oid, path = str(file.get("oid", "")), str(file.get("path"))
    if oid not in repository.hub.blobs:
        raise Refusal(422, f"the content of {path} was never uploaded")
    size = repository.hub.blobs.path(oid).stat().st_size
    if file.get("size", size) != size:
        raise wrong(f"{path} has another size")
    return File(oid, size)


def _deleted(old: Mapping[str, File], path: str, *, folder: bool) -> dict[str, File | None]:
    gone = [p for p in old if (p.startswith(f"{path}/") if folder else p == path)]
    if not gone:
        raise no_entry(f"{path}: A file with this name doesn't exist")
    return dict.fromkeys(gone)


def _check_names(paths: set[str]) -> None:
    """Refuse what could not lie in one directory: too many files, a file below a file."""
    if len(paths) > MOST_FILES:
        raise wrong(f"a repository may have {MOST_FILES} files")
    for path in paths:
        parts = path.split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if both := sorted(above & paths):
            raise wrong(f"{both[0]} would be a file and a folder")

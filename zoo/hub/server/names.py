"""What repositories, branches and files may be called, so that no name is a way out."""

from __future__ import annotations

import re

from zoo.hub.server.refusals import wrong

MAIN = "main"
_REPOSITORY = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_DEEP = 16


def check_repository(name: str) -> str:
    """Return `namespace/name`, the only form a repository's name has here; else refuse."""
    parts = name.split("/")
    fits = len(parts) == 2 and all(map(_REPOSITORY.fullmatch, parts))
    if not fits or "--" in name or ".." in name or name.endswith(".git"):
        raise wrong(f"{name!r} is not the name of a repository, such as team/cartpole")
    return name


def check_ref(name: str) -> str:
    """Return the name of a branch or a tag, sure that it is no commit and no path; else refuse."""
    if not _REF.fullmatch(name) or ".." in name or len(name) > 100 or is_commit(name):
        raise wrong(f"{name!r} is not the name of a branch or a tag")
    return name


def check_path(path: object) -> str:
    """Return a file's path inside a repository, sure that it stays inside on any system."""
    if not isinstance(path, str) or not 0 < len(path.encode(errors="replace")) <= 1024:
        raise wrong("a file's path is missing or too long")
    parts = path.split("/")
    if len(parts) > _MOST_DEEP or not all(map(_is_segment, parts)):
        raise wrong(f"{path!r} is not a path inside a repository")
    return path


def is_commit(revision: str) -> bool:
    return bool(_COMMIT.fullmatch(revision))


def _is_segment(part: str) -> bool:
    return (
        0 < len(part.encode(errors="replace")) <= 255
        and part.isprintable()
        and part not in (".", "..")
        and part.lower() != ".git"
        and not set(part) & set('\\:*?"<>|')
        and not part.endswith((" ", "."))
    )

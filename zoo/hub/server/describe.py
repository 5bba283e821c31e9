"""Repositories, files and commits in the words of the Hugging Face Hub's interface."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from zoo.hub.server.cards import README, card_of
from zoo.hub.server.history import Commit, File
from zoo.hub.server.repository import Repository

_PIPELINE = "reinforcement-learning"


def model(repository: Repository, commit: Commit, *, sizes: bool = False) -> dict[str, Any]:
    """Return what `model_info` tells of a repository, with the files' `sizes` if asked."""
    card = card_of_commit(repository, commit)
    settings = repository.history.settings()
    return {
        "_id": repository.name,
        "id": repository.name,
        "modelId": repository.name,
        "author": repository.namespace,
        "sha": commit.oid,
        "lastModified": commit.date,
        "createdAt": commit.date,
        "private": settings["private"],
        "gated": "manual" if settings["gated"] else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": tags(card),
        "pipeline_tag": pipeline(card),
        "library_name": card.get("library_name"),
        "cardData": card,
        "model-index": card.get("model-index"),
        "siblings": [
            {"rfilename": path, **(_sizes(file) if sizes else {})}
            for path, file in sorted(commit.files.items())
        ],
    }


def card_of_commit(repository: Repository, commit: Commit) -> dict[str, Any]:
    """Return the metadata in a commit's README.md."""
    readme = commit.files.get(README)
    return card_of(repository.hub.blobs.path(readme.sha256)) if readme else {}


def tags(card: dict[str, Any]) -> list[str]:
    """Return all by which a repository is found: its tags, its library and its task."""
    given = card.get("tags")
    listed = [tag for tag in given if isinstance(tag, str)] if isinstance(given, list) else []
    more = (card.get("library_name"), pipeline(card))
    return list(dict.fromkeys([*listed, *(tag for tag in more if isinstance(tag, str))]))


def pipeline(card: dict[str, Any]) -> str | None:
    """Return the task that the card names, by itself or among its tags."""
    named = card.get("pipeline_tag")
    if isinstance(named, str):
        return named
    given = card.get("tags")
    return _PIPELINE if isinstance(given, list) and _PIPELINE in given else None


def tree(commit: Commit, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """Return the files and folders below `folder`, "" for all, as `list_repo_tree` reads them."""
    prefix = f"{folder}/" if folder else ""
    below = {path: file for path, file in commit.files.items() if path.startswith(prefix)}
    entries = []
    for path in sorted({*below, *_folders(below, prefix)}):
        if recursive or "/" not in path[len(prefix) :]:
            entries.append(entry(path, below.get(path)))
    return entries


def paths_info(commit: Commit, paths: Iterable[str]) -> list[dict[str, Any]]:
    """Return the entries of those paths that exist."""
    folders = set(_folders(commit.files, ""))
    known = (path.strip("/") for path in paths)
    return [entry(p, commit.files.get(p)) for p in known if p in commit.files or p in folders]


def entry(path: str, file: File | None) -> dict[str, Any]:
    """Return a line of a tree: a file, or a folder where there is no file.

    To the client every file is a large one, whose name is the SHA-256 of its content.
    """
    if file is None:
        oid = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
        return {"type": "directory", "path": path, "size": 0, "oid": oid}
    text = pointer(file)
    lfs = {"oid": file.sha256, "size": file.size, "pointerSize": len(text)}
    return {"type": "file", "path": path, "size": file.size, "oid": git_oid(text), "lfs": lfs}


def log_entry(commit: Commit) -> dict[str, Any]:
    """Return a commit as `list_repo_commits` reads it."""
    return {
        "id": commit.oid,
        "title": commit.title,
        "message": commit.message,
        "authors": [{"user": commit.author or "local"}],
        "date": commit.date,
    }


def pointer(file: File) -> bytes:
    """Return what git itself keeps in the place of a large file."""
    version = "version https://git-lfs.github.com/spec/v1"
    return f"{version}\noid sha256:{file.sha256}\nsize {file.size}\n".encode()


def git_oid(content: bytes) -> str:
    """Return the name that git gives to a file of this content."""
    data = b"blob %d\0%s" % (len(content), content)
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _sizes(file: File) -> dict[str, Any]:
    text = pointer(file)
    lfs = {"sha256": file.sha256, "size": file.size, "pointerSize": len(text)}
    return {"size": file.size, "blobId": git_oid(text), "lfs": lfs}


def _folders(paths: Iterable[str], prefix: str) -> Iterator[str]:
    for path in paths:
        parts = path[len(prefix) :].split("/")[:-1]
        for count in range(1, len(parts) + 1):
            yield prefix + "/".join(parts[:count])

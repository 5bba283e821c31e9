"""What goes into a commit."""

from __future__ import annotations

from huggingface_hub import CommitOperationAdd


def add(path: str, content: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)

"""What the server answers where it will not do what was asked, in words the client understands.

The Hugging Face client makes typed exceptions of the header `X-Error-Code`, and shows the text
of `X-Error-Message`.
"""

from __future__ import annotations

from zoo.errors import ZooError


class Refusal(ZooError):
    """A request that is not fulfilled: an HTTP status, the client's error code, a reason."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class RepositoryExists(Refusal):
    """A new repository's name is taken; the client wants to know where the old one is."""

    def __init__(self, name: str) -> None:
        super().__init__(409, f"You already created this model repo: {name}")
        self.name = name


def no_repository(name: str, *, anonymous: bool) -> Refusal:
    """Refuse a repository that is absent, or private: strangers cannot tell which."""
    return Refusal(401 if anonymous else 404, f"Repository not found: {name}", "RepoNotFound")


def no_revision(revision: str) -> Refusal:
    return Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_entry(path: str) -> Refusal:
    return Refusal(404, f"Entry not found: {path}", "EntryNotFound")


def wrong(message: str) -> Refusal:
    return Refusal(400, message)


def too_large(what: str, limit: int) -> Refusal:
    return Refusal(413, f"{what} is larger than the {limit} bytes that this server takes")


def stale(parent: str, head: str) -> Refusal:
    return Refusal(412, f"A commit has happened since: the parent is {parent}, the head {head}")

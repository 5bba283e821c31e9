"""Who may write, and who may see what is private: bearer tokens, of which only hashes are kept.

A token is 32 random bytes, so its SHA-256 gives nothing away and needs no salt. It is shown
once, when it is made.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from zoo.errors import ZooError, did_you_mean
from zoo.hub.server.refusals import Refusal
from zoo.storage import strict_json
from zoo.storage.files import explain, write_atomically

TOKENS = ".tokens.json"
"""Where a served hub keeps them: hidden, so that a new hub may lie beside it."""
VARIABLE = "ZOO_HUB_SERVER_TOKEN"
"""Names the environment variable that holds one more token, which may write everywhere."""

_VERSION = 1
_MAX_BYTES = 4 << 20
_SHORTEST = 16  # characters; of a token that somebody chose
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class User:
    """Whose token it is. No `namespaces` means all of them."""

    name: str
    can_write: bool = False
    namespaces: tuple[str, ...] = ()

    def sees(self, namespace: str) -> bool:
        """Say whether the private repositories of a namespace are this user's to read."""
        return not self.namespaces or namespace in self.namespaces

    def writes(self, namespace: str) -> bool:
        return self.can_write and self.sees(namespace)


class Tokens:
    """The users by their tokens' hashes. A changed file counts at once: a revoked token is dead."""

    def __init__(self, path: Path | None = None, token: str = "") -> None:
        """Take the tokens of a file made by `add_token`, and one more that may write everywhere.

        Raises `ZooError` for a file that is damaged and for a token that is easily guessed.
        """
        if token and len(token) < _SHORTEST:
            raise ZooError(
                f"the token in {VARIABLE} has fewer than {_SHORTEST} characters",
                "Make a random one with: zoo hub token add NAME",
            )
        self._path = path
        self._chosen = {_hash(token): User("admin", can_write=True)} if token else {}
        self._stamp: object = None
        self._users: dict[str, User] = {}
        self._refresh()

    def __bool__(self) -> bool:
        return bool(self._users)

    def user(self, authorization: str | None) -> User | None:
        """Return whom the header `Authorization` names, None without it.

        A token that is unknown is refused, so that a mistyped one is not taken for no token.
        """
        if not authorization:
            return None
        scheme, _, token = authorization.partition(" ")
        self._refresh()
        user = self._users.get(_hash(token.strip())) if scheme.lower() == "bearer" else None
        if user is None:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return user

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if self._users and stamp == self._stamp:
            return
        entries = _read(self._path) if self._path is not None and stamp else []
        self._users = {
            entry["sha256"]: User(entry["name"], entry["write"], tuple(entry["namespaces"]))
            for entry in entries
        } | self._chosen
        self._stamp = stamp


def add_token(path: Path, name: str, *, write: bool = True, namespaces: Iterable[str] = ()) -> str:
    """Make a token for `name` and return it; the file at `path` keeps its hash only."""
    if not _NAME.fullmatch(name):
        raise ZooError(f"{name!r} cannot be a user's name", "Use letters, digits, ., _ and -")
    spaces = list(namespaces)
    if odd := [space for space in spaces if not _NAME.fullmatch(space)]:
        raise ZooError(f"{odd[0]!r} cannot be a namespace", "Give the part before the / of a name")
    token = f"zoo_{secrets.token_urlsafe(32)}"
    with _locked(path):
        entries = _read(path) if path.exists() else []
        if any(entry["name"] == name for entry in entries):
            raise ZooError(f"{name} has a token already", f"Revoke it: zoo hub token rm {name}")
        entry = {"name": name, "sha256": _hash(token), "write": write, "namespaces": spaces}
        _write(path, [*entries, entry])
    return token


def remove_token(path: Path, name: str) -> None:
    """Revoke the token of `name`."""
    with _locked(path):
        entries = list_tokens(path)
        kept = [entry for entry in entries if entry["name"] != name]
        if len(kept) == len(entries):
            names = [entry["name"] for entry in entries]
            raise ZooError(f"{name} has no token", did_you_mean(name, names))
        _write(path, kept)


def list_tokens(path: Path) -> list[dict[str, Any]]:
    """Return what the file knows of each token: name, write, namespaces and the hash."""
    return _read(path) if path.exists() else []


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _stamp(path: Path | None) -> object:
    try:
        found = os.stat(path) if path is not None else None
    except OSError:
        return None
    return found and (found.st_mtime_ns, found.st_size, found.st_ino)


def _locked(path: Path) -> FileLock:
    with explain(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_name(f".{path.name}.lock"), timeout=10)


def _read(path: Path) -> list[dict[str, Any]]:
    with explain(path, "read"):
        data = path.read_bytes()
    value = strict_json.loads(data, str(path), max_bytes=_MAX_BYTES)
    match value:
        case {"format_version": 1, "tokens": list(entries)} if all(map(_is_entry, entries)):
            return entries
    raise ZooError(f"{path} holds no tokens", "Make it anew with: zoo hub token add NAME")


def _is_entry(entry: Any) -> bool:
    match entry:
        case {
            "name": str(), "sha256": str(), "write": bool(), "namespaces": list(spaces)
        }:  # fmt: skip
            return all(isinstance(space, str) for space in spaces)
    return False


def _write(path: Path, entries: list[dict[str, Any]]) -> None:
    content = strict_json.dumps({"format_version": _VERSION, "tokens": entries})
    write_atomically(path, content)
    with explain(path):
        path.chmod(0o600)

"""How agents are named: `scheme:name@tag` or `name@sha256:digest`, taken apart and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass

from zoo.errors import ZooError

SHORTEST_DIGEST = 8
"""Hexadecimal digits: so few guard against mix-ups, only all 64 against a forger."""
LATEST = "latest"
"""The tag that the newest push has, and that a name without a tag means."""

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9-]+):(?P<rest>.*)")  # one letter would be a drive
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?")
_MOST_PARTS = 6
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in "123"}
"""What some systems take for a device instead of a file, whatever its ending."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference taken apart; a part that is not there is empty.

    `digest` is in small letters and perhaps only the beginning of one.
    """

    name: str
    scheme: str = ""
    tag: str = ""
    digest: str = ""


def parse(text: str) -> Reference:
    """Take a reference apart. Raises `ZooError` for a digest that is none; names stay unchecked."""
    match = _SCHEME.fullmatch(text)
    scheme, rest = (match["scheme"], match["rest"]) if match else ("", text)
    name, at, revision = rest.rpartition("@")
    if not at or not name:
        return Reference(rest, scheme)
    if not revision.startswith("sha256:"):
        return Reference(name, scheme, tag=revision)
    digest = revision.removeprefix("sha256:").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_DIGEST},64}}", digest):
        raise ZooError(
            f"{digest!r} is no SHA-256 digest",
            f"Give {SHORTEST_DIGEST} to 64 hexadecimal digits; `zoo models show` prints them",
        )
    return Reference(name, scheme, digest=digest)


def is_name(name: str) -> bool:
    """Say whether an agent in a hub may be called so: `team/walker`, no path tricks."""
    parts = name.split("/")
    return len(parts) <= _MOST_PARTS and all(map(_is_part, parts))


def is_tag(tag: str) -> bool:
    """Say whether a version may be called so: as a name, and slashes are allowed."""
    return is_name(tag)


def check_name(name: str) -> str:
    """Return `name`; raise `ZooError` where an agent may not be called so."""
    if not is_name(name):
        raise ZooError(
            f"{name[:100]!r} cannot be the name of an agent in a hub",
            "Use letters, digits, dots, dashes and underscores, with slashes between: team/walker",
        )
    return name


def check_tag(tag: str) -> str:
    """Return `tag`; raise `ZooError` where a version may not be called so."""
    if not is_tag(tag):
        raise ZooError(
            f"{tag[:100]!r} cannot be a tag", "Use letters, digits, dots, dashes and underscores"
        )
    return tag


def _is_part(part: str) -> bool:
    return bool(_PART.fullmatch(part)) and part.partition(".")[0].lower() not in _DEVICES

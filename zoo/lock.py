"""Lock the agents of a project: zoo.lock says which digest each of its references has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import ZooError
from zoo.hub.base import SECONDS, Progress, cached_name
from zoo.hub.blobs import is_digest
from zoo.hub.folder import FolderHub
from zoo.hub.local import LocalHub
from zoo.hub.names import LATEST, Reference, is_name, is_tag, parse
from zoo.hub.places import Place, open_hub
from zoo.hub.references import find
from zoo.pull import pull
from zoo.storage import strict_json
from zoo.storage.bundle import Bundle
from zoo.storage.files import explain, write_atomically

LOCK = "zoo.lock"
FORMAT = 1
_MOST = 16 << 20  # bytes


class Pin(NamedTuple):
    """The digest that a reference has in a project, and a remote hub's reference to fetch it."""

    digest: str
    source: str = ""


def lock(
    agents: Iterable[str] = (), *, file: str | Path = LOCK, runs: str | Path | None = None
) -> dict[str, Pin]:
    """Pin what each of `agents` means now in `file`, and return all pins that stand there.

    The other pins stay; without `agents` every one is renewed. Each pinned agent is kept in the
    local hub, so that it is still there when its name means another.
    Raises `ZooError` for an agent that is not on this machine, and for a path: others have none.
    """
    path = Path(file)
    pins = read_lock(path) if path.exists() else {}
    wanted = list(agents) or list(pins)
    if not wanted:
        raise ZooError(f"{path} pins nothing yet", "Name agents: zoo lock AGENT...")
    for text in wanted:
        key = _key(text)
        pins[key] = _keep(key, find(text, runs))
    pins = dict(sorted(pins.items()))
    listed = {key: {"sha256": pin.digest, "source": pin.source} for key, pin in pins.items()}
    write_atomically(path, strict_json.dumps({"format": FORMAT, "agents": listed}))
    return pins


def read_lock(file: str | Path = LOCK) -> dict[str, Pin]:
    """Return the pins in `file`; raise `ZooError` where it is absent or no lock file."""
    path = Path(file)
    with explain(path, "read"):
        data = path.read_bytes()
    match strict_json.loads(data, str(path), max_bytes=_MOST):
        case {"format": int(version)} if version > FORMAT:
            raise ZooError(
                f"{path} was written by a newer zoo (format {version}, this one reads {FORMAT})",
                "Upgrade with: pip install --upgrade agent-zoo",
            )
        case {"format": int(), "agents": dict(agents)}:
            return {name: _pin(path, name, entry) for name, entry in agents.items()}
    raise ZooError(f"{path} is no lock file", "Write it anew: zoo lock AGENT...")


def pull_locked(
    file: str | Path = LOCK,
    *,
    hub: Place = None,
    endpoint: str | None = None,
    timeout: float = SECONDS,
    progress: Progress | None = None,
) -> list[Bundle]:
    """Have the local hub's names mean exactly what `file` pins, and return those agents.

    What is not on this machine is fetched from where it came, or from `hub`. Every file is hashed
    again. Raises `ZooError`, and changes no name, where one of them cannot be had as it is pinned.
    """
    pins = read_lock(file)
    remote = {"endpoint": endpoint, "timeout": timeout, "progress": progress}
    found = {}
    for key, pin in pins.items():
        bundle = _on_this_machine(key, pin) or _fetch(key, pin, hub, remote)
        if bundle.digest != pin.digest:
            raise ZooError(
                f"{key} has the digest {bundle.digest}, not {pin.digest} as {file} pins it",
                f"Find the agent that was pinned, or pin this one: zoo lock {key}",
            )
        bundle.verify()
        found[key] = bundle
    return [_install(key, bundle, pins[key]) for key, bundle in found.items()]


def _key(text: str) -> str:
    """Return a reference without its digest; raise `ZooError` where others cannot follow it."""
    wanted = parse(text)
    if not _can_be_pinned(wanted):
        raise ZooError(
            f"{text} cannot be pinned: it is no name",
            "Push the agent first, and pin it by its name: zoo push",
        )
    scheme = f"{wanted.scheme}:" if wanted.scheme else ""
    return f"{scheme}{wanted.name}" + (f"@{wanted.tag}" if wanted.tag else "")


def _can_be_pinned(wanted: Reference) -> bool:
    return is_name(wanted.name) and (not wanted.tag or is_tag(wanted.tag))


def _local(key: str) -> tuple[str, str]:
    """Return the name and the tag that a pinned reference has in the local hub."""
    wanted = parse(key)
    name = cached_name(wanted.scheme, wanted.name) if wanted.scheme else wanted.name
    return name, wanted.tag or LATEST


def _keep(key: str, bundle: Bundle) -> Pin:
    """Keep an agent in the local hub by a pin, whatever its name means there."""
    hub, (name, _), wanted = LocalHub(), _local(key), parse(key)
    hub.add(bundle, name, ())
    hub.pin(bundle.digest, name)
    sources = [ref.source for ref in hub.refs.tags(name) if ref.digest == bundle.digest]
    source = next(filter(None, sources), "")
    if wanted.scheme and source:  # it may be an address, which `zoo pull` does not take
        source = f"{wanted.scheme}:{wanted.name}@{parse(source).tag}"
    return Pin(bundle.digest, source)


def _on_this_machine(key: str, pin: Pin) -> Bundle | None:
    try:
        bundle = find(f"{key}@sha256:{pin.digest}")
        bundle.verify()
    except ZooError:  # it is absent, or damaged and to be fetched again
        return None
    return bundle


def _fetch(key: str, pin: Pin, place: Place, remote: dict[str, Any]) -> Bundle:
    """Return the pinned agent from `place`, else from where it came."""
    if place is None and pin.source:
        return pull(pin.source, **remote)
    if place is None:
        raise ZooError(
            f"{key} is not on this machine, and the lock names no hub that has it",
            "Say which hub does: zoo pull --locked --hub HUB",
        )
    hub = open_hub(place, endpoint=remote["endpoint"], timeout=remote["timeout"])
    if isinstance(hub, LocalHub):
        return hub.bundle(pin.digest)
    if isinstance(hub, FolderHub):
        return hub.get(parse(key).name)
    return pull(parse(key).name, hub=place, **remote)


def _install(key: str, bundle: Bundle, pin: Pin) -> Bundle:
    hub, (name, tag) = LocalHub(), _local(key)
    installed = hub.add(bundle, name, [tag], source=pin.source)
    hub.pin(bundle.digest, name)
    return installed


def _pin(path: Path, key: str, entry: Any) -> Pin:
    """Return an entry of a lock file, checked; raise `ZooError` where something is wrong."""
    match entry:
        case {"sha256": str(digest), "source": str(source)} if is_digest(digest):
            is_key = _can_be_pinned(parse(key)) and _key(key) == key
            if is_key and (not source or parse(source).scheme):
                return Pin(digest, source)
    raise ZooError(f"{path} is damaged: the entry {key[:100]!r}", "Write it anew: zoo lock AGENT")

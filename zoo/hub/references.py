"""From a name to an agent, wherever on this machine it lies; never over the network.

    a path                                a bundle, or a run, whose best agent is meant
    sb3-ppo/CartPole-v1                   the newest run's agent, else the local hub's latest,
                                          else the one that ships
    sb3-ppo/CartPole-v1/<id or name>      that run's
    <id or name>                          that run's; the beginning of an id is enough
    <name>@<tag>                          that version in the local hub
    hf:<organisation>/<name>[@revision]   what was pulled from there into the local hub
    any of them + @sha256:<digest>        only the agent whose agent.json has this SHA-256

Of a run the best agent is taken; where none was evaluated, the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.agent import Agent
from zoo.errors import ZooError, did_you_mean
from zoo.hub.base import Entry, Query, cached_name
from zoo.hub.entries import entry_of
from zoo.hub.folder import FolderHub
from zoo.hub.local import LocalHub
from zoo.hub.names import LATEST, Reference, is_name, is_tag, parse
from zoo.plugin.registry import get_registry
from zoo.resources import shipped
from zoo.storage.bundle import Bundle, open_bundle
from zoo.storage.manifest import MANIFEST
from zoo.storage.runs import Run, is_run, list_runs, matching_runs, open_run

_PINNED = 16
"""Digits of a digest in a listing."""
_OTHERWISE = "`zoo models` lists the agents"


def find(reference: str | Path, runs: str | Path | None = None) -> Bundle:
    """Return the bundle that `reference` means, opened but not loaded.

    `runs` is where runs lie, by default `$ZOO_RUNS` or `./runs`. A digest picks among all
    agents of the name. Raises `ZooError` with suggestions where there is none.
    """
    text = str(reference)
    if path := _at_path(text):
        return open_bundle(path)
    wanted = parse(text)
    if wanted.scheme:
        return _find_pulled(text, wanted)
    if wanted.tag:
        return _find_tagged(text, wanted)
    if wanted.digest:
        return _find_pinned(wanted, runs)
    path = next(_candidates(wanted.name, runs), None)
    if path is None:
        raise _unknown(wanted.name, runs)
    return open_bundle(path)


def load(reference: str | Path | Bundle, runs: str | Path | None = None) -> Agent:
    """Return the agent that `reference` means, ready to act; its `origin` is its bundle.

    Errors are `find`'s, and those of a bundle that is damaged.
    """
    bundle = reference if isinstance(reference, Bundle) else find(reference, runs)
    return bundle.agent()


def list_agents(runs: str | Path | None = None) -> list[tuple[str, Entry | ZooError]]:
    """Return (reference, facts) of the runs' agents, the newest first, of the local hub's, and of
    those that ship.

    Where a reference would mean another agent that comes before, it holds the digest. In place
    of the facts about a damaged bundle stands its error.
    """
    trained = [(run, path) for run in list_runs(runs) if (path := _agent_of(run))]
    rows = [_row(_unambiguous(run, [other for other, _ in trained]), path) for run, path in trained]
    hidden = {f"{run.algorithm}/{run.env_id}" for run, _ in trained}
    pushed = LocalHub().search(Query())
    rows += [(_not_hidden(entry.ref, hidden, entry.digest), entry) for entry in pushed]
    hidden |= {entry.ref for entry in pushed}
    known = {(entry.ref, entry.digest) for entry in pushed}
    for ref, path in _shipped().agents():
        _, facts = _row(ref, path)
        digest = facts.digest if isinstance(facts, Entry) else None
        if (ref, digest) not in known:
            rows.append((_not_hidden(ref, hidden, digest), facts))
    return rows


def _find_pulled(text: str, wanted: Reference) -> Bundle:
    """Return what was pulled from a remote hub."""
    get_registry().hub(wanted.scheme)
    name, hub = cached_name(wanted.scheme, wanted.name), LocalHub()
    if wanted.digest and is_name(name):
        return _find_pinned(Reference(name, digest=wanted.digest), None)
    tag = wanted.tag or LATEST
    if not (is_name(name) and is_tag(tag) and hub.refs.get(name, tag)):
        raise ZooError(f"{text} is not on this machine", f"Fetch it with: zoo pull {text}")
    return hub.get(name, tag)


def _find_tagged(text: str, wanted: Reference) -> Bundle:
    if not is_name(wanted.name) or not is_tag(wanted.tag):
        raise ZooError(f"there is no agent {text!r}", _OTHERWISE)
    return LocalHub().get(wanted.name, wanted.tag)


def _find_pinned(wanted: Reference, runs: str | Path | None) -> Bundle:
    bundles = []
    for path in _candidates(wanted.name, runs):  # one after the other: the others may be damaged
        bundle = open_bundle(path)
        if bundle.digest.startswith(wanted.digest):
            return bundle
        bundles.append(bundle)
    if bundle_here := _by_whole_digest(wanted.digest):
        return bundle_here
    if not bundles:
        raise _unknown(wanted.name, runs)
    raise ZooError(
        f"{bundles[0].path} has the digest {bundles[0].digest}, not {wanted.digest}",
        "It is another agent than the one that was pinned, or it was changed since",
    )


def _by_whole_digest(digest: str) -> Bundle | None:
    """Return the local hub's bundle with this digest, though no name leads to it any more."""
    hub = LocalHub()
    is_here = len(digest) == 64 and digest in hub.blobs and hub.shelf.directory(digest).is_dir()
    return hub.bundle(digest) if is_here else None


def _candidates(name: str, runs: str | Path | None) -> Iterator[Path]:
    """Yield the bundles that `name` may mean, the one that is meant without a digest first."""
    if path := _at_path(name):
        yield path
        return
    for run in matching_runs(name, runs):
        if name != f"{run.algorithm}/{run.env_id}":
            yield _agent_or_say(run)
        elif agent := _agent_of(run):  # any run of both is meant, so one that has an agent
            yield agent
    yield from _pushed(name)
    for ref, agent in _shipped().agents():
        if name == ref:
            yield agent


def _at_path(name: str) -> Path | None:
    """Return the bundle at a path; None where there is neither a bundle nor a run."""
    path = Path(name).expanduser()
    if path.name == MANIFEST or (path / MANIFEST).exists():
        return path
    return _agent_or_say(open_run(path)) if is_run(path) else None


def _pushed(name: str) -> Iterator[Path]:
    """Yield the local hub's bundles of a name: the latest, the other versions, the pinned."""
    if not is_name(name):
        return
    hub = LocalHub()
    refs = sorted(reversed(hub.refs.tags(name)), key=lambda ref: ref.tag != LATEST)
    for ref in refs:
        yield hub.bundle(ref.digest).path
    for digest, pinned in hub.refs.pinned().items():
        if pinned == name:
            yield hub.bundle(digest).path


def _unambiguous(run: Run, runs: list[Run]) -> str:
    """Return the run's reference by name, or by id where an older or newer run shares it."""
    same = sum(other.ref == run.ref for other in runs)
    return run.ref if same == 1 else f"{run.algorithm}/{run.env_id}/{run.id}"


def _agent_of(run: Run) -> Path | None:
    return run.best or run.last


def _agent_or_say(run: Run) -> Path:
    agent = _agent_of(run)
    if agent is None:
        raise ZooError(
            f"run {run.id} has no agent yet",
            f"It keeps one at its first checkpoint; continue it with: zoo resume {run.id}",
        )
    return agent


def _shipped() -> FolderHub:
    return FolderHub(shipped("models"))


def _not_hidden(ref: str, hidden: set[str], digest: str | None) -> str:
    """Return a reference that means this agent, also where another one has the same name."""
    return f"{ref}@sha256:{digest[:_PINNED]}" if digest and ref in hidden else ref


def _row(ref: str, path: Path) -> tuple[str, Entry | ZooError]:
    """Return a line of a listing, where a bundle that is damaged must not hide the others."""
    try:
        bundle = open_bundle(path)
        for name in bundle.files:
            bundle.check_size(name)
        return ref, entry_of(ref, bundle)
    except ZooError as error:
        return ref, error


def _unknown(name: str, runs: str | Path | None) -> ZooError:
    path = Path(name).expanduser()
    if path.is_dir():
        return ZooError(f"{name} is no agent and no run: it has no {MANIFEST}", _OTHERWISE)
    if name.startswith((".", "/", "~")):
        return ZooError(f"there is no {name}", "Check the path")
    known = [*(ref for ref, _ in _shipped().agents()), *LocalHub().refs.names()]
    for run in list_runs(runs):
        family = f"{run.algorithm}/{run.env_id}"
        known += [
            text for text in (family, run.id, run.name, run.ref, f"{family}/{run.id}") if text
        ]
    return ZooError(f"there is no agent {name!r}", did_you_mean(name, known, otherwise=_OTHERWISE))

"""From a name to an agent, wherever on this machine it lies; never over the network.

    a path                                a bundle, or a run, whose best agent is meant
    sb3-ppo/CartPole-v1                   the newest run's agent, else the one that ships
    sb3-ppo/CartPole-v1/<id or name>      that run's
    <id or name>                          that run's; the beginning of an id is enough
    any of them + @sha256:<digest>        only the agent whose agent.json has this SHA-256

Of a run the best agent is taken; where none was evaluated, the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from zoo.agent import Agent
from zoo.errors import ZooError, did_you_mean
from zoo.resources import shipped
from zoo.storage.bundle import Bundle, open_bundle
from zoo.storage.manifest import MANIFEST
from zoo.storage.runs import Run, is_run, list_runs, matching_runs, open_run

SHORTEST_DIGEST = 8
"""Hexadecimal digits: so few guard against mix-ups, only all 64 against a forger."""
_PINNED = 16

_PIN = re.compile(r"(?P<name>.+)@sha256:(?P<digest>[^@]*)")
_OTHERWISE = "`zoo models` lists the agents"


def find(reference: str | Path, runs: str | Path | None = None) -> Bundle:
    """Return the bundle that `reference` means, opened but not loaded.

    `runs` is where runs lie, by default `$ZOO_RUNS` or `./runs`. A digest picks among all
    agents of the name. Raises `ZooError` with suggestions where there is none.
    """
    text = str(reference)
    if text.startswith("hf:"):
        raise ZooError(
            f"{text} lies on the Hugging Face Hub, which this version does not reach",
            "Download it yourself and give the directory's path",
        )
    pin = _PIN.fullmatch(text)
    if pin is None:
        path = next(_candidates(text, runs), None)
        if path is None:
            raise _unknown(text, runs)
        return open_bundle(path)
    return _find_pinned(pin["name"], pin["digest"].lower(), runs)


def load(reference: str | Path | Bundle, runs: str | Path | None = None) -> Agent:
    """Return the agent that `reference` means, ready to act; its `origin` is its bundle.

    Errors are `find`'s, and those of a bundle that is damaged.
    """
    bundle = reference if isinstance(reference, Bundle) else find(reference, runs)
    return bundle.agent()


def list_agents(runs: str | Path | None = None) -> list[tuple[str, Bundle | ZooError]]:
    """Return (reference, bundle) of each run's agent, the newest first, then of those that ship.

    Where a run hides an agent that ships, having the same algorithm and environment, the
    latter's reference holds its digest. In place of a damaged bundle stands its error.
    """
    trained = [(run, path) for run in list_runs(runs) if (path := _agent_of(run))]
    rows = [
        (_unambiguous(run, [other for other, _ in trained]), _opened(path)) for run, path in trained
    ]
    hidden = {f"{run.algorithm}/{run.env_id}" for run, _ in trained}
    for ref, path in _shipped_agents():
        bundle = _opened(path)
        if ref in hidden and isinstance(bundle, Bundle):
            rows.append((f"{ref}@sha256:{bundle.digest[:_PINNED]}", bundle))
        else:
            rows.append((ref, bundle))
    return rows


def _find_pinned(name: str, digest: str, runs: str | Path | None) -> Bundle:
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_DIGEST},64}}", digest):
        raise ZooError(
            f"{digest!r} is no SHA-256 digest",
            f"Give {SHORTEST_DIGEST} to 64 hexadecimal digits; `zoo models show` prints them",
        )
    bundles = []
    for path in _candidates(name, runs):  # one after the other: the others may be damaged
        bundle = open_bundle(path)
        if bundle.digest.startswith(digest):
            return bundle
        bundles.append(bundle)
    if not bundles:
        raise _unknown(name, runs)
    raise ZooError(
        f"{bundles[0].path} has the digest {bundles[0].digest}, not {digest}",
        "It is another agent than the one that was pinned, or it was changed since",
    )


def _candidates(name: str, runs: str | Path | None) -> Iterator[Path]:
    """Yield the bundles that `name` may mean, the one that is meant without a digest first."""
    path = Path(name).expanduser()
    if path.name == MANIFEST or (path / MANIFEST).exists():
        yield path
        return
    if is_run(path):
        yield _agent_or_say(open_run(path))
        return
    for run in matching_runs(name, runs):
        if name != f"{run.algorithm}/{run.env_id}":
            yield _agent_or_say(run)
        elif agent := _agent_of(run):  # any run of both is meant, so one that has an agent
            yield agent
    for ref, agent in _shipped_agents():
        if name == ref:
            yield agent


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


def _shipped_agents() -> Iterator[tuple[str, Path]]:
    """Yield the reference and the directory of each agent in `models/`."""
    for manifest in sorted(shipped("models").glob(f"*/*/{MANIFEST}")):
        folder = manifest.parent
        yield f"{folder.parent.name}/{folder.name.replace('__', '/')}", folder


def _opened(path: Path) -> Bundle | ZooError:
    """Open a bundle for a listing, where one that is damaged must not hide the others."""
    try:
        bundle = open_bundle(path)
        for name in bundle.files:
            bundle.check_size(name)
        _ = bundle.evaluation  # reads it
    except ZooError as error:
        return error
    return bundle


def _unknown(name: str, runs: str | Path | None) -> ZooError:
    path = Path(name).expanduser()
    if path.is_dir():
        return ZooError(f"{name} is no agent and no run: it has no {MANIFEST}", _OTHERWISE)
    if name.startswith((".", "/", "~")):
        return ZooError(f"there is no {name}", "Check the path")
    known = [ref for ref, _ in _shipped_agents()]
    for run in list_runs(runs):
        family = f"{run.algorithm}/{run.env_id}"
        known += [
            text for text in (family, run.id, run.name, run.ref, f"{family}/{run.id}") if text
        ]
    return ZooError(f"there is no agent {name!r}", did_you_mean(name, known, otherwise=_OTHERWISE))

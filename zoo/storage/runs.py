"""Runs on disk: the only module that knows where in a run's directory what lies.

runs/<algorithm>/<environment id, "/" as "__">/<id>/
    run.json          what was asked for, with which versions, and how it stands
    metrics.jsonl     a line per logged progress; metrics.csv the same as a table
    evaluations.jsonl a line per periodic evaluation: the learning curve; and as a table
    checkpoints/      what the run needs to continue exactly
    best/ last/       bundles: the agent that did best so far, and the newest one
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from zoo.errors import ZooError, did_you_mean
from zoo.storage import strict_json
from zoo.storage.files import (
    explain,
    new_directory,
    new_id,
    remove_directory,
    write_atomically,
    write_durably,
)

FORMAT = 1
RUN = "run.json"
SECONDS_FOR_LOCK = 2.0
MOST_BYTES = 16 << 20
RESTORE = "Delete the run, or restore it"
FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": int,
    "algorithm": str,
    "plugin": str,
    "environment": dict,
    "config": dict,
    "versions": dict,
    "cadence": dict,
    "progress": dict,
    "status": str,
    "device": str,
    "created": str,
    "name": (str, type(None)),
    "seed": int,
    "steps": int,
    "n_envs": int,
}
"""What every run.json holds."""
RUNNING, FINISHED, INTERRUPTED, FAILED = "running", "finished", "interrupted", "failed"


def runs_root(root: Path | str | None = None) -> Path:
    """Return where runs lie: `root`, else `$ZOO_RUNS`, else `./runs`."""
    return Path(root or os.environ.get("ZOO_RUNS") or "runs")


def folder_name(env_id: str) -> str:
    """Return the directory name of an environment id, which may hold slashes."""
    return env_id.replace("/", "__")


@dataclass
class Run:
    """One training on disk. `info` is the content of `run.json`."""

    path: Path
    info: dict[str, Any] = field(repr=False)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def name(self) -> str | None:
        """The name that the user gave with `--name`."""
        return self.info.get("name")

    @property
    def algorithm(self) -> str:
        return self.info["algorithm"]

    @property
    def env_id(self) -> str:
        return self.info["environment"]["id"]

    @property
    def ref(self) -> str:
        return f"{self.algorithm}/{self.env_id}/{self.name or self.id}"

    @property
    def steps(self) -> int:
        """Environment steps done, as of the last time that `run.json` was written."""
        return int(self.info["progress"]["steps"])

    @property
    def status(self) -> str:
        """`running`, `finished`, `interrupted` or `failed`; a run whose process has died
        without a word was interrupted."""
        status = self.info["status"]
        return INTERRUPTED if status == RUNNING and not self.is_active() else status

    @property
    def best(self) -> Path | None:
        """The bundle of the agent that did best in evaluation, None before the first one."""
        return self._bundle("best")

    @property
    def last(self) -> Path | None:
        """The bundle of the newest agent."""
        return self._bundle("last")

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def evaluations(self) -> Path:
        return self.path / "evaluations.jsonl"

    @property
    def curve(self) -> Path:
        """The evaluations as a table."""
        return self.evaluations.with_suffix(".csv")

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def bundle_path(self, which: str) -> Path:
        """Return where the `best` or the `last` bundle is to be written."""
        return self.path / which

    def _bundle(self, which: str) -> Path | None:
        path = self.bundle_path(which)
        return path if (path / "agent.json").is_file() else None

    def update(self, **changes: Any) -> None:
        """Change entries of `run.json`, whole and at once."""
        self.info.update(changes, updated=_now())
        write_atomically(self.path / RUN, _to_json(self.info))

    def lock(self) -> FileLock:
        """Return the lock that a training process holds for as long as it lives.

        It is waited for a moment, since asking whether a run is active takes it for one.
        """
        return FileLock(self.path / ".lock", timeout=SECONDS_FOR_LOCK)

    def is_active(self) -> bool:
        """Whether a living process trains this run."""
        if not (self.path / ".lock").exists():
            return False
        try:
            with self.lock().acquire(timeout=0):
                return False
        except (Timeout, OSError):
            return True

    def delete(self) -> None:
        """Remove the run from disk, in one step as seen from outside."""
        if self.is_active():
            raise ZooError(f"run {self.id} is training right now", "Stop it first")
        remove_directory(self.path)


def create_run(info: Mapping[str, Any], root: Path | str | None = None) -> Run:
    """Make the directory of a new run with a random id; it appears complete or not at all."""
    family = runs_root(root) / info["algorithm"] / folder_name(info["environment"]["id"])
    name = info.get("name")
    if name and any(run.name == name for run in _runs_in(family)):
        raise ZooError(
            f"there is already a run named {name!r} of {info['algorithm']} in {family}",
            "Choose another --name, or continue it with `zoo resume`",
        )
    run_id = new_id()
    full = {"format": FORMAT, "id": run_id, **info, "status": RUNNING}
    full |= {"progress": {"steps": 0, "episodes": 0, "seconds": 0.0}}
    full |= {"created": _now(), "updated": _now()}
    with new_directory(family / run_id) as directory:
        write_durably(directory / RUN, _to_json(full).encode())
    return Run(family / run_id, full)


def is_run(path: Path) -> bool:
    """Whether a run lies in the directory `path`."""
    return (path / RUN).is_file()


def open_run(path: Path) -> Run:
    """Read the run in `path`; `ZooError` when there is none or it is damaged."""
    file = path / RUN
    if not is_run(path):
        raise ZooError(f"{path} is not a run: it has no {RUN}")
    with explain(file, "read"):
        text = file.read_bytes()
    info = strict_json.loads(text, str(file), max_bytes=MOST_BYTES)
    if not isinstance(info, dict):
        raise ZooError(f"{file} is damaged: it is no JSON object", RESTORE)
    if isinstance(info.get("format"), int) and info["format"] > FORMAT:
        raise ZooError(f"{file} was written by a newer zoo", "Upgrade agent-zoo to continue it")
    for key, kind in FIELDS.items():
        if not isinstance(info.get(key), kind) or isinstance(info.get(key), bool):
            what = "is not what it should be" if key in info else "is missing"
            raise ZooError(f"{file} is damaged: {key!r} {what}", RESTORE)
    if not isinstance(info["environment"].get("id"), str):
        raise ZooError(f"{file} is damaged: the environment has no id", RESTORE)
    if not {"steps", "episodes", "seconds"} <= info["progress"].keys():
        raise ZooError(f"{file} is damaged: 'progress' is not what it should be", RESTORE)
    return Run(path, info)


def list_runs(root: Path | str | None = None) -> list[Run]:
    """Return all readable runs under `root`, the newest first."""
    base = runs_root(root)
    runs = [run for family in sorted(base.glob("*/*")) for run in _runs_in(family)]
    return sorted(runs, key=lambda run: run.info.get("created", ""), reverse=True)


def find_run(reference: str, root: Path | str | None = None) -> Run:
    """Return the run that `reference` means: a path, an id or the start of one, a name, or
    `<algorithm>/<environment>[/<id or name>]`, of which the newest is taken."""
    path = Path(reference)
    if is_run(path):
        return open_run(path)
    if found := matching_runs(reference, root):
        return found[0]
    runs = list_runs(root)
    known = [text for run in runs for text in (run.id, run.name, run.ref) if text]
    raise ZooError(
        f"no run {reference!r} in {runs_root(root)}",
        did_you_mean(reference, known, otherwise="`zoo runs` lists them"),
    )


def matching_runs(reference: str, root: Path | str | None = None) -> list[Run]:
    """Return the runs that `reference` may mean, the newest first: those that are called so,
    else all of an algorithm and an environment, else those whose id begins so."""
    runs = list_runs(root)
    for matches in (_is_called, _is_of, _starts_with):
        if found := [run for run in runs if matches(run, reference)]:
            return found
    return []


def find_unfinished(request: Mapping[str, Any], root: Path | str | None = None) -> Run | None:
    """Return the newest run that the same request began and that neither ended nor still runs."""
    for run in list_runs(root):
        if all(run.info.get(key) == value for key, value in request.items()) and run.status in (
            INTERRUPTED,
            FAILED,
        ):
            return run
    return None


def _is_called(run: Run, reference: str) -> bool:
    return reference in (run.id, run.name, run.ref, f"{run.algorithm}/{run.env_id}/{run.id}")


def _is_of(run: Run, reference: str) -> bool:
    return reference == f"{run.algorithm}/{run.env_id}"


def _starts_with(run: Run, reference: str) -> bool:
    return len(reference) >= 3 and run.id.startswith(reference)


def _runs_in(family: Path) -> Iterator[Run]:
    for path in sorted(family.glob("[!.]*")):
        try:
            yield open_run(path)
        except ZooError:
            continue  # a listing shows what can be read; opening it by name tells the reason


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _to_json(info: Mapping[str, Any]) -> str:
    return json.dumps(info, indent=2) + "\n"

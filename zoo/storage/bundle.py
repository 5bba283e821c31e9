"""Bundles: agents on disk, and the only module that writes and reads them.

    agent.json            the manifest: all facts, and SHA-256 and size of every other file
    weights.safetensors   the agent's numbers
    README.md, evaluation.json, curve.csv, replay.mp4 ...   what the manifest lists besides

A bundle is data. Reading one imports nothing that it names: the agent's kind is looked up
among the registered ones. Any file that is missing, changed, extra or a link is refused.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.agent import Agent
from zoo.errors import ZooError
from zoo.storage import spaces, strict_json, weights
from zoo.storage.files import (
    at_once,
    copy_durably,
    explain,
    is_plain_file,
    is_temporary,
    new_directory,
    recover,
    sha256,
    write_durably,
)
from zoo.storage.manifest import (
    FETCH_AGAIN,
    FORMAT_VERSION,
    MANIFEST,
    WEIGHTS,
    check_evaluation,
    check_manifest,
    is_file_name,
)

EVALUATION = "evaluation.json"

_MAX_MANIFEST = 16 << 20


@dataclass(frozen=True, eq=False)
class Bundle:
    """An agent on disk, opened but not loaded.

    `manifest` is the content of `agent.json`, `digest` its SHA-256: the agent's identity.
    """

    path: Path
    manifest: dict[str, Any]
    digest: str

    def __repr__(self) -> str:
        return f"Bundle({str(self.path)!r}, {self.algorithm}, {self.env_id})"

    @property
    def algorithm(self) -> str:
        return self.manifest["algorithm"]

    @property
    def environment(self) -> dict[str, Any]:
        """What the agent was trained on, as `EnvironmentConfig.to_json` gives it."""
        return self.manifest["environment"]

    @property
    def env_id(self) -> str:
        return self.manifest["environment"]["id"]

    @property
    def kind(self) -> str:
        return self.manifest["agent"]["kind"]

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """By name: `{"sha256": ..., "size": ...}`, of all files but the manifest."""
        return self.manifest["files"]

    @property
    def size(self) -> int:
        """Bytes of all files but the manifest."""
        return sum(entry["size"] for entry in self.files.values())

    @cached_property
    def evaluation(self) -> dict[str, Any] | None:
        """The content of `evaluation.json`; None where the bundle has none.

        Any measure may be missing, but each that is there is a number, and `ci95_return` a pair.
        """
        if EVALUATION not in self.files:
            return None
        path = self.path / EVALUATION
        value = strict_json.loads(self.read(EVALUATION), str(path), max_bytes=_MAX_MANIFEST)
        check_evaluation(value, path)
        return value

    def read(self, name: str) -> bytes:
        """Return a file's content, sure that it is what the manifest lists."""
        if name not in self.files:
            raise ZooError(f"{self.path} has no {name}", f"It has {', '.join(self.files)}")
        path = self.path / name
        self.check_size(name)
        with explain(path, "read"):
            data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != self.files[name]["sha256"]:
            raise self._mismatch(path, "its SHA-256 is not the one in agent.json")
        return data

    def verify(self) -> None:
        """Raise `ZooError` unless the directory holds exactly the files that agent.json lists."""
        self.check_sizes()
        for name, entry in self.files.items():
            if sha256(self.path / name) != entry["sha256"]:
                raise self._mismatch(self.path / name, "its SHA-256 is not the one in agent.json")

    def check_sizes(self) -> None:
        """Raise `ZooError` for a file too many, and where one is missing or of another size."""
        with explain(self.path, "read"):
            names = {e.name for e in os.scandir(self.path) if not e.name.startswith(".")}
        if extra := sorted(names - self.files.keys() - {MANIFEST}):
            raise self._mismatch(self.path / extra[0], "agent.json does not list it")
        for name in self.files:
            self.check_size(name)

    def agent(self) -> Agent:
        """Verify the bundle and return its agent, whose `origin` is this bundle."""
        from zoo.plugin.registry import get_registry  # only loading needs the plugins

        self.verify()
        tensors = weights.loads(self.read(WEIGHTS), str(self.path / WEIGHTS))
        agent_class = get_registry().agent_class(self.kind)
        observation_space = spaces.from_json(self.manifest["observation_space"])
        action_space = spaces.from_json(self.manifest["action_space"])
        description = self.manifest["agent"]["description"]
        try:
            agent = agent_class.restore(description, tensors, observation_space, action_space)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise ZooError(
                f"{self.path} is damaged: a {self.kind} agent cannot be made of it: {error!r}",
                FETCH_AGAIN,
            ) from error
        agent.origin = self
        return agent

    def check_size(self, name: str) -> None:
        """Raise `ZooError` unless `name` is a plain file of the size that agent.json lists."""
        path = self.path / name
        if not os.path.lexists(path):
            raise self._mismatch(path, "it is missing")
        if not is_plain_file(path):
            raise self._mismatch(path, "it is no plain file")
        with explain(path, "read"):
            size, listed = path.stat().st_size, self.files[name]["size"]
        if size != listed:
            raise self._mismatch(path, f"it has {size} bytes, not the {listed} of agent.json")

    def _mismatch(self, path: Path, reason: str) -> ZooError:
        """Say why a file does not fit, unless the whole bundle was replaced meanwhile."""
        manifest = self.path / MANIFEST
        if is_plain_file(manifest) and sha256(manifest) != self.digest:
            return ZooError(f"{self.path} was replaced while it was read", "Try again")
        return ZooError(f"{path} is damaged: {reason}", FETCH_AGAIN)


def save_bundle(
    path: Path | str,
    agent: Agent,
    *,
    algorithm: str,
    plugin: str,
    versions: Mapping[str, str],
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    training: Mapping[str, Any],
    files: Mapping[str, bytes | Path] | None = None,
) -> Bundle:
    """Write `agent` and the facts about it to the directory `path`, whole and at once.

    `environment` is what `EnvironmentConfig.to_json` gives; `files` are companions by name, as
    content or as a path to copy. A bundle that is there is replaced; anything else is left
    alone. Raises `ZooError` for numbers that are NaN, facts that are not JSON, or where the
    disk refuses.
    """
    manifest = {
        "format_version": FORMAT_VERSION,
        "algorithm": algorithm,
        "plugin": plugin,
        "versions": dict(versions),
        "config": dict(config),
        "environment": dict(environment),
        "observation_space": spaces.to_json(agent.observation_space),
        "action_space": spaces.to_json(agent.action_space),
        "agent": {"kind": agent.kind, "description": agent.describe()},
        "training": dict(training),
    }
    data = weights.dumps(agent.tensors())
    return _write(Path(path), manifest, {WEIGHTS: data, **_companions(files or {})}, {})


def attach(bundle: Bundle, files: Mapping[str, bytes | Path]) -> Bundle:
    """Add companions to a bundle, or replace them, and return it with its new digest."""
    kept = {name: entry for name, entry in bundle.files.items() if name not in files}
    for name in kept:
        bundle.check_size(name)
    companions = _companions(files) | {name: bundle.path / name for name in kept}
    manifest = {key: value for key, value in bundle.manifest.items() if key != "files"}
    return _write(bundle.path, manifest, companions, kept)


def copy_bundle(bundle: Bundle, path: Path | str) -> Bundle:
    """Copy a bundle byte for byte to the directory `path`; the copy has the same digest.

    A bundle that is there is replaced; anything else is left alone. Raises `ZooError` for a
    bundle that is damaged.
    """
    path = Path(path)
    _refuse_others(path)
    bundle.check_sizes()
    with new_directory(path) as temporary:
        names = (*bundle.files, MANIFEST)
        at_once(lambda name: copy_durably(bundle.path / name, temporary / name), names)
        copy = open_bundle(temporary)
        if copy.digest != bundle.digest:
            raise bundle._mismatch(bundle.path / MANIFEST, "it was changed meanwhile")
        copy.verify()
    return open_bundle(path)


def open_bundle(path: Path | str) -> Bundle:
    """Return the bundle in the directory `path`; reads and checks its manifest only."""
    path = Path(path)
    if path.name == MANIFEST:
        path = path.parent
    recover(path)
    manifest = path / MANIFEST
    if not manifest.exists():
        raise ZooError(f"{path} is no agent: it has no {MANIFEST}", "Check the path")
    if not is_plain_file(manifest):
        raise ZooError(f"{manifest} is no plain file", FETCH_AGAIN)
    with explain(manifest, "read"):
        if manifest.stat().st_size > _MAX_MANIFEST:
            raise ZooError(f"{manifest} is too large", FETCH_AGAIN)
        data = manifest.read_bytes()
    value = strict_json.loads(data, str(manifest), max_bytes=_MAX_MANIFEST)
    check_manifest(value, manifest)
    return Bundle(path, value, hashlib.sha256(data).hexdigest())


def _companions(files: Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
    for name, content in files.items():
        if not is_file_name(name) or name == WEIGHTS:
            raise ZooError(f"{name!r} cannot be the name of a companion file in a bundle")
        if name.endswith(".json") and isinstance(content, bytes):
            strict_json.loads(content, name)
    return dict(files)


def _write(
    path: Path,
    manifest: dict[str, Any],
    contents: Mapping[str, bytes | Path],
    known: Mapping[str, dict[str, Any]],
) -> Bundle:
    """Write a bundle; files in `known` keep their listed digest, so that damage still shows."""
    _refuse_others(path)
    with new_directory(path) as temporary:
        listed = {}
        for name, content in sorted(contents.items()):
            target = temporary / name
            if isinstance(content, bytes):
                write_durably(target, content)
            else:
                copy_durably(content, target)
            fresh = {"sha256": sha256(target), "size": target.stat().st_size}
            listed[name] = known.get(name, fresh)
        data = strict_json.dumps(manifest | {"files": listed})
        write_durably(temporary / MANIFEST, data)
    return open_bundle(path)


def _refuse_others(path: Path) -> None:
    """Raise `ZooError` where something lies at `path` that is no bundle."""
    if os.path.lexists(path) and not (path / MANIFEST).exists() and not _is_empty(path):
        raise ZooError(f"{path} exists and is no agent", "Choose another name, or remove it")


def _is_empty(path: Path) -> bool:
    return path.is_dir() and all(is_temporary(name) for name in os.listdir(path))

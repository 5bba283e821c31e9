"""Import a foreign model: read it as data, and write it down as a bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.config.yamlfile import load_yaml
from zoo.errors import MissingExtra, ZooError
from zoo.exchange import Imported, Importer, ImportRequest
from zoo.hub.base import SECONDS
from zoo.hub.names import parse
from zoo.plugin.registry import Registry, get_registry
from zoo.storage.bundle import Bundle, save_bundle
from zoo.storage.files import sha256
from zoo.training.keeper import installed_versions

DEFAULT_PLACE = "imported"


def import_agent(
    source: str | Path,
    output: str | Path | None = None,
    *,
    importer: str | None = None,
    env: str | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
    algorithm: str | None = None,
    statistics: str | Path | None = None,
    allow_missing_statistics: bool = False,
    old_masses: bool = False,
    architecture: str | Path | Mapping[str, Any] | None = None,
    endpoint: str | None = None,
    timeout: float = SECONDS,
) -> tuple[Bundle, tuple[str, ...]]:
    """Turn a foreign model into a bundle; return it with notes on what was left out.

    `source` is a file, a directory, or a repository on the Hugging Face Hub such as
    `hf:sb3/ppo-CartPole-v1` (`endpoint` is another address of it, `timeout` how many seconds an
    answer may take). `importer` the name of a registered importer (by default
    the first that recognises the source), `output` the bundle's directory (by default
    `imported/<algorithm>/<environment>`). The other arguments are those of `ImportRequest`;
    `architecture` may be a YAML file. Nothing in the source is run, imported or unpacked.

    Raises `ZooError` where nothing recognises the source, or it cannot be read safely.
    """
    request = ImportRequest(
        env_id=env,
        env_kwargs=dict(env_kwargs or {}),
        algorithm=algorithm,
        statistics=None if statistics is None else Path(statistics).expanduser(),
        allow_missing_statistics=allow_missing_statistics,
        old_masses=old_masses,
        architecture=_architecture(architecture),
    )
    with _located(source, endpoint, timeout) as (path, origin):
        name, reader = _choose(path, importer)
        found = reader.read(path, request)
        return _save(found, output, {"importer": name, **origin}), found.notes


@contextmanager
def _located(
    source: str | Path, endpoint: str | None, timeout: float
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give the path of a source on this machine, and where it is from where that is elsewhere."""
    path = Path(source).expanduser()
    if path.exists():
        yield path, {"source_sha256": sha256(path)} if path.is_file() else {}
        return
    wanted = parse(str(source))
    if not wanted.scheme:
        raise ZooError(f"there is no {source}", "Check the path")
    from zoo.hub.huggingface import SCHEME, HuggingFaceHub

    if wanted.scheme != SCHEME:
        raise ZooError(
            f"models cannot be imported from {wanted.scheme!r}, only from {SCHEME!r}",
            "Download the model yourself and give its path",
        )
    from zoo.hub.foreign import fetch

    hub = HuggingFaceHub(endpoint=endpoint, timeout=timeout)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / wanted.name.rpartition("/")[2]
        folder.mkdir()
        commit = fetch(hub, wanted.name, wanted.tag or None, folder)
        yield folder, {"source": f"{SCHEME}:{wanted.name}@{commit}"}


def _choose(path: Path, name: str | None) -> tuple[str, Importer]:
    """Return the importer called `name`, or the first that recognises the path."""
    registry = get_registry()
    if name is not None:
        return name, registry.importer_class(name)()
    for known in registry.importers:
        try:
            reader = registry.importer_class(known)()
        except MissingExtra:  # another one may do
            continue
        if reader.recognises(path):
            return known, reader
    raise ZooError(
        f"{path} is no model that an importer recognises",
        f"Known importers: {', '.join(registry.importers)}; name one with --from",
    )


def _architecture(given: str | Path | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if given is None or isinstance(given, Mapping):
        return given
    data = load_yaml(Path(given).expanduser()).data
    if not isinstance(data, dict):
        raise ZooError(f"{given} describes no architecture", "It must be a YAML mapping")
    return data


def _save(found: Imported, output: str | Path | None, origin: Mapping[str, str]) -> Bundle:
    env_id = str(found.environment["id"])
    folder = output or Path(DEFAULT_PLACE) / found.algorithm / env_id.replace("/", "__")
    facts = {**found.training, **origin, "notes": list(found.notes) or None}
    return save_bundle(
        folder,
        found.agent,
        algorithm=found.algorithm,
        plugin=_owner(get_registry(), found.algorithm),
        versions={**installed_versions(), **found.versions},
        config=found.config,
        environment=found.environment,
        training={key: value for key, value in facts.items() if value is not None},
    )


def _owner(registry: Registry, algorithm: str) -> str:
    """Return the plugin that brings the algorithm, "" where none that is installed does."""
    return registry.owner(algorithm) if algorithm in registry.algorithms else ""

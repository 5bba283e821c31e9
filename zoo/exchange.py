"""The interfaces to other libraries' formats: importers bring agents in, exporters out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from zoo.agent import Agent


@dataclass(frozen=True)
class ImportRequest:
    """What the user said about a foreign model, besides where it lies.

    `env_id` and `env_kwargs` name the environment where the files do not, or are to overrule
    them; `algorithm` does the same for the algorithm. `statistics` is a file of normalisation
    statistics; with `allow_missing_statistics` a model that was trained with some may come
    without. `old_masses` asks for MuJoCo models with the masses that they had before 2.1.1.
    `architecture` describes networks that do not describe themselves.
    """

    env_id: str | None = None
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    algorithm: str | None = None
    statistics: Path | None = None
    allow_missing_statistics: bool = False
    old_masses: bool = False
    architecture: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Imported:
    """A foreign model as an agent, with the facts that a bundle holds besides.

    `environment` has the form of `EnvironmentConfig.to_json`; `versions` are those of the
    libraries that trained the model, by distribution; `training` holds what is known of the
    training, such as `steps` and `seed`. `notes` say, one sentence each, what was left out or
    replaced.
    """

    agent: Agent
    algorithm: str
    environment: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Importer(ABC):
    """Reads one family of foreign files. It must not run, import or unpack anything in them:
    `zoo.foreign` has readers of pickles, torch files, zips and tagged YAML for that."""

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Say, by names and first bytes, whether `path`, a file or a directory, may be read."""

    @abstractmethod
    def read(self, path: Path, request: ImportRequest) -> Imported:
        """Return the model at `path`; raise `ZooError` where it cannot be read safely."""


class Exporter(ABC):
    """Writes agents in one foreign format."""

    suffix: ClassVar[str]
    """How the names of its files end, such as `.onnx`."""

    @abstractmethod
    def write(self, agent: Agent, path: Path) -> None:
        """Write `agent` to the file `path`; raise `ZooError` where its kind does not fit."""

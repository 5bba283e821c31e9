"""One recipe file: entries by environment id or base name, and which of them apply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.config.families import DEFAULT, FAMILIES, PROBE, bases_for
from zoo.config.yamlfile import YamlFile, load_yaml
from zoo.errors import ZooError, did_you_mean

BASE_KEY = "base"
_VERSION = re.compile(r"-v\d+$")


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A `<algorithm>.yml`: a mapping from entry names to mappings of keys."""

    yaml: YamlFile

    @classmethod
    def read(cls, path: Path) -> RecipeFile:
        """Read a file; raise `ZooError` with its line where it is no mapping of mappings."""
        yaml = load_yaml(path)
        data = yaml.data if yaml.data is not None else {}
        if not isinstance(data, dict):
            raise ZooError(
                f"{yaml.where()}: a recipe file maps environment ids to their keys",
                "Begin with a line such as: CartPole-v1:",
            )
        for entry, keys in data.items():
            if keys is not None and not isinstance(keys, dict):
                raise ZooError(
                    f"{yaml.where(entry)}: {entry}: an entry maps keys to values",
                    "Indent lines such as gamma: 0.99 below it",
                )
        return cls(YamlFile(yaml.path, {k: v or {} for k, v in data.items()}, yaml.lines))

    def __contains__(self, entry: str) -> bool:
        return entry in self.yaml.data

    def entry(self, name: str) -> dict[str, Any]:
        """Return the keys of an entry, without `base`."""
        return {k: v for k, v in self.yaml.data.get(name, {}).items() if k != BASE_KEY}

    def choose(self, env_id: str) -> str:
        """Return the entry for an environment: its own, else its family's base, else `default`."""
        candidates = [env_id, *bases_for(env_id)]
        return next((name for name in candidates if name in self), DEFAULT)

    def chain(self, name: str) -> tuple[list[str], str | None]:
        """Return the entries that apply with `name`, strongest first, `default` last.

        The second value is a base that is named but not in this file: a lower layer may have it.
        """
        chain: list[str] = []
        missing: str | None = None
        current: str | None = name if name in self else None
        while current is not None and missing is None:
            if current in chain:
                raise ZooError(
                    f"{self.yaml.where(current, BASE_KEY)}: {current}: its bases form a circle",
                    f"Remove one {BASE_KEY}: line",
                )
            chain.append(current)
            base = self.yaml.data[current].get(BASE_KEY)
            if base is not None and not isinstance(base, str):
                raise ZooError(
                    f"{self.yaml.where(current, BASE_KEY)}: {current}: key '{BASE_KEY}': "
                    f"expected the name of an entry, got {base!r}"
                )
            missing = base if base is not None and base not in self else None
            current = base
        if DEFAULT in self and DEFAULT not in chain:
            chain.append(DEFAULT)
        return chain, missing

    def unknown_base(self, name: str, base: str) -> ZooError:
        """Return the error about a base that no layer has."""
        bearer = next(
            entry for entry in self.chain(name)[0] if self.yaml.data[entry].get(BASE_KEY) == base
        )
        known = [entry for entry in self.yaml.data if entry != bearer]
        return ZooError(
            f"{self.yaml.where(bearer, BASE_KEY)}: {bearer}: key '{BASE_KEY}': "
            f"there is no entry {base!r}",
            did_you_mean(base, known, otherwise="Name an entry of this file"),
        )

    def environments(self) -> Iterator[tuple[str, str]]:
        """Yield (environment id, or what a family's base covers, `FILE:LINE`)."""
        families = {name: covers for name, covers, _ in FAMILIES}
        bases = {keys.get(BASE_KEY) for keys in self.yaml.data.values()} - set(families)
        for entry in self.yaml.data:
            unversioned_base = entry in bases and not _VERSION.search(entry)
            if entry not in (DEFAULT, PROBE) and not unversioned_base:
                yield families.get(entry, entry), self.yaml.where(entry)

"""Recipes: the tuned config for an algorithm and an environment, and where each value is from.

A recipe is put together from layers, the later ones winning key by key: the recipes that ship,
those of plugins, the project's `./hyperparams/<algorithm>.yml`, the user's own file, and
`--set`. Within a file the entry of the environment applies, else the base of its family, else
`default`; whatever applies lies on top of the base that it names and of `default`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zoo.config.overrides import SOURCE, parse_overrides, put
from zoo.config.recipefile import BASE_KEY, RecipeFile
from zoo.config.schema import to_json, validate
from zoo.config.settings import RunSettings
from zoo.errors import ZooError
from zoo.plugin.registry import get_registry
from zoo.resources import shipped

HYPERPARAMS = "hyperparams"
DEFAULT_SOURCE = "default"


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A value and where it was written: `FILE:LINE`, `--set`, or `default` for the config's own.

    Where `--set` reached into a mapping of a file, both are named.
    """

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A validated recipe: the host's settings, the algorithm's config, and every value's source."""

    algorithm: str
    env_id: str
    values: dict[str, SourcedValue]
    settings: RunSettings
    config: Any


@dataclass(frozen=True, slots=True)
class _Written:
    """A value with what an error message needs: the file's place of each part, and the entry."""

    value: Any
    source: str
    where: Callable[[str], str]


def load_recipe(
    algorithm: str,
    env_id: str,
    *,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    user_file: Path | None = None,
    project: Path | None = None,
) -> Recipe:
    """Return the recipe of `algorithm` for `env_id`, or raise a `ZooError` with file and line.

    `overrides` is `{"gamma": 0.9}` or `["gamma=0.9"]`, with dotted keys for values in mappings;
    `user_file` is a recipe file of the user's own; `project` is the directory whose
    `hyperparams/` holds the project's (default: the working directory).
    """
    config_class = get_registry().algorithm_class(algorithm).Config
    files = [RecipeFile.read(path) for path in recipe_paths(algorithm, user_file, project)]
    written = _collect(files, env_id)
    for key, value in parse_overrides(overrides).items():
        written = _override(written, key, value, env_id)
    return _validated(algorithm, env_id, config_class, written)


def list_recipes(
    algorithm: str | None = None, *, project: Path | None = None
) -> list[tuple[str, str, str]]:
    """Return (algorithm, environment, `FILE:LINE`) of every recipe, of one algorithm or of all.

    A base that covers a family stands as what it covers, such as `*NoFrameskip-v4`. Where
    several layers have an entry, the strongest is named.
    """
    names = [algorithm] if algorithm is not None else list(get_registry().algorithms)
    found = []
    for name in names:
        get_registry().algorithm(name)
        entries: dict[str, str] = {}
        for path in recipe_paths(name, None, project):
            for env_id, source in RecipeFile.read(path).environments():
                entries.setdefault(env_id, source)
        found += [(name, env_id, source) for env_id, source in sorted(entries.items())]
    return found


def check_file(path: Path, algorithm: str) -> list[ZooError]:
    """Return what is wrong in a recipe file, at most one error for each of its entries."""
    config_class = get_registry().algorithm_class(algorithm).Config
    files = [RecipeFile.read(found) for found in recipe_paths(algorithm, path)]
    problems = []
    for entry in files[0].yaml.data:
        try:
            _validated(algorithm, entry, config_class, _collect(files, entry))
        except ZooError as error:
            problems.append(error)
    return problems


def recipe_paths(
    algorithm: str, user_file: Path | None = None, project: Path | None = None
) -> list[Path]:
    """Return the recipe files of an algorithm that exist, strongest first.

    Raises `ZooError` where `user_file` does not exist; all others are optional.
    """
    if user_file is not None and not user_file.is_file():
        raise ZooError(f"there is no recipe file {user_file}", "Check the path")
    directories = [(project or Path.cwd()) / HYPERPARAMS]
    directories += [directory for _, directory in reversed(get_registry().recipe_directories())]
    directories.append(shipped(HYPERPARAMS))
    paths = {} if user_file is None else {user_file.resolve(): user_file}
    for directory in directories:
        path = directory / f"{algorithm}.yml"
        if path.is_file():
            paths.setdefault(path.resolve(), path)
    return list(paths.values())


def _collect(files: Sequence[RecipeFile], env_id: str) -> dict[str, _Written]:
    """Return the values that the files, strongest first, give for an environment."""
    written: dict[str, _Written] = {}
    wanted: tuple[RecipeFile, str, str] | None = None  # a base that a lower layer must have
    for file in files:
        if wanted is not None and wanted[2] in file:
            name, wanted = wanted[2], None
        else:
            name = file.choose(env_id)
        chain, missing = file.chain(name)
        if missing is not None and wanted is None:
            wanted = (file, name, missing)
        for entry in chain:
            for key, value in file.entry(entry).items():
                written.setdefault(key, _from_file(file, entry, key, value, env_id))
    if wanted is not None:
        file, name, base = wanted
        raise file.unknown_base(name, base)
    return written


def _from_file(file: RecipeFile, entry: str, key: str, value: Any, env_id: str) -> _Written:
    of = entry if entry == env_id else f"{env_id} (from {entry})"

    def where(dotted: str) -> str:
        keys = (int(part) if part.isdecimal() else part for part in dotted.split("."))
        return f"{file.yaml.where(entry, *keys)}: {of}"

    return _Written(value, file.yaml.where(entry, key), where)


def _override(
    written: dict[str, _Written], key: str, value: Any, env_id: str
) -> dict[str, _Written]:
    """Return `written` with `--set key=value` on top."""
    head = key.partition(".")[0]
    below = written.get(head)
    if head == key or below is None or not isinstance(below.value, Mapping):
        new = put({}, key, value)[head]
        return written | {head: _Written(new, SOURCE, lambda dotted: f"{SOURCE}: {env_id}")}

    def where(dotted: str) -> str:
        mine = dotted == key or dotted.startswith(f"{key}.")
        return f"{SOURCE}: {env_id}" if mine else below.where(dotted)

    merged = put({head: below.value}, key, value)[head]
    source = below.source if below.source.endswith(SOURCE) else f"{below.source} + {SOURCE}"
    return written | {head: _Written(merged, source, where)}


def _validated(
    algorithm: str, env_id: str, config_class: type[BaseModel], written: dict[str, _Written]
) -> Recipe:
    """Split the values between host and algorithm and validate both."""

    def where(dotted: str) -> str:
        found = written.get(dotted.partition(".")[0])
        # Values that do not go together: of `--set` if it has a part in it, else of the entry.
        found = found or next((item for item in written.values() if SOURCE in item.source), None)
        found = found or next(iter(written.values()), None)
        return found.where(dotted) if found is not None else f"{algorithm}: {env_id}"

    mine = {key: item.value for key, item in written.items() if key in RunSettings.model_fields}
    rest = {key: item.value for key, item in written.items() if key not in mine}
    settings = validate(RunSettings, mine, where)
    _check_wrappers(settings, written)
    known = [*RunSettings.model_fields, BASE_KEY]
    config = validate(config_class, rest, where, also_known=known)
    values = {}
    for key, read in (to_json(settings) | to_json(config)).items():
        found = written.get(key)
        # A mapping is shown as written, without the defaults of the keys that it leaves out.
        shown = found.value if found and isinstance(found.value, Mapping) else read
        values[key] = SourcedValue(shown, found.source if found else DEFAULT_SOURCE)
    return Recipe(algorithm, env_id, values, settings, config)


def _check_wrappers(settings: RunSettings, written: dict[str, _Written]) -> None:
    """Refuse wrapper names that no plugin registers."""
    for index, (name, _) in enumerate(settings.wrappers[: len(settings.env_wrapper)]):
        try:
            get_registry().wrapper(name)
        except ZooError as error:
            place = written["env_wrapper"].where(f"env_wrapper.{index}")
            raise ZooError(f"{place}: key 'env_wrapper': {error.message}", error.hint) from None

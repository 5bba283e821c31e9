"""Where RL Zoo and the Hugging Face repositories made from it keep what belongs to a model.

CartPole-v1_1/CartPole-v1.zip               a run folder of RL Zoo
CartPole-v1_1/CartPole-v1/config.yml ...

ppo-CartPole-v1.zip, config.yml ...         a repository such as sb3/ppo-CartPole-v1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.config.literals import NotData, looks_like_literal, parse_literal
from zoo.config.rlzoo_names import ALGORITHMS
from zoo.errors import ZooError
from zoo.foreign import tagged_yaml
from zoo.foreign.tagged_yaml import Tagged
from zoo.importers.sb3_model import is_model
from zoo.storage.files import explain

STATISTICS = ("vecnormalize.pkl", "vec_normalize.pkl")
BEST = "best_model.zip"
_ENV_ID = re.compile(r"([A-Za-z0-9_.-]+/)?[A-Za-z0-9_.-]+-v\d+")
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---", re.DOTALL)
_MAX_README = 1 << 20


@dataclass(frozen=True)
class Folder:
    """A model's file and what is known about it from the files beside it.

    `arguments` and `config` are the contents of args.yml and config.yml, `statistics` the file
    of normalisation statistics, None where there is none. `env_id` is what the files say.
    """

    model: Path
    arguments: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    statistics: Path | None = None
    env_id: str | None = None

    @property
    def normalizes(self) -> bool:
        """Whether the config says that observations were normalised."""
        setting = data(self.config.get("normalize"))
        more = data(self.config.get("normalize_kwargs"))
        parts = (part for part in (setting, more) if isinstance(part, dict))
        merged = {key: value for part in parts for key, value in part.items()}
        return bool(setting) and merged.get("norm_obs", True) is not False


def find_model(path: Path) -> Path:
    """Return the model's zip that a file or a directory means; `ZooError` unless it is one."""
    if path.is_file():
        return path
    zips = sorted(path.glob("*.zip"))
    if len(zips) == 1:  # whatever it is: reading it says what is wrong with it
        return zips[0]
    models = [zip_path for zip_path in zips if is_model(zip_path)]
    final = [zip_path for zip_path in models if zip_path.name != BEST]
    if len(final) == 1:
        return final[0]
    if len(models) == 1:
        return models[0]
    named = [zip_path for zip_path in final if path.name.startswith(zip_path.stem)]
    if len(named) == 1:
        return named[0]
    if not models:
        raise ZooError(f"{path} has no saved model of Stable-Baselines3", "Check the path")
    listed = ", ".join(zip_path.name for zip_path in models[:5])
    raise ZooError(f"{path} has several models: {listed}", "Give the path of one of them")


def read_folder(path: Path) -> Folder:
    """Return the model that `path` means, with what stands beside it."""
    model = find_model(path)
    places = _places(model)
    arguments = _mapping(_first(places, ("args.yml",)))
    config = _mapping(_first(places, ("config.yml",)))
    named = arguments.get("env")
    env_id = named if isinstance(named, str) and _ENV_ID.fullmatch(named) else None
    kwargs = data(arguments.get("env_kwargs"))
    kwargs = kwargs if isinstance(kwargs, dict) else {}
    return Folder(
        model=model,
        arguments=arguments,
        config=config,
        env_kwargs=kwargs | _mapping(_first(places, ("env_kwargs.yml",))),
        statistics=_first(places, STATISTICS),
        env_id=env_id or _env_of_card(model.parent) or _env_of_name(model),
    )


def data(value: Any) -> Any:
    """Return a value of RL Zoo's files, whose text may be a Python literal, as data."""
    if not looks_like_literal(value):
        return None if isinstance(value, Tagged) else value
    try:
        return parse_literal(value)[0]
    except NotData:
        return None


def _places(model: Path) -> list[Path]:
    """Return the directories that may hold the model's files, the nearest first."""
    inner = model.with_suffix("")
    if inner.is_dir():
        return [inner, model.parent]
    folders = [p for p in model.parent.iterdir() if p.is_dir() and (p / "config.yml").is_file()]
    return [model.parent, *folders] if len(folders) == 1 else [model.parent]


def _first(places: list[Path], names: tuple[str, ...]) -> Path | None:
    candidates = (place / name for place in places for name in names)
    return next((path for path in candidates if path.is_file()), None)


def _mapping(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    with explain(path, "read"), open(path, "rb") as file:
        text = file.read(tagged_yaml.MAX_BYTES + 1)
    value = tagged_yaml.loads(text, str(path))
    return value if isinstance(value, dict) else {}


def _env_of_card(directory: Path) -> str | None:
    """Return the environment that the metadata of a Hugging Face card names."""
    card = directory / "README.md"
    if not card.is_file():
        return None
    with explain(card, "read"), open(card, "rb") as file:
        match = _FRONT_MATTER.match(file.read(_MAX_README).decode("utf-8", "replace"))
    if match is None:
        return None
    try:
        metadata = tagged_yaml.loads(match[1].encode(), str(card))
        name = metadata["model-index"][0]["results"][0]["dataset"]["name"]
    except (ZooError, KeyError, IndexError, TypeError):
        return None
    return name if isinstance(name, str) and _ENV_ID.fullmatch(name) else None


def _env_of_name(model: Path) -> str | None:
    """Return the environment in a file's name, with or without the algorithm before it."""
    stem = model.stem
    for algorithm in sorted([*ALGORITHMS, "her"], key=len, reverse=True):
        if stem.lower().startswith(f"{algorithm}-"):
            stem = stem[len(algorithm) + 1 :]
            break
    return stem if _ENV_ID.fullmatch(stem) else None

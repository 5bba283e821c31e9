"""RL Zoo's recipe files converted to the zoo's, with what cannot be carried over named by line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zoo.config.describe import render_value
from zoo.config.literals import NotData, known_name, looks_like_literal, parse_literal
from zoo.config.recipefile import RecipeFile
from zoo.config.rlzoo_names import ALGORITHMS, environment, wrapper
from zoo.config.schema import to_json, validate
from zoo.config.settings import RunSettings
from zoo.errors import ZooError, did_you_mean
from zoo.plugin.registry import get_registry

_LEFT_OUT: dict[str, str] = {
    "callback": "callbacks are code",
    "vec_env_class": "the host makes the vector environment",
    "monitor_kwargs": "the host measures returns",
    "online_sampling": "hindsight replay always samples online now",
    "max_episode_length": "hindsight replay finds the length by itself now",
}
_SCHEDULE = re.compile(r"(?P<prefix>[A-Za-z]+)_(?P<number>[\d.]+(?:e[+-]?\d+)?)")
_GOAL_KEYS = ("goal_selection_strategy", "n_sampled_goal")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted file.

    `entries` are the names of its entries; `problems` say `FILE:LINE: ENV: what` for everything
    in the source that is not in `text_yaml`, or stands there with another meaning.
    """

    algorithm: str
    text_yaml: str
    entries: list[str]
    problems: list[str]


def convert(path: Path, algorithm: str | None = None) -> Conversion:
    """Convert one of RL Zoo's files; strings in it are parsed as literals and never executed.

    The file's name tells the algorithm unless `algorithm` does; in files whose entries say
    `model_class`, the most frequent one is taken and the entries of others are reported.
    Raises `ZooError` where the file is not YAML or the algorithm cannot be told.
    """
    file = RecipeFile.read(path)
    algorithm = algorithm or _algorithm(file)
    converter = _Converter(file, algorithm)
    converter.run()
    return Conversion(algorithm, converter.text(), list(converter.entries), converter.problems)


def _algorithm(file: RecipeFile) -> str:
    stem = file.yaml.path.stem
    if stem in ALGORITHMS:
        return ALGORITHMS[stem]
    classes = Counter(
        str(keys["model_class"]) for keys in file.yaml.data.values() if "model_class" in keys
    )
    named = [name for name, _ in classes.most_common() if name in ALGORITHMS]
    if named:
        return ALGORITHMS[named[0]]
    raise ZooError(
        f"{file.yaml.name}: the name does not tell the algorithm",
        did_you_mean(stem, ALGORITHMS, otherwise=f"Name it one of: {', '.join(ALGORITHMS)}"),
    )


@dataclass
class _Converter:
    """One file under conversion: its entries so far and what could not be carried over."""

    file: RecipeFile
    algorithm: str
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    remarks: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Convert every entry."""
        config_class = _config_class(self.algorithm)
        names = set(self.file.yaml.data)
        for source, keys in self.file.yaml.data.items():
            for_algorithm = ALGORITHMS.get(str(keys.get("model_class")), self.algorithm)
            if for_algorithm != self.algorithm:
                what = f"left out: it is for {for_algorithm}, the rest for {self.algorithm}"
                self._report(source, what, "model_class")
                continue
            name, wrappers, report = environment(source)
            if report:
                self._report(source, report)
            if name != source and name in names | set(self.entries):
                self._report(source, f"the id is retired and kept; {name} has its own entry")
                name, wrappers = source, []
            if name != source:
                self.remarks[name] = f"{source} in the source"
            entry = _Entry(lambda what, *at, source=source: self._report(source, what, *at))
            values = entry.convert(keys, wrappers)
            if config_class is not None:
                values = entry.check(config_class, values)
            self.entries[name] = values
        if config_class is not None:
            self._shield_from_default(config_class)

    def _shield_from_default(self, config_class: type[BaseModel]) -> None:
        """Write out the algorithm's own value where an entry lacks a key that `default` has.

        There an entry stands alone; here `default` lies under it.
        """
        own = to_json(config_class.model_validate({})) | to_json(RunSettings.model_validate({}))
        for name, values in self.entries.items():
            for key, value in self.entries.get("default", {}).items():
                if name != "default" and key not in values and own[key] != value:
                    values[key] = own[key]

    def _report(self, source: str, what: str, *at: str | int) -> None:
        self.problems.append(f"{self.file.yaml.where(source, *at)}: {source}: {what}")

    def text(self) -> str:
        """Return the converted file."""
        lines = [
            f"# Recipes for {self.algorithm}, converted by `zoo recipes import` from",
            f"# RL Zoo's {' '.join(self.file.yaml.path.name.split())}.",
        ]
        if self.problems:
            lines += ["#", "# Not carried over, or changed:"]
            folder = self.file.yaml.name.removesuffix(self.file.yaml.path.name)
            named = (problem.removeprefix(folder) for problem in self.problems)
            lines += [f"#   {' '.join(problem.split())}" for problem in named]
        added: dict[str, dict[str, Any]] = {}
        if "atari" in self.entries:  # without this, frames are skipped twice
            added["atari-v5"] = {"base": "atari", "env_kwargs": {"frameskip": 1}}
        for name, values in (self.entries | added).items():
            remark = f" # {self.remarks[name]}" if name in self.remarks else ""
            lines += ["", f"{render_value(name)}:{remark}"]
            lines += [f"  {render_value(key)}: {render_value(v)}" for key, v in values.items()]
        return "\n".join(lines) + "\n"


@dataclass
class _Entry:
    """One entry under conversion; `report(what, *keys)` names what is not carried over."""

    report: Callable[..., None]

    def convert(self, keys: Mapping[str, Any], wrappers: list[str]) -> dict[str, Any]:
        """Return the entry in the zoo's words."""
        values: dict[str, Any] = {}
        goal: dict[str, Any] = {}
        for key, value in keys.items():
            if key in _LEFT_OUT:
                self.report(f"key '{key}': left out, {_LEFT_OUT[key]}", key)
            elif key in _GOAL_KEYS:
                goal[key] = value
            elif key == "env_wrapper":
                wrappers = wrappers + self._wrappers(value)
            elif key == "vec_env_wrapper":
                values |= self._vector_wrappers(value)
            elif key != "model_class":
                self._keep(values, key, value)
        if wrappers:
            values["env_wrapper"] = wrappers
        if goal:
            values |= {"replay_buffer_class": "her", "replay_buffer_kwargs": goal}
        if goal and values.get("policy") == "MlpPolicy":
            values["policy"] = "MultiInputPolicy"
            self.report("key 'policy': written as MultiInputPolicy, as goals need", "policy")
        return values

    def check(self, config_class: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
        """Return the values that host and algorithm take together; report the others."""
        problem = _wrong(config_class, values)
        while problem is not None:
            key, what = problem
            if not key:  # values that are right by themselves but not together
                last_first = list(reversed(values))
                cures = (k for k in last_first if not _wrong(config_class, _without(values, k)))
                key = next(cures, last_first[0])
            self.report(f"left out: {what}", *key.split("."))
            values = _without(values, key)
            problem = _wrong(config_class, values)
        return values

    def _keep(self, values: dict[str, Any], key: str, value: Any) -> None:
        try:
            values[key] = self._value(key, value)
        except NotData as error:
            self.report(f"key '{key}': left out, {error}", key)

    def _value(self, key: str, value: Any) -> Any:
        if looks_like_literal(value):
            data, left_out = parse_literal(value)
            for what in left_out:
                self.report(f"key '{key}': left out {what}", key)
            return data
        if key in ("replay_buffer_class", "rollout_buffer_class") and isinstance(value, str):
            return known_name(value.rpartition(".")[2])
        if isinstance(value, str) and (schedule := _SCHEDULE.fullmatch(value)):
            if schedule["prefix"] != "lin":
                what = f"key '{key}': {value} written as lin_, which is how RL Zoo takes it"
                self.report(what, key)
            return f"lin_{schedule['number']}"
        if key == "n_timesteps" and isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def _wrappers(self, value: Any) -> list[Any]:
        """Return the zoo's entries for a wrapper or a list of them."""
        entries = []
        for index, (dotted, arguments) in enumerate(_named(value)):
            found, left_out = wrapper(dotted, arguments)
            entries += found
            for what in left_out:
                self.report(f"key 'env_wrapper': left out {what}", "env_wrapper", index)
        return entries

    def _vector_wrappers(self, value: Any) -> dict[str, Any]:
        """Return `frame_stack` for the one vector wrapper that recipes can express."""
        found = {}
        for index, (dotted, arguments) in enumerate(_named(value)):
            if dotted.endswith("VecFrameStack") and set(arguments) == {"n_stack"}:
                found["frame_stack"] = arguments["n_stack"]
            else:
                what = f"key 'vec_env_wrapper': left out {dotted}: the wrapper is not known"
                self.report(what, "vec_env_wrapper", index)
        return found


def _wrong(config_class: type[BaseModel], values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return (the dotted key or "", the message) of the first mistake, None where all is well."""
    mine = {key: value for key, value in values.items() if key in RunSettings.model_fields}
    rest = {key: value for key, value in values.items() if key not in mine}
    asked = [""]

    def note(key: str) -> str:
        asked.append(key)
        return ""

    try:
        validate(RunSettings, mine, note)
        validate(config_class, rest, note)
    except ZooError as error:
        return asked[-1], str(error)
    return None


def _without(values: Mapping[str, Any], dotted: str) -> dict[str, Any]:
    """Return `values` without the value at a dotted key."""
    head, _, rest = dotted.partition(".")
    kept = {key: value for key, value in values.items() if key != head}
    return kept | {head: _without(values[head], rest)} if rest else kept


def _named(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return (dotted name, arguments) for each wrapper of an RL Zoo entry."""
    if value is None:
        return []
    named = []
    for item in value if isinstance(value, list) else [value]:
        pairs = item.items() if isinstance(item, dict) else [(str(item), {})]
        named += [(name, args if isinstance(args, dict) else {}) for name, args in pairs]
    return named


def _config_class(algorithm: str) -> type[BaseModel] | None:
    """Return the algorithm's config, None where its packages are not installed."""
    try:
        return get_registry().algorithm_class(algorithm).Config
    except ZooError:
        return None

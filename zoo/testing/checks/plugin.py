"""Checks of what a plugin says about an algorithm, before anything is trained."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from functools import lru_cache
from typing import Any

from gymnasium import spaces

from zoo.config.describe import describe, nested_configs
from zoo.config.schema import Config, to_json, validate
from zoo.errors import ZooError
from zoo.plugin.discovery import plugins
from zoo.plugin.registry import get_registry
from zoo.testing.contexts import observation_space
from zoo.testing.failure import ConformanceFailure, NotApplicable, require
from zoo.testing.probes import BanditProbe, bandit_actions
from zoo.testing.subject import Subject

HEAVY = ("numpy", "gymnasium", "torch", "tensorflow", "jax", "stable_baselines3", "scipy", "pandas")
OBSERVATION_KINDS = ("box", "image", "discrete", "multi-discrete", "multi-binary", "dict", "tuple")
ACTION_KINDS = ("box", "discrete", "multi-discrete", "multi-binary")
LONGEST_SUMMARY = 100


def light_hook_module(subject: Subject) -> None:
    """Importing the module with the plugin's hooks imports nothing heavy."""
    owner = get_registry().owner(subject.name)
    module = next((row.module for row in plugins() if row.name == owner), "")
    code, heavy, error = _import_in_a_fresh_process(module)
    if code and "ModuleNotFoundError" in error and repr(module) in error:
        raise NotApplicable(f"the hooks of plugin {owner!r} are not in a module of their own")
    require(not code, f"importing {module} in a fresh process fails: {error}")
    require(
        not heavy,
        f"importing the hook module {module} imports {', '.join(heavy)}, so every `zoo` command "
        "is slow to start",
        "Name classes by dotted strings in the specs, and import inside functions",
    )


@lru_cache(maxsize=64)
def _import_in_a_fresh_process(module: str) -> tuple[int, tuple[str, ...], str]:
    """Return the exit code, the heavy packages imported, and the last line of the error."""
    script = "import importlib, sys; importlib.import_module(sys.argv[1]); print(*sys.modules)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script, module],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    error = (done.stderr.strip().splitlines() or [""])[-1]
    imported = set(done.stdout.split())
    return done.returncode, tuple(name for name in HEAVY if name in imported), error


def spec_is_true(subject: Subject) -> None:
    """What the spec and the Config say is so: the target loads, texts are short, every
    hyperparameter is documented.
    """
    spec, algorithm = subject.spec, subject.algorithm_class
    missing = sorted(getattr(algorithm, "__abstractmethods__", ()))
    require(not inspect.isabstract(algorithm), f"{spec.target} lacks {', '.join(missing)}")
    summary = spec.summary
    require(
        summary.strip() and "\n" not in summary and len(summary) <= LONGEST_SUMMARY,
        f"the summary of {spec.name} is not one line of at most {LONGEST_SUMMARY} characters: "
        f"{summary!r}",
    )
    require(
        not spec.paper or spec.paper.startswith(("https://", "http://")),
        f"the paper of {spec.name} is not a link: {spec.paper!r}",
        "Give the address of the paper's page, or leave it empty",
    )
    wrong = sorted(set(spec.actions) - set(ACTION_KINDS))
    require(not wrong, f"{spec.name} declares action kinds that no host gives: {', '.join(wrong)}")
    config: Any = getattr(algorithm, "Config", None)
    require(
        isinstance(config, type) and issubclass(config, Config),
        f"{spec.target}.Config is {config!r}",
        "Make it a subclass of zoo.Config",
    )
    undocumented = [row.name for row in describe(config) if not row.description.strip()]
    require(
        not undocumented,
        f"hyperparameters without a description: {', '.join(undocumented)}",
        'Write each as `name: type = pydantic.Field(default, description="...")`',
    )


def config_round_trip(subject: Subject) -> None:
    """A config written as JSON and read again is equal, and training does not change it."""
    try:
        config = subject.recipe.config
        values = json.loads(json.dumps(to_json(config), allow_nan=False))
    except (TypeError, ValueError) as error:  # pydantic's errors are ValueErrors
        raise ConformanceFailure(
            f"Config cannot be written as JSON: {error}",
            "Use numbers, texts, lists and mappings, and names instead of functions",
        ) from error
    back = validate(type(config), values)
    require(
        back == config,
        f"Config changes on its way through JSON: {_changed(vars(config), vars(back))}",
        "Give the field a type whose JSON form pydantic reads back, or a serializer",
    )
    with subject.trial() as trial:
        next(iter(trial.run(subject.learning_steps)), None)
        changed = _changed(values, to_json(trial.algorithm.config))
    require(not changed, f"training changes its config: {changed}", "Copy a value to change it")


def _changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    keys = sorted(key for key in before | after if before.get(key) != after.get(key))
    return ", ".join(f"{key} from {before.get(key)!r} to {after.get(key)!r}" for key in keys)


def unknown_key_refused(subject: Subject) -> None:
    """A misspelt hyperparameter is an error, at every level of the config."""
    config = subject.recipe.config
    hint = "Derive Config and every config inside it from zoo.Config, which forbids extra keys"
    try:
        validate(type(config), to_json(config) | {"no_such_key": 1})
    except ZooError as error:
        require(
            "no_such_key" in error.message,
            f"the error about an unknown key does not name it: {error.message}",
        )
    else:
        raise ConformanceFailure("Config accepts the unknown key 'no_such_key' silently", hint)
    lenient = sorted({found.__name__ for found in _all_configs(type(config)) if _takes_any(found)})
    require(not lenient, f"unknown keys are accepted silently in {', '.join(lenient)}", hint)


def _all_configs(config: Any) -> list[Any]:
    inside = [c for field in config.model_fields.values() for c in nested_configs(field.annotation)]
    return [config, *(found for nested in inside for found in _all_configs(nested))]


def _takes_any(config: Any) -> bool:
    return config.model_config.get("extra") != "forbid"


def unsupported_spaces_refused(subject: Subject) -> None:
    """The constructor refuses spaces that it cannot handle, with a ZooError."""
    observations = observation_space(subject.observations)
    actions = bandit_actions(subject.actions)
    text = spaces.Text(4)
    for which, pair in (("observations", (text, actions)), ("actions", (observations, text))):
        require(
            _refuses(subject, *pair), f"the constructor accepts {which} {text}, which it cannot use"
        )
    for kind in OBSERVATION_KINDS:
        if kind not in subject.spec.observations and not _refuses(
            subject, observation_space(kind), actions
        ):
            _must_work(subject, kind, subject.actions, f"{kind} observations")
    for kind in ACTION_KINDS:
        if kind not in subject.spec.actions and not _refuses(
            subject, observations, bandit_actions(kind)
        ):
            _must_work(subject, subject.observations, kind, f"{kind} actions")


_REFUSE = "Raise ZooError in the constructor for spaces that are not supported"


def _refuses(subject: Subject, observations: Any, actions: Any) -> bool:
    config = subject.recipe.config
    try:
        subject.algorithm_class(config, observations, actions, seed=0, device="cpu").close()
    except ZooError:
        return True
    except Exception as error:
        raise ConformanceFailure(
            f"the constructor raises {type(error).__name__} for {observations} and {actions}: "
            f"{error}",
            _REFUSE,
        ) from error
    return False


def _must_work(subject: Subject, observations: str, actions: str, what: str) -> None:
    """Accept undeclared spaces only where training on them works."""
    try:
        with subject.trial(lambda: BanditProbe(observations, actions)) as trial:
            next(iter(trial.run(subject.learning_steps)), None)
    except Exception as error:
        raise ConformanceFailure(
            f"the constructor accepts {what}, which the spec does not declare, and training "
            f"then raises {type(error).__name__}: {error}",
            _REFUSE,
        ) from error

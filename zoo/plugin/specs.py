"""What a plugin registers: frozen facts and dotted names, so that nothing heavy is imported.

Each spec checks itself when it is made and raises `ZooError` for what cannot be right: a name
becomes part of paths and of bundles, a target is imported much later.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError, did_you_mean

SPACE_KINDS = ("box", "image", "discrete", "multi-discrete", "multi-binary", "dict", "tuple")
"""What `AlgorithmSpec.observations` and `AlgorithmSpec.actions` are made of."""
NEEDS = ("environment", "model")
"""What an algorithm's `train` can be given."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ENV_ID = re.compile(r"([A-Za-z0-9_.-]+/)?[A-Za-z0-9_.-]+-v\d+")
_SCHEME = re.compile(r"[a-z][a-z0-9-]+")  # one letter would be a drive
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_NAME_RULE = "be made of letters, digits, dots, dashes and underscores"
_TARGET_RULE = "have the form package.module:Class"


@dataclass(frozen=True, slots=True)
class AlgorithmSpec:
    """An algorithm, by name.

    `target` is `"package.module:Class"`, imported only when the algorithm is used.
    `observations` and `actions` are the space kinds that it accepts, out of `box`, `image`,
    `discrete`, `multi-discrete`, `multi-binary`, `dict` and `tuple` (`image` is a uint8 Box of
    three dimensions, `tuple` a Tuple of Discrete spaces). `needs` is what `train` is given:
    `environment` (a vector environment) or `model` (a `zoo.TransitionModel`: the environment's
    transition probabilities; environments without are refused before training).
    `extra` is the extra of the plugin's distribution that the target's imports need, or that what
    it imports later does, as for images.
    """

    name: str
    target: str
    summary: str
    observations: tuple[str, ...]
    actions: tuple[str, ...]
    paper: str = ""
    needs: str = "environment"
    extra: str = ""

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "name", "target", "summary", "paper", "needs", "extra")
        _check_form(self, "name", _NAME, _NAME_RULE)
        _check_form(self, "target", _TARGET, _TARGET_RULE)
        for field in ("observations", "actions"):
            kinds = getattr(self, field)
            if not isinstance(kinds, tuple) or not kinds:
                raise ZooError(
                    f"{self.name}: {field} must be a tuple of space kinds, not {kinds!r}"
                )
            for kind in kinds:
                _check_choice(self, field, kind, SPACE_KINDS)
        _check_choice(self, "needs", self.needs, NEEDS)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent kind, by the name that stands in `agent.json`; `target` as for algorithms."""

    kind: str
    target: str
    summary: str
    extra: str = ""

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "kind", "target", "summary", "extra")
        _check_form(self, "kind", _NAME, _NAME_RULE)
        _check_form(self, "target", _TARGET, _TARGET_RULE)


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """An environment id that a plugin brings; the host registers it with Gymnasium.

    `target` is the environment's class or a function that makes it.
    """

    id: str
    target: str
    summary: str
    max_episode_steps: int | None = None
    reward_threshold: float | None = None

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "id", "target", "summary")
        _check_form(self, "id", _ENV_ID, "have the form Name-v0 or namespace/Name-v0")
        _check_form(self, "target", _TARGET, _TARGET_RULE)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Where the transition probabilities of an environment come from, for one that does not
    bring them itself.

    `id` is the environment's; `target` names a function that is called with the unwrapped
    environment and returns its `zoo.TransitionModel`, or None where its arguments leave none.
    """

    id: str
    target: str
    summary: str

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "id", "target", "summary")
        _check_form(self, "id", _ENV_ID, "have the form Name-v0 or namespace/Name-v0")
        _check_form(self, "target", _TARGET, _TARGET_RULE)


@dataclass(frozen=True, slots=True)
class WrapperSpec:
    """An environment wrapper by name, as recipes write it under `env_wrapper`.

    `target` names a `gymnasium.Wrapper` subclass or a function `(env, **kwargs) -> env`.
    A `training_only` wrapper (reward clipping, episodic life) is left out of evaluation. One
    that turns observations of the kind `takes` into those of the kind `makes` says so, and is
    then suggested to whoever has the one for an algorithm that needs the other.
    """

    name: str
    target: str
    summary: str
    training_only: bool = False
    extra: str = ""
    takes: str = ""
    makes: str = ""

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "name", "target", "summary", "extra", "takes", "makes")
        _check_form(self, "name", _NAME, _NAME_RULE)
        _check_form(self, "target", _TARGET, _TARGET_RULE)
        for field in ("takes", "makes"):
            if getattr(self, field):
                _check_choice(self, field, getattr(self, field), SPACE_KINDS)


@dataclass(frozen=True, slots=True)
class HubSpec:
    """A hub, by the scheme that references to it begin with: `hf` for `hf:org/name`.

    `target` names a subclass of `zoo.Hub`, made with keyword arguments: `endpoint`, another
    address than the usual one or None, and `timeout`, in seconds.
    """

    scheme: str
    target: str
    summary: str
    extra: str = ""

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "scheme", "target", "summary", "extra")
        _check_form(self, "scheme", _SCHEME, "be two or more small letters, digits and dashes")
        _check_form(self, "target", _TARGET, _TARGET_RULE)


@dataclass(frozen=True, slots=True)
class ImporterSpec:
    """A reader of foreign models, by name: `zoo import --from NAME`.

    `target` names a subclass of `zoo.Importer`, made without arguments. Importers are asked in
    the order of their names whether they recognise a file.
    """

    name: str
    target: str
    summary: str
    extra: str = ""

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "name", "target", "summary", "extra")
        _check_form(self, "name", _NAME, _NAME_RULE)
        _check_form(self, "target", _TARGET, _TARGET_RULE)


@dataclass(frozen=True, slots=True)
class ExporterSpec:
    """A foreign format that agents can be written in, by name: `zoo export --format NAME`.

    `target` names a subclass of `zoo.Exporter`, made without arguments.
    """

    name: str
    target: str
    summary: str
    extra: str = ""

    def __post_init__(self) -> None:
        """Raise `ZooError` where a field cannot be right."""
        _check_texts(self, "name", "target", "summary", "extra")
        _check_form(self, "name", _NAME, _NAME_RULE)
        _check_form(self, "target", _TARGET, _TARGET_RULE)


def _check_texts(spec: object, *fields: str) -> None:
    for field in fields:
        value = getattr(spec, field)
        if not isinstance(value, str):
            raise ZooError(f"{type(spec).__name__}: {field} must be a string, not {value!r}")


def _check_form(spec: object, field: str, pattern: re.Pattern[str], rule: str) -> None:
    value = getattr(spec, field)
    if not pattern.fullmatch(value):
        raise ZooError(f"{type(spec).__name__}: {field} must {rule}, not {value!r}")


def _check_choice(spec: Any, field: str, value: Any, choices: Collection[str]) -> None:
    if value not in choices:
        hint = did_you_mean(str(value), choices, otherwise=f"Choose from: {', '.join(choices)}")
        raise ZooError(f"{spec.name}: {field} cannot be {value!r}", hint)

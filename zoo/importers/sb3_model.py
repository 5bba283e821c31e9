"""The zip that Stable-Baselines3 saves a model in, read without SB3, torch or unpickling.

    data                          JSON; what JSON lacks stands in it as base64 of a pickle
    policy.pth                    the numbers of the policy, by name
    _stable_baselines3_version    since 1.0

Of the pickles in `data` only four are looked at: the policy's class, its arguments and the two
spaces. Learning rates, schedules and buffers, which are code, stay unread.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import Space

from zoo.errors import ZooError
from zoo.foreign import pickles, torch_file
from zoo.foreign.archive import Archive
from zoo.foreign.arrays import NotPlain, explained, mapping, plain, shown
from zoo.foreign.records import Made, Name
from zoo.foreign.spaces import space

MEMBERS = {"data", "policy.pth"}
_MAX_DATA = 16 << 20
_MAX_VERSION = 100
_MAX_ARGUMENTS = 100
_SERIALIZED = ":serialized:"
_LIBRARIES = ("stable_baselines3.", "sb3_contrib.")
_FAMILIES = {
    "ActorCriticPolicy": "actor-critic", "ActorCriticCnnPolicy": "actor-critic",
    "MultiInputActorCriticPolicy": "actor-critic",
    "MaskableActorCriticPolicy": "maskable", "MaskableActorCriticCnnPolicy": "maskable",
    "MaskableMultiInputActorCriticPolicy": "maskable",
    "RecurrentActorCriticPolicy": "recurrent", "RecurrentActorCriticCnnPolicy": "recurrent",
    "RecurrentMultiInputActorCriticPolicy": "recurrent",
}  # fmt: skip
_MODULES = ("dqn", "qrdqn", "sac", "tqc", "td3", "crossq", "ars")
_DATA = "data of"


@dataclass(frozen=True)
class Model:
    """A saved model: what acting needs of it, as plain data.

    `family` says how the policy's networks are built; `kwargs` are the policy's arguments, with
    `Name`s for classes; `facts` are the plain entries of `data`.
    """

    where: str
    family: str
    policy_class: Name
    kwargs: Mapping[str, Any]
    observation_space: Space[Any]
    action_space: Space[Any]
    tensors: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]
    version: str

    @property
    def algorithm(self) -> str:
        """The algorithm as RL Zoo calls it: `ppo`, `ppo_mask`, `td3` ..."""
        match self.family:
            case "actor-critic" if "n_epochs" in self.facts and "clip_range" in self.facts:
                return "ppo"
            case "actor-critic":
                return "trpo" if "cg_max_steps" in self.facts else "a2c"
            case "maskable":
                return "ppo_mask"
            case "recurrent":
                return "ppo_lstm"
            case "td3":
                return "ddpg" if self.kwargs.get("n_critics") == 1 else "td3"
        return self.family


def is_model(path: Path) -> bool:
    """Say whether a file is a zip with the members of a saved model."""
    try:
        with Archive(path) as archive:
            return set(archive.names) >= MEMBERS
    except ZooError:
        return False


def read_model(path: Path) -> Model:
    """Read a saved model; `ZooError` where a part that acting needs is missing or odd."""
    where = str(path)
    with Archive(path) as archive:
        data = _json(archive.read("data", _MAX_DATA), where)
        tensors = torch_file.read_state(archive.read("policy.pth"), f"policy.pth of {where}")
        version = "unknown"
        if "_stable_baselines3_version" in archive.names:
            text = archive.read("_stable_baselines3_version", _MAX_VERSION)
            version = "".join(text.decode("ascii", "replace").split())
    policy_class = _object(data, "policy_class", where)
    try:
        kwargs = mapping(_object(data, "policy_kwargs", where) or {})
        if len(kwargs) > _MAX_ARGUMENTS:
            raise NotPlain(f"its policy_kwargs are {len(kwargs)} arguments")
        return Model(
            where=where,
            family=_family(policy_class),
            policy_class=policy_class,
            kwargs={str(key): plain(value) for key, value in kwargs.items()},
            observation_space=space(_object(data, "observation_space", where)),
            action_space=space(_object(data, "action_space", where)),
            tensors=tensors,
            facts={key: value for key, value in data.items() if not _is_object(value)}
            | {key: None for key, value in data.items() if _is_object(value)},
            version=version,
        )
    except NotPlain as error:
        raise explained(error, f"{_DATA} {where}") from error


def _json(text: bytes, where: str) -> dict[str, Any]:
    """Return the entries of `data`; SB3 writes NaN and infinity as Python's `json` does."""
    try:
        data = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ZooError(f"{_DATA} {where} is not valid JSON: {reason}") from error
    if not isinstance(data, dict):
        raise ZooError(f"{_DATA} {where} is no JSON object", "Did Stable-Baselines3 write it?")
    return data


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and _SERIALIZED in value


def _object(data: Mapping[str, Any], key: str, where: str) -> Any:
    """Return an entry of `data`, one that is pickled as inert records."""
    value = data.get(key)
    if not isinstance(value, dict) or _SERIALIZED not in value:
        return value
    text = value[_SERIALIZED]
    try:
        pickled = base64.b64decode(text, validate=False) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise ZooError(f"{key} in {_DATA} {where} is no base64") from error
    return pickles.loads(pickled, f"{key} in {_DATA} {where}")


def _family(policy_class: Any) -> str:
    """Return how the networks of a policy class are built; `NotPlain` for an unknown class."""
    if isinstance(policy_class, Name) and policy_class.module.startswith(_LIBRARIES):
        parts = policy_class.module.split(".")
        if policy_class.name in _FAMILIES:
            return _FAMILIES[policy_class.name]
        if len(parts) == 3 and parts[1] in _MODULES and parts[2] == "policies":
            return parts[1]
    what = shown(policy_class)
    if isinstance(policy_class, Made):
        what = f"{what}, as for a class of the author's own code"
    raise NotPlain(f"its policy_class is {what}, and only SB3's own policies are known")

"""SB3 policies that are more than layers, as agents of the kind `sb3-policy`: by names alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo.agent import Agent
from zoo.errors import ZooError
from zoo.foreign.arrays import NotPlain, mapping, plain, shown
from zoo.foreign.records import Name
from zoo.importers.sb3_model import Model
from zoo.importers.sb3_networks import activation
from zoo.importers.sb3_statistics import Statistics
from zoo.plugin.registry import get_registry

KIND = "sb3-policy"
_ALGORITHMS = {
    "ppo": "PPO", "a2c": "A2C", "trpo": "TRPO", "ppo_mask": "MaskablePPO",
    "ppo_lstm": "RecurrentPPO", "dqn": "DQN", "qrdqn": "QRDQN", "sac": "SAC", "tqc": "TQC",
    "td3": "TD3", "ddpg": "DDPG",
}  # fmt: skip
_KEPT = {
    "share_features_extractor", "normalize_images", "n_quantiles", "n_critics", "full_std",
    "use_expln", "squash_output", "clip_mean", "lstm_hidden_size", "n_lstm_layers",
    "shared_lstm", "enable_critic_lstm",
}  # fmt: skip
_EXTRACTORS = ("FlattenExtractor", "NatureCNN", "CombinedExtractor")


def policy_agent(model: Model, own: Space[Any], statistics: Statistics | None) -> Agent:
    """Return a CNN, recurrent or mixed policy as an agent; it needs the plugin of SB3.

    Raises `MissingExtra` where SB3 is not installed, `ZooError` where the policy has parts of
    the author's own code.
    """
    if model.algorithm not in _ALGORITHMS:
        raise ZooError(f"{model.where}: a {model.algorithm} policy of this kind is not known")
    description: dict[str, Any] = {
        "algorithm": _ALGORITHMS[model.algorithm],
        "policy": _policy(model),
        "policy_kwargs": _kwargs(model),
        "use_sde": bool(model.facts.get("use_sde")),
        "epsilon": _rate(model.facts.get("exploration_rate")),
        "normalize": None,
    }
    tensors = {f"policy.{name}": array for name, array in model.tensors.items()}
    if statistics is not None:
        keys = [key for key in statistics.moments if key is not None]
        description["normalize"] = {
            "epsilon": statistics.epsilon,
            "clip": statistics.clip,
            "keys": keys or None,
        }
        for index, (mean, var) in enumerate(statistics.moments.values()):
            tensors |= {f"normalize.{index}.mean": mean, f"normalize.{index}.var": var}
    agent_class = get_registry().agent_class(KIND)
    return agent_class.restore(description, tensors, channels_last(own), model.action_space)


def channels_last(own: Space[Any]) -> Space[Any]:
    """Return the environment's own space: SB3 saves images with their channels in front."""
    if isinstance(own, spaces.Dict):
        return spaces.Dict(OrderedDict((key, channels_last(part)) for key, part in own.items()))
    is_image = isinstance(own, spaces.Box) and len(own.shape) == 3 and own.dtype == np.uint8
    if not is_image or int(np.argmin(own.shape)) != 0:  # type: ignore[arg-type]
        return own
    assert isinstance(own, spaces.Box)
    low, high = (np.moveaxis(bound, 0, -1) for bound in (own.low, own.high))
    return spaces.Box(low, high, dtype=np.uint8)


def _policy(model: Model) -> str:
    name = model.policy_class.name
    lstm = "Lstm" if model.family == "recurrent" else ""
    if "MultiInput" in name:
        return f"MultiInput{lstm}Policy"
    return f"{'Cnn' if 'Cnn' in name else 'Mlp'}{lstm}Policy"


def _kwargs(model: Model) -> dict[str, Any]:
    """Return the policy's arguments as a recipe writes them."""
    kept = {key: value for key, value in model.kwargs.items() if key in _KEPT and _is_plain(value)}
    if "activation_fn" in model.kwargs:
        kept["activation_fn"] = activation(model)
    if (architecture := _architecture(model)) is not None:
        kept["net_arch"] = architecture
    extractor = model.kwargs.get("features_extractor_class")
    if extractor is not None and not (
        isinstance(extractor, Name)
        and extractor.module == "stable_baselines3.common.torch_layers"
        and extractor.name in _EXTRACTORS
    ):
        raise ZooError(
            f"{model.where} reads its observations by {shown(extractor)}, which is the author's "
            "own code",
            "Only SB3's own extractors are known",
        )
    arguments = model.kwargs.get("features_extractor_kwargs")
    if isinstance(arguments, Mapping):
        kept["features_extractor_kwargs"] = {
            key: value for key, value in arguments.items() if _is_plain(value)
        }
    return kept


def _architecture(model: Model) -> Any:
    """Return `net_arch` as today's SB3 takes it; it once was a list with a dictionary in it."""
    given = model.kwargs.get("net_arch")
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], dict):
        given = given[0]
    if isinstance(given, list) and any(isinstance(item, dict) for item in given):
        raise ZooError(f"{model.where} shares layers in a way that SB3 gave up in 1.8")
    try:
        given = mapping(given) if given is not None and not isinstance(given, list) else given
    except NotPlain as error:
        raise ZooError(f"the net_arch of {model.where} is not read: {error}") from error
    return given


def _is_plain(value: Any) -> bool:
    return isinstance(plain(value), bool | int | float | str)


def _rate(value: Any) -> float:
    return float(value) if type(value) in (int, float) and 0 <= value <= 1 else 0.0

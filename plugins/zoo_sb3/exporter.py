"""Agents as zips of Stable-Baselines3, which its own `load` reads.

The model's class follows from the agent's head, and from the algorithm that trained it where
the bundle says so. Critics and optimisers, which acting does not need, are fresh ones. What
normalises observations goes into a `vecnormalize.pkl` beside the zip, as RL Zoo keeps it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import sb3_contrib
import stable_baselines3 as sb3
import torch
from gymnasium import Space, spaces
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from zoo import Agent, Exporter, ZooError
from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Head,
    Linear,
    Quantile,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import standard_steps
from zoo_sb3.policies import ACTIVATIONS
from zoo_sb3.policies import policy_kwargs as with_objects
from zoo_sb3.policy_agent import ALGORITHMS, SB3PolicyAgent
from zoo_sb3.vec_env import HostVecEnv

STATISTICS = "vecnormalize.pkl"
_ON_POLICY: dict[str, Any] = {"sb3-ppo": sb3.PPO, "sb3-a2c": sb3.A2C, "sb3-trpo": sb3_contrib.TRPO}


class SB3Exporter(Exporter):
    """Writes portable agents, and those of the kind `sb3-policy`."""

    suffix = ".zip"

    def write(self, agent: Agent, path: Path) -> None:
        if isinstance(agent, SB3PolicyAgent):
            model, normalizer = _model_of_policy(agent)
        elif isinstance(agent, MLPAgent):
            model, normalizer = _model_of_layers(agent)
        else:
            raise ZooError(
                f"an agent of the kind {agent.kind!r} cannot be written as sb3",
                "Stable-Baselines3 has networks only",
            )
        temporary = path.with_name(f".tmp-{path.name}.zip")  # SB3 wants the ending
        try:
            model.save(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        if normalizer is not None:
            normalizer.save(str(path.with_name(STATISTICS)))


def _model_of_policy(agent: SB3PolicyAgent) -> tuple[Any, VecNormalize | None]:
    described = agent.describe()
    normal = described["normalize"]
    moments = {}
    if normal is not None:
        tensors = agent.tensors()
        for index, key in enumerate(normal["keys"] or [None]):
            mean, var = (tensors[f"normalize.{index}.{part}"] for part in ("mean", "var"))
            moments[key] = (mean, var)
    normalizer = _normalizer(agent, moments, normal or {})
    model = _built(
        ALGORITHMS[described["algorithm"]],
        described["policy"],
        agent,
        normalizer,
        with_objects(described["policy_kwargs"]),
        use_sde=described["use_sde"],
    )
    model.policy.load_state_dict(agent.policy.state_dict())
    _set_epsilon(model, described["epsilon"])
    return model, normalizer


def _model_of_layers(agent: MLPAgent) -> tuple[Any, VecNormalize | None]:
    normalizer = _normalizer_of_steps(agent)
    target = _target(agent.head, agent)
    *hidden, last = agent.layers
    kwargs: dict[str, Any] = {"net_arch": [layer.outputs for layer in hidden]}
    if hidden:
        kwargs["activation_fn"] = _activation(hidden)
    kwargs |= target.kwargs
    policy = "MultiInputPolicy" if isinstance(agent.observation_space, spaces.Dict) else "MlpPolicy"
    model = _built(target.model, policy, agent, normalizer, kwargs, use_sde=target.use_sde)
    state = model.policy.state_dict()
    for name, layer in zip(target.names(len(hidden)), (*hidden, last), strict=True):
        _put(state, name, layer)
    for name, value in target.extra.items():
        _put(state, name, value)
    model.policy.load_state_dict(state)
    _set_epsilon(model, getattr(agent.head, "epsilon", 0.0))
    return model, normalizer


class _Target:
    """Where an agent's numbers go: a class of models, and the names in its policy."""

    def __init__(
        self,
        model: Any,
        prefix: str,
        last: str = "",
        *,
        kwargs: Mapping[str, Any] | None = None,
        use_sde: bool = False,
        extra: Mapping[str, Layer | np.ndarray] | None = None,
    ) -> None:
        self.model, self.prefix, self.last = model, prefix, last
        self.kwargs, self.use_sde, self.extra = dict(kwargs or {}), use_sde, dict(extra or {})

    def names(self, hidden: int) -> list[str]:
        """Return the name of each layer: activations stand between them in a Sequential."""
        names = [f"{self.prefix}.{2 * index}" for index in range(hidden)]
        return [*names, self.last or f"{self.prefix}.{2 * hidden}"]


def _target(head: Head, agent: MLPAgent) -> _Target:
    trained_by = getattr(agent.origin, "algorithm", "")
    if isinstance(head, DiagonalGaussian):
        return _gaussian(head, trained_by)
    target: _Target | None = None
    match head:
        case Categorical():
            model = _ON_POLICY.get(trained_by, sb3.PPO)
            model = sb3_contrib.MaskablePPO if head.masks else model
            target = _Target(model, "mlp_extractor.policy_net", "action_net")
        case SquashedGaussian(smooth=False):
            model = sb3_contrib.TQC if trained_by == "sb3-tqc" else sb3.SAC
            extra = {"actor.log_std": head.log_std}
            target = _Target(model, "actor.latent_pi", "actor.mu", extra=extra)
        case Deterministic():
            target = _Target(sb3.DDPG if trained_by == "sb3-ddpg" else sb3.TD3, "actor.mu")
        case Linear():
            is_box = isinstance(agent.action_space, spaces.Box)
            kwargs = {"squash_output": False} if is_box else {}
            target = _Target(sb3_contrib.ARS, "action_net", kwargs=kwargs)
        case QValue():
            target = _Target(sb3.DQN, "q_net.q_net")
        case Quantile():
            counted = {"n_quantiles": head.n_quantiles}
            target = _Target(sb3_contrib.QRDQN, "quantile_net.quantile_net", kwargs=counted)
    if target is None:
        raise _not_expressible(f"a {head.name} head of this kind")
    return target


def _gaussian(head: DiagonalGaussian, trained_by: str) -> _Target:
    """PPO's Gaussian, or state-dependent exploration in PPO or SAC."""
    if head.log_std.ndim == 1:
        if head.squash or head.clip_mean is not None:
            raise _not_expressible("a squashed Gaussian without state-dependent exploration")
        model = _ON_POLICY.get(trained_by, sb3.PPO)
        extra = {"log_std": head.log_std}
        return _Target(model, "mlp_extractor.policy_net", "action_net", extra=extra)
    if head.squash and (head.clip_mean is not None or trained_by in ("sb3-sac", "sb3-tqc")):
        model = sb3_contrib.TQC if trained_by == "sb3-tqc" else sb3.SAC
        limit = head.clip_mean or 0.0
        return _Target(
            model,
            "actor.latent_pi",
            "actor.mu.0" if limit else "actor.mu",
            kwargs={"clip_mean": limit},
            use_sde=True,
            extra={"actor.log_std": head.log_std},
        )
    return _Target(
        _ON_POLICY.get(trained_by, sb3.PPO),
        "mlp_extractor.policy_net",
        "action_net",
        kwargs={"squash_output": head.squash},
        use_sde=True,
        extra={"log_std": head.log_std},
    )


def _built(
    model_class: Any,
    policy: str,
    agent: Agent,
    normalizer: VecNormalize | None,
    kwargs: dict[str, Any],
    *,
    use_sde: bool,
) -> Any:
    """Return a fresh model for the agent's spaces."""
    env = normalizer or HostVecEnv(agent.observation_space, agent.action_space, 1)
    more: dict[str, Any] = {"use_sde": True} if use_sde else {}
    if issubclass(model_class, sb3.common.off_policy_algorithm.OffPolicyAlgorithm):
        more["buffer_size"] = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model_class(policy, env, policy_kwargs=kwargs, device="cpu", **more)
    except (AssertionError, ValueError, TypeError, NotImplementedError) as error:
        said = str(error).strip().split("\n")[0]
        raise ZooError(f"Stable-Baselines3 has no model for this agent: {said}") from error


def _put(state: dict[str, torch.Tensor], name: str, value: Layer | np.ndarray) -> None:
    """Replace what the fresh policy calls `name` by the agent's numbers."""
    if isinstance(value, Layer):
        bias = np.zeros(value.outputs, np.float32) if value.bias is None else value.bias
        numbers = {f"{name}.weight": value.weight, f"{name}.bias": bias}
    else:
        numbers = {name: value}
    for key, array in numbers.items():
        if key not in state or tuple(state[key].shape) != array.shape:
            raise _not_expressible(f"a layer {key} of shape {array.shape}")
        state[key] = torch.from_numpy(array.copy())


def _activation(hidden: list[Layer]) -> Any:
    names = {layer.activation for layer in hidden}
    if len(names) != 1 or not names <= ACTIVATIONS.keys():
        raise _not_expressible(f"the activations {', '.join(sorted(names))} between its layers")
    return ACTIVATIONS[names.pop()]


def _normalizer_of_steps(agent: MLPAgent) -> VecNormalize | None:
    """Return SB3's normaliser for the agent's; `ZooError` for other preprocessing than SB3's."""
    own = agent.observation_space
    steps = list(agent.preprocess.steps)
    normal = [parameters for name, parameters in steps if name == "normalize"]
    rest = [(name, dict(parameters)) for name, parameters in steps if name != "normalize"]
    if rest != [(name, dict(parameters)) for name, parameters in standard_steps(own)]:
        raise _not_expressible("its preprocessing of observations")
    if any(np.any(getattr(space, "start", 0)) for space in (own, agent.action_space)):
        raise _not_expressible("counts that do not begin at 0")
    inner = own.spaces.values() if isinstance(own, spaces.Dict) else [own]
    if any(is_image_space(space) for space in inner):
        raise _not_expressible("layers that read flattened images")
    moments = {one.get("key"): (one["mean"], one["var"]) for one in normal}
    return _normalizer(agent, moments, normal[0] if normal else {})


def _normalizer(
    agent: Agent,
    moments: Mapping[str | None, tuple[np.ndarray, np.ndarray]],
    settings: Mapping[str, Any],
) -> VecNormalize | None:
    if not moments:
        return None
    keys = [key for key in moments if key is not None] or None
    env = HostVecEnv(agent.observation_space, agent.action_space, 1)
    normalizer = VecNormalize(
        env,
        training=False,
        norm_reward=False,
        clip_obs=float(settings["clip"]),
        epsilon=float(settings["epsilon"]),
        norm_obs_keys=keys,
    )
    for key, (mean, var) in moments.items():
        shape: Space[Any] = agent.observation_space if key is None else agent.observation_space[key]  # type: ignore[index]
        rms = RunningMeanStd(shape=shape.shape)  # type: ignore[arg-type]
        rms.mean, rms.var = np.array(mean, np.float64), np.array(var, np.float64)
        if key is None:
            normalizer.obs_rms = rms  # type: ignore[assignment]
        else:
            normalizer.obs_rms[key] = rms
    return normalizer


def _set_epsilon(model: Any, epsilon: float) -> None:
    if hasattr(model, "exploration_rate"):
        model.exploration_rate = epsilon


def _not_expressible(what: str) -> ZooError:
    return ZooError(
        f"Stable-Baselines3 cannot express {what}", "`--format numpy` writes every agent"
    )

"""SB3's policies of fully connected layers as agents that need NumPy alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from gymnasium import Space, spaces
from sb3_contrib.ars.policies import ARSPolicy
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.torch_layers import BatchRenorm
from sb3_contrib.qrdqn.policies import QRDQNPolicy
from stable_baselines3.common.distributions import (
    DiagGaussianDistribution,
    StateDependentNoiseDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import CombinedExtractor, FlattenExtractor
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import nn

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
from zoo.agents.preprocess import Preprocess, Step, standard_steps
from zoo_sb3.normalization import Normalization
from zoo_sb3.policies import ACTIVATIONS, needs_transpose

NAMES = {module: name for name, module in ACTIVATIONS.items()}


def portable_agent(
    policy: Any,
    observation_space: Space[Any],
    action_space: Space[Any],
    normalization: Normalization | None,
    *,
    epsilon: float = 0.0,
) -> MLPAgent | None:
    """Return `policy` as an agent of the kind `mlp`; None where it is more than layers.

    `observation_space` and `action_space` are the environment's; `epsilon` is the chance of a
    random action where the policy is made of action values.
    """
    if isinstance(policy, RecurrentActorCriticPolicy):
        return None
    extractor, modules, head = _parts(policy, epsilon)
    if not _only_flattens(extractor):
        return None
    seen = observation_space if normalization is None else normalization.space(observation_space)
    layers = _layers(modules)
    if not isinstance(seen, spaces.Dict) and needs_transpose(seen):
        layers[0] = _channels_last(layers[0], seen.shape or ())
    steps: list[Step] = [] if normalization is None else normalization.steps()
    steps += [s for s in standard_steps(seen) if policy.normalize_images or s[0] != "scale"]
    return MLPAgent(observation_space, action_space, layers, head, Preprocess(steps))


def _parts(policy: Any, epsilon: float) -> tuple[nn.Module, list[nn.Module], Head]:
    """Return the acting part of a policy: what reads observations, the modules, the head."""
    if isinstance(policy, ActorCriticPolicy | MaskableActorCriticPolicy):
        modules = [*policy.mlp_extractor.policy_net, policy.action_net]
        return policy.pi_features_extractor, modules, _actor_critic_head(policy)
    if isinstance(policy, DQNPolicy):
        net = policy.q_net
        return net.features_extractor, [*net.q_net], QValue(epsilon=epsilon)
    if isinstance(policy, QRDQNPolicy):
        quantiles = policy.quantile_net
        quantile_head = Quantile(n_quantiles=int(quantiles.n_quantiles), epsilon=epsilon)
        return quantiles.features_extractor, [*quantiles.quantile_net], quantile_head
    if isinstance(policy, TD3Policy):
        actor = policy.actor
        return actor.features_extractor, _without_tanh(actor.mu), Deterministic()
    if isinstance(policy, ARSPolicy):
        modules = [*policy.action_net]
        if policy.squash_output:
            modules = _without_tanh(modules)
        head: Head = Deterministic() if policy.squash_output else Linear()
        return policy.features_extractor, modules, head
    return _entropy_parts(policy.actor)


def _entropy_parts(actor: Any) -> tuple[nn.Module, list[nn.Module], Head]:
    """Return the parts of the actors of SAC, TQC and CrossQ."""
    if not actor.use_sde:
        log_std = Layer(_numbers(actor.log_std.weight), _numbers(actor.log_std.bias))
        latent = [*actor.latent_pi]
        if latent and isinstance(latent[-1], BatchRenorm):
            log_std = _folded(log_std, _affine(latent[-1]))
        modules = [*latent, actor.mu]
        return actor.features_extractor, modules, SquashedGaussian(log_std=log_std)
    clipped = isinstance(actor.mu, nn.Sequential)  # a linear layer and the bound of the mean
    head = DiagonalGaussian(
        log_std=_log_std(actor.action_dist, actor.log_std),
        squash=True,
        clip_mean=float(actor.clip_mean) if clipped else None,
    )
    mean = actor.mu[0] if clipped else actor.mu
    return actor.features_extractor, [*actor.latent_pi, _Latent(), mean], head


def _actor_critic_head(policy: Any) -> Head:
    distribution = policy.action_dist
    if isinstance(distribution, DiagGaussianDistribution):
        return DiagonalGaussian(log_std=_numbers(policy.log_std))
    if isinstance(distribution, StateDependentNoiseDistribution):
        log_std = _log_std(distribution, policy.log_std)
        return DiagonalGaussian(log_std=log_std, squash=bool(policy.squash_output))
    return Categorical(masks=isinstance(policy, MaskableActorCriticPolicy))


class _Latent(nn.Module):
    """A place where the head reads the features, so that no layer may be folded over it."""


def _layers(modules: Iterable[nn.Module]) -> list[Layer]:
    """Return linear layers with the activations that follow them, and batch normalisation
    folded into the layer after it.
    """
    layers: list[Layer] = []
    affine: tuple[np.ndarray, np.ndarray] | None = None
    for module in modules:
        if isinstance(module, nn.Linear):
            bias = None if module.bias is None else _numbers(module.bias)
            layer = Layer(_numbers(module.weight), bias)
            layers.append(layer if affine is None else _folded(layer, affine))
            affine = None
        elif isinstance(module, BatchRenorm):
            affine = _affine(module)
        elif isinstance(module, _Latent):
            if affine is not None:
                layers.append(Layer(np.diag(affine[0]), affine[1]))
                affine = None
        else:
            last = layers[-1]
            layers[-1] = Layer(last.weight, last.bias, NAMES[type(module)])
    return layers


def _affine(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return batch normalisation at rest as (factor, offset), float64: x -> factor x + offset."""
    scale, mean, var = (_numbers(x, np.float64) for x in (norm.scale, norm.ra_mean, norm.ra_var))
    factor = scale / np.sqrt(var + norm.eps)
    return factor, _numbers(norm.bias, np.float64) - factor * mean


def _folded(layer: Layer, affine: tuple[np.ndarray, np.ndarray]) -> Layer:
    """Return the layer that does `affine` first and then what `layer` does."""
    factor, offset = affine
    weight = layer.weight.astype(np.float64)
    bias = weight @ offset + (0.0 if layer.bias is None else layer.bias)
    return Layer(weight * factor, bias, layer.activation)


def _channels_last(layer: Layer, shape: tuple[int, ...]) -> Layer:
    """Return the layer that reads flattened images (H, W, C) where `layer` reads (C, H, W)."""
    height, width, channels = shape
    order = np.arange(layer.inputs).reshape(channels, height, width).transpose(1, 2, 0).ravel()
    return Layer(layer.weight[:, order], layer.bias, layer.activation)


def _only_flattens(extractor: nn.Module) -> bool:
    if isinstance(extractor, CombinedExtractor):
        return all(isinstance(part, nn.Flatten) for part in extractor.extractors.values())
    return isinstance(extractor, FlattenExtractor)


def _without_tanh(modules: Iterable[nn.Module]) -> list[nn.Module]:
    *rest, last = modules
    return rest if isinstance(last, nn.Tanh) else [*rest, last]


def _log_std(distribution: Any, log_std: torch.Tensor) -> np.ndarray:
    """Return gSDE's log standard deviations (features, actions), whichever way they are kept."""
    with torch.no_grad():
        return _numbers(torch.log(distribution.get_std(log_std)))


def _numbers(tensor: torch.Tensor, dtype: Any = np.float32) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(dtype)

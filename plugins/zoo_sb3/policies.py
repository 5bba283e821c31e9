"""From the words of a config to SB3's policies, and back: names, never import paths."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from pydantic import BaseModel
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from stable_baselines3.common.vec_env import VecTransposeImage
from torch import nn

from zoo import ZooError
from zoo_sb3.support import shown

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "leaky-relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}
OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "rmsprop-tf-like": RMSpropTFLike,
}
CNN_SIDE = 36
"""The least height and width of an image for SB3's `NatureCNN`."""


def plain_kwargs(config: BaseModel | None) -> dict[str, Any]:
    """Return the keys of a `policy_kwargs` config that say something, as JSON."""
    return {} if config is None else config.model_dump(mode="json", exclude_none=True)


def policy_kwargs(plain: dict[str, Any]) -> dict[str, Any]:
    """Return what SB3's policy classes take for `plain`, with objects in place of names."""
    kwargs = dict(plain)
    if "activation_fn" in kwargs:
        kwargs["activation_fn"] = ACTIVATIONS[kwargs["activation_fn"]]
    if "optimizer_class" in kwargs:
        kwargs["optimizer_class"] = OPTIMIZERS[kwargs["optimizer_class"]]
    if "betas" in kwargs.get("optimizer_kwargs", {}):
        betas = tuple(kwargs["optimizer_kwargs"]["betas"])
        kwargs["optimizer_kwargs"] = {**kwargs["optimizer_kwargs"], "betas": betas}
    return kwargs


def choose_policy(
    algorithm: str, policy: str, known: tuple[str, ...], observation_space: spaces.Space[Any]
) -> str:
    """Return the name of the policy to use, out of `known`; `ZooError` for one that cannot be.

    `auto` becomes the policy for the observations: of several inputs for a Dict, convolutional
    for images, of fully connected layers for all else.
    """
    fitting = _fitting(known, observation_space)
    if not fitting:
        raise ZooError(
            f"{algorithm} has no policy for observations from {shown(observation_space)}",
            "Flatten them with: env_wrapper: flatten-dict-observation"
            if isinstance(observation_space, spaces.Dict)
            else "",
        )
    if policy == "auto":
        return fitting[0]
    if policy not in fitting:
        shape = getattr(observation_space, "shape", None)
        if policy.startswith("Cnn") and _is_image(observation_space):
            what = f"images of shape {shape}, with sides shorter than {CNN_SIDE}"
        else:
            what = f"observations from {shown(observation_space)}"
        raise ZooError(
            f"policy {policy} of {algorithm} does not take {what}",
            f"Use policy: {' or '.join(fitting)}",
        )
    return policy


def _fitting(known: tuple[str, ...], space: spaces.Space[Any]) -> list[str]:
    """Return the policies that can read `space`, the most fitting first."""
    if isinstance(space, spaces.Dict):
        return [name for name in known if name.startswith("MultiInput")]
    plain = [name for name in known if not name.startswith(("MultiInput", "Cnn"))]
    large = _is_image(space) and min(sorted(space.shape or ())[-2:]) >= CNN_SIDE
    return [name for name in known if name.startswith("Cnn") and large] + plain


def _is_image(space: spaces.Space[Any]) -> bool:
    return is_image_space(space)


def transposed(space: spaces.Space[Any]) -> spaces.Space[Any]:
    """Return the space that SB3 learns in: images with their channels first."""
    if isinstance(space, spaces.Dict):
        # Gymnasium sorts the keys of a plain dict, and the order is that of the network's inputs
        inner = ((key, transposed(one)) for key, one in space.spaces.items())
        return spaces.Dict(OrderedDict(inner))
    if needs_transpose(space):
        assert isinstance(space, spaces.Box)
        return VecTransposeImage.transpose_space(space)
    return space


def needs_transpose(space: spaces.Space[Any]) -> bool:
    """Whether SB3 moves the channels of observations from `space` to the front."""
    return is_image_space(space) and int(np.argmin(space.shape or ())) != 0

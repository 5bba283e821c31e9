"""Networks behind encoders that are small enough for dense matrices, and the same in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from zoo.agents.convolutions import Convolution, Flatten, Linear, MaxPool, Relu
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.convolutions import TorchEncoder
from zoo_torch.families import family_of
from zoo_torch.rows import rows_for

PICTURE = spaces.Box(0, 255, (6, 6, 1), np.uint8)
_NETWORK = (Convolution(2, 3), Relu(), MaxPool(2, 2), Flatten(), Linear(4), Relu())


def two_sighted(
    action_space: spaces.Space[Any], *, shares: bool = False, seed: int = 0, hidden: int = 3
) -> ActorCritic:
    """Return a policy and a value function over pictures, each behind an encoder of 56
    parameters, unless they share one."""
    rng = np.random.default_rng(seed)

    def encoder() -> TorchEncoder:
        return TorchEncoder(rows_for(PICTURE, "minatar"), [_NETWORK], "cpu", rng, True)

    model = ActorCritic(
        4, family_of(action_space), policy_units=[hidden], value_units=[], activation="tanh",
        orthogonal=True, log_std=-0.5, rng=rng, encoder=encoder(),
        value_encoder=None if shares else encoder(),
    )  # fmt: skip
    for layer, _ in (model.policy.parameters[-1], model.value.parameters[-1]):
        layer[:] = rng.standard_normal(layer.shape)
    return model


def logits_and_values(
    model: ActorCritic, theta: torch.Tensor, rows: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `two_sighted` puts out (n, outputs) and the values (n,), as autograd's functions
    of all its parameters."""
    start = 0

    def take(*shape: int) -> torch.Tensor:
        nonlocal start
        start += int(np.prod(shape))
        return theta[start - int(np.prod(shape)) : start].view(shape)

    def seen() -> torch.Tensor:
        x = torch.tensor(rows, dtype=theta.dtype).permute(0, 3, 1, 2) / 255
        x = torch.conv2d(x, take(2, 1, 3, 3), take(2)).relu()
        x = torch.max_pool2d(x, 2).flatten(1)
        return (x @ take(4, 8).T + take(4)).relu()

    def through(x: torch.Tensor, units: list[int]) -> torch.Tensor:
        for i, width in enumerate(units):
            x = x @ take(x.shape[1], width) + take(width)
            x = torch.tanh(x) if i + 1 < len(units) else x
        return x

    features = seen()
    of_value = features if model.shares_features else seen()
    outputs = through(features, [len(model.policy.parameters[0][1]), model.family.outputs])
    values = through(of_value, [1])[:, 0]
    assert start + len(model.log_std) == len(theta)
    return outputs, values

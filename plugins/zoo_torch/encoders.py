"""What turns rows with images into features: the part of a network that PyTorch differentiates.

An encoder stands in front of the small networks of `zoo_torch.mlp`. Its parameters are a piece
of the same flat vector, so that optimisers, clipping, target networks and checkpoints know
nothing of it. PyTorch is imported when an encoder is made and not before.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from gymnasium import Space

from zoo import MissingExtra, ZooError, did_you_mean
from zoo.agents.convolutions import (
    Convolution,
    Flatten,
    Linear,
    MaxPool,
    Network,
    Relu,
    Residual,
    Stage,
    output_shape,
)
from zoo_torch.optimizers import Adam
from zoo_torch.rows import FLATTEN, Rows, rows_for


class Encoder(Protocol):
    """Rows -> features (n, outputs), on parameters that belong to others."""

    outputs: int
    """Features of a row."""
    size: int
    """How many parameters there are."""
    rows: Rows
    """What makes the rows that it reads."""

    def bind(self, parameters: np.ndarray, gradient: np.ndarray) -> None:
        """Compute with `parameters` from now on, and write to `gradient`: both (size,) float32,
        contiguous. The first weights, if any were drawn, are written to the first `parameters`
        that are bound.

        On the CPU PyTorch shares this memory. On a GPU every pass uploads the parameters first,
        since anybody may have changed them: 7 MB for `nature`, half a millisecond.
        """

    def forward(self, rows: np.ndarray) -> np.ndarray:
        """Return the features (n, outputs) float32, and keep what `backward` needs."""

    def infer(self, rows: np.ndarray) -> np.ndarray:
        """Return the same, and keep nothing: what `forward` kept stays as it is."""

    def backward(self, by_features: np.ndarray) -> None:
        """Write the gradient of a scalar, given its gradient (n, outputs) by the features of the
        last `forward`, which it forgets."""

    def pull(self, rows: np.ndarray, by_features: np.ndarray) -> None:
        """Write the same for any rows, a piece of them at a time: their features are computed
        anew, and the memory that takes does not grow with their number."""

    def push(self, rows: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return how the features (n, outputs) of any rows move when the parameters move in
        `direction` (size,): the Jacobian times it."""

    def tensors(self) -> list[dict[str, np.ndarray]]:
        """Return copies of the parameters of each image's network, as `zoo.agents.convolutions`
        names them."""

    networks: list[Network]
    """The network of each image of the rows."""


def encoder_for(
    observation_space: Space[Any],
    kind: str | None = None,
    *,
    device: str = "cpu",
    rng: np.random.Generator | None = None,
    orthogonal: bool = True,
    fully_connected: bool = True,
) -> Encoder | None:
    """Return the encoder of a space's observations; None where rows are flat float32 already.

    `kind` is a key of `ARCHITECTURES`, `flatten` for none, or None for the usual one: `nature` if
    there are images of bytes. The first weights are drawn from `rng`: orthogonal with biases of
    0, or as PyTorch's; without an `rng` there are none, as for a target network. Unless
    `fully_connected`, the networks end in what convolutions give, flattened: the layer of
    `units_for` units that else ends them is then for others to make. `ZooError` where the
    observations do not fit.
    """
    rows = rows_for(observation_space, kind)
    if not rows.images:
        return None
    name = kind or "nature"
    if name not in ARCHITECTURES:
        raise ZooError(
            f"unknown encoder {name!r}",
            did_you_mean(name, [*ARCHITECTURES, FLATTEN])
            or f"Use one of {', '.join([*ARCHITECTURES, FLATTEN])}",
        )
    network: Network = (*ARCHITECTURES[name], Flatten())
    if fully_connected:
        network = (*network, Linear(units_for(rows, name)), Relu())
    for one in rows.images:
        try:
            output_shape(network, one.shape)
        except ZooError as error:
            raise ZooError(
                f"the encoder {name!r} does not fit {observation_space}: {error.message}",
                "Set policy_kwargs.encoder: minatar, which reads small images, or flatten",
            ) from error
    if find_spec("torch") is None:
        raise MissingExtra("learning from images", "torch")
    from zoo_torch.convolutions import TorchEncoder

    return TorchEncoder(rows, [network] * len(rows.images), device, rng, orthogonal)


def units_for(rows: Rows, kind: str | None = None) -> int:
    """Return the units of the layer that ends the network of each image of `rows`."""
    units = _UNITS[kind or "nature"]
    return units if rows.of_an_image else min(units, _UNITS_IN_DICT)


def adam_for(parameters: np.ndarray, *, eps: float, encodes: bool) -> Adam:
    """Return Adam for a vector, by PyTorch where an encoder is a part of it (`encodes`)."""
    if not encodes:
        return Adam(parameters, eps=eps)
    from zoo_torch.fused import FusedAdam

    return FusedAdam(parameters, eps=eps)


def _impala(*filters: int) -> Network:
    """Return the residual network of fig. 3, right, of https://arxiv.org/abs/1802.01561."""
    stages: list[Stage] = []
    for one in filters:
        branch = (Relu(), Convolution(one, 3, padding=1), Relu(), Convolution(one, 3, padding=1))
        stages += [Convolution(one, 3, padding=1), MaxPool(3, 2, 1), *[Residual(branch)] * 2]
    return (*stages, Relu())


ARCHITECTURES: dict[str, Network] = {
    # Mnih et al., 2015, "Model architecture": https://doi.org/10.1038/nature14236
    "nature": (
        Convolution(32, 8, 4), Relu(), Convolution(64, 4, 2), Relu(), Convolution(64, 3), Relu()
    ),
    "impala": _impala(16, 32, 32),
    # Young & Tian, 2019, appendix: https://arxiv.org/abs/1903.03176
    "minatar": (Convolution(16, 3), Relu()),
}  # fmt: skip
"""By name: the network of an image, up to the fully connected layer that ends it."""

_UNITS = {"nature": 512, "impala": 256, "minatar": 128}
_UNITS_IN_DICT = 256
"""For each image of a Dict at most, as in Stable-Baselines3."""

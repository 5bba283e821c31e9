"""Convolutional encoders, computed and differentiated by PyTorch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch.autograd import forward_ad
from torch.nn import functional as F

from zoo.agents.convolutions import (
    Convolution,
    Flatten,
    Linear,
    MaxPool,
    Network,
    Relu,
    Residual,
    output_shape,
    parameter_shapes,
)
from zoo.agents.images import ImageInput
from zoo_torch import flat, mlp
from zoo_torch.rows import Rows
from zoo_torch.threads import one_blas_thread

CHUNK = 256
"""Most rows that are taken at once where no graph has to last."""


class TorchEncoder:
    """A network for each image, and its features side by side; then the other numbers of a row.

    See `zoo_torch.encoders.Encoder` for what the methods promise.
    """

    def __init__(
        self,
        rows: Rows,
        networks: Sequence[Network],
        device: str,
        rng: np.random.Generator | None,
        orthogonal: bool,
    ) -> None:
        """Draw the first weights from `rng`, if any; images of `rows` and `networks` are pairs."""
        self.rows, self.networks = rows, list(networks)
        self._device = torch.device(device)
        self._shares = self._device.type == "cpu"
        """Whether the parameters are the very memory that they are given in."""
        self._pairs = list(zip(rows.images, self.networks, strict=True))
        each = [parameter_shapes(network, one.shape) for one, network in self._pairs]
        self._shapes = {f"{i}.{n}": shape for i, of in enumerate(each) for n, shape in of.items()}
        self.size = flat.size(self._shapes)
        ends = [output_shape(network, one.shape) for one, network in self._pairs]
        self.outputs = sum(math.prod(end) for end in ends) + rows.numbers
        with one_blas_thread():
            self._first = None if rng is None else self._draw(rng, orthogonal)
        self._features: torch.Tensor | None = None

    def bind(self, parameters: np.ndarray, gradient: np.ndarray) -> None:
        if self._first is not None:
            parameters[:], self._first = self._first, None
        self._parameters = parameters
        self._host, self._slopes = torch.from_numpy(parameters), torch.from_numpy(gradient)
        self._mirror = self._host if self._shares else self._host.to(self._device, copy=True)
        # `data`, not `detach`, lets an upload come between a pass and its gradient
        self._leaves = [one.data.requires_grad_() for one in self._parts(self._mirror)]

    def forward(self, rows: np.ndarray) -> np.ndarray:
        self._upload()
        with torch.enable_grad():
            self._features = self._compute(rows, self._leaves)
        return self._features.detach().cpu().numpy()

    def infer(self, rows: np.ndarray) -> np.ndarray:
        self._upload()
        with torch.inference_mode():
            parts = [
                self._compute(rows[piece], self._leaves).cpu().numpy() for piece in _pieces(rows)
            ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def backward(self, by_features: np.ndarray) -> None:
        assert self._features is not None, "backward follows forward"
        found = self._gradient(self._features, by_features)
        self._features = None
        self._write(found)

    def pull(self, rows: np.ndarray, by_features: np.ndarray) -> None:
        self._upload()
        total: Sequence[torch.Tensor] = ()
        for piece in _pieces(rows):
            with torch.enable_grad():
                features = self._compute(rows[piece], self._leaves)
            found = self._gradient(features, by_features[piece])
            total = [a + b for a, b in zip(total, found, strict=True)] if total else found
        self._write(total)

    def push(self, rows: np.ndarray, direction: np.ndarray) -> np.ndarray:
        self._upload()
        moved = torch.from_numpy(np.ascontiguousarray(direction, np.float32)).to(self._device)
        moves = self._parts(moved)
        parts = []
        with torch.no_grad(), forward_ad.dual_level():
            leaves = [
                forward_ad.make_dual(leaf, move)
                for leaf, move in zip(self._leaves, moves, strict=True)
            ]
            for piece in _pieces(rows):
                by_move = forward_ad.unpack_dual(self._compute(rows[piece], leaves)).tangent
                assert by_move is not None
                parts.append(by_move.cpu().numpy())
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def tensors(self) -> list[dict[str, np.ndarray]]:
        views = flat.views(self._parameters, self._shapes)
        return [
            {n.removeprefix(f"{i}."): v.copy() for n, v in views.items() if n.startswith(f"{i}.")}
            for i in range(len(self._pairs))
        ]

    def _compute(self, rows: np.ndarray, parameters: Sequence[torch.Tensor]) -> torch.Tensor:
        images, rest = self.rows.split(rows)
        taken = iter(parameters)
        with self._repeatable():
            parts = [
                _apply(network, self._pixels(image, one), taken)
                for (one, network), image in zip(self._pairs, images, strict=True)
            ]
        if rest is not None:
            parts.append(torch.from_numpy(rest).to(self._device))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def _gradient(self, features: torch.Tensor, by_features: np.ndarray) -> Sequence[torch.Tensor]:
        """Return a scalar's gradient by each parameter, given that by the features."""
        by = torch.from_numpy(np.ascontiguousarray(by_features, np.float32)).to(self._device)
        with self._repeatable():
            return torch.autograd.grad(features, self._leaves, by)

    def _write(self, gradients: Sequence[torch.Tensor]) -> None:
        """Copy gradients by each parameter to where they belong, from another memory at once."""
        if not self._shares:
            self._slopes.copy_(torch.cat([one.reshape(-1) for one in gradients]))
            return
        for room, one in zip(self._parts(self._slopes), gradients, strict=True):
            room.copy_(one)

    def _parts(self, vector: torch.Tensor) -> list[torch.Tensor]:
        """Return each parameter as a view of a vector (size,)."""
        parts = vector.split([math.prod(shape) for shape in self._shapes.values()])
        return [one.view(shape) for one, shape in zip(parts, self._shapes.values(), strict=True)]

    def _repeatable(self) -> AbstractContextManager[None]:
        """Have cuDNN compute the same each time: some of its gradients add up in any order."""
        if self._device.type == "cpu":
            return nullcontext()
        tf32 = torch.backends.cudnn.allow_tf32
        return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=tf32)

    def _pixels(self, images: np.ndarray, one: ImageInput) -> torch.Tensor:
        """Return a batch of images as float32 (n, channels, height, width), which lie in memory
        with the channels last: convolutions are faster so."""
        if not images.flags.writeable:  # which PyTorch warns of
            images = images.copy()
        x = torch.from_numpy(images).to(self._device)
        x = x if one.channels_first else x.permute(0, 3, 1, 2)
        x = x.to(torch.float32, memory_format=torch.channels_last, copy=True)
        return x if one.divisor == 1.0 else x.div_(one.divisor)

    def _upload(self) -> None:
        """Copy the parameters to a device that shares no memory with the host."""
        if not self._shares:
            self._mirror.copy_(self._host)

    def _draw(self, rng: np.random.Generator, orthogonal: bool) -> np.ndarray:
        """Return first weights (size,): orthogonal with biases of 0, or PyTorch's own.

        The gain is that of networks of rectifiers; in a residual block it is 1, so that what its
        branch adds is small beside what it is added to.
        """
        vector = np.zeros(self.size, np.float32)
        inputs = 1
        for name, view in flat.views(vector, self._shapes).items():
            if name.endswith("weight"):
                inputs, outputs = math.prod(view.shape[1:]), view.shape[0]
                if orthogonal:
                    gain = 1.0 if name.count(".") > 2 else math.sqrt(2)
                    drawn = mlp.orthogonal(rng, inputs, outputs, gain)
                else:
                    drawn = mlp.uniform(rng, inputs, outputs)
                view[:] = drawn.T.reshape(view.shape)
            elif not orthogonal:
                view[:] = mlp.uniform(rng, inputs, len(view))[0]
        return vector


def _pieces(rows: np.ndarray) -> Iterator[slice]:
    """Yield the pieces that many rows are taken in."""
    return (slice(start, start + CHUNK) for start in range(0, len(rows), CHUNK))


def _apply(network: Network, x: torch.Tensor, parameters: Iterator[torch.Tensor]) -> torch.Tensor:
    """Return what a network makes of `x`, taking its parameters one by one."""
    for stage in network:
        match stage:
            case Convolution():
                weight, bias = next(parameters), next(parameters)
                x = F.conv2d(x, weight, bias, stage.stride, stage.padding)
            case MaxPool():
                x = F.max_pool2d(x, stage.size, stage.stride, stage.padding)
            case Relu():
                x = F.relu(x)
            case Residual():
                x = x + _apply(stage.branch, x, parameters)
            case Flatten():
                x = x.flatten(1)
            case Linear():
                weight, bias = next(parameters), next(parameters)
                x = F.linear(x, weight, bias)
            case _:
                raise TypeError(f"no such stage: {stage}")
    return x

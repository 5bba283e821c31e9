"""Convolutional networks in NumPy, equal to torch's.

A network is a list of stages, small frozen dataclasses that know their parameters' shapes and how
they compute. Shapes are torch's, (channels, height, width) and (units,); NumPy computes on
batches (n, height, width, channels), where a patch of an image is a few long pieces of memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from zoo.errors import ZooError, did_you_mean

Shape = tuple[int, ...]
Compute = Callable[[np.ndarray], np.ndarray]
_CHUNK = 1 << 22
_MOST = 1 << 28
"""How many numbers in the patches of a convolution are laid out at once (16 MB), unless one image
has more; and how many one may have (1 GB): the network may be a stranger's."""


class Stage:
    """A part of a network; `name` stands in the bundle. `ZooError` for sizes that cannot be."""

    name: ClassVar[str]

    def __post_init__(self) -> None:
        """Refuse what would fill the memory or never fit: a description may be a stranger's."""
        for at in fields(self):  # type: ignore[arg-type]
            value = getattr(self, at.name)
            least = 0 if at.name == "padding" else 1
            if at.name != "branch" and (type(value) is not int or value < least):
                raise ZooError(f"the {at.name} of a stage {self.name!r} cannot be {value!r}")
        if getattr(self, "padding", 0) * 2 > getattr(self, "size", 0):
            raise ZooError(f"a stage {self.name!r} has more padding than half of its size")

    def output(self, shape: Shape) -> Shape:
        """Return the shape of what comes out for inputs of `shape`; `ZooError` where none does."""
        return shape

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        """Return the shapes of the parameters by name."""
        return {}

    def compile(self, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
        """Return the function that computes, for inputs of `shape`; it may use them as room."""
        raise NotImplementedError


@dataclass(frozen=True)
class Convolution(Stage):
    """`filters` of `size` x `size`, every `stride` pixels, zeros around: `torch.nn.Conv2d`."""

    name: ClassVar[str] = "convolution"
    filters: int
    size: int
    stride: int = 1
    padding: int = 0

    def output(self, shape: Shape) -> Shape:
        return (self.filters, *_slide(self, shape))

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        weight = (self.filters, shape[0], self.size, self.size)
        return {"weight": weight, "bias": (self.filters,)}

    def compile(self, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
        """Lay out the patches as rows, and multiply them by the filters."""
        size, stride, padding, filters = self.size, self.stride, self.padding, self.filters
        _, height, width = self.output(shape)
        weight = np.ascontiguousarray(tensors["weight"].transpose(2, 3, 1, 0).reshape(-1, filters))
        bias, numbers = tensors["bias"], height * width * len(weight)
        if numbers > _MOST:
            raise ZooError(f"a convolution would lay out {numbers:,} numbers for one image")
        at_once = max(1, _CHUNK // numbers)

        def convolve(x: np.ndarray) -> np.ndarray:
            if len(x) > at_once:
                starts = range(0, len(x), at_once)
                return np.concatenate([convolve(x[i : i + at_once]) for i in starts])
            patches = _windows(_padded(x, padding, 0.0), size, stride, height, width)
            y = patches.reshape(-1, len(weight)).dot(weight)
            y += bias
            return y.reshape(len(x), height, width, filters)

        return convolve


@dataclass(frozen=True)
class MaxPool(Stage):
    """The maxima over `size` x `size` pixels, every `stride` of them: `torch.nn.MaxPool2d`."""

    name: ClassVar[str] = "max-pool"
    size: int
    stride: int
    padding: int = 0

    def output(self, shape: Shape) -> Shape:
        return (shape[0], *_slide(self, shape))

    def compile(self, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
        size, stride, padding = self.size, self.stride, self.padding
        _, height, width = self.output(shape)

        def pool(x: np.ndarray) -> np.ndarray:
            windows = _windows(_padded(x, padding, -np.inf), size, stride, height, width)
            most = windows[:, :, :, 0, 0].copy()
            for i in range(1, size * size):
                np.maximum(most, windows[:, :, :, i // size, i % size], out=most)
            return most

        return pool


@dataclass(frozen=True)
class Relu(Stage):
    """The positive part."""

    name: ClassVar[str] = "relu"

    def compile(self, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
        return lambda x: np.maximum(x, np.float32(0), out=x)


@dataclass(frozen=True)
class Residual(Stage):
    """`x + branch(x)` (https://arxiv.org/abs/1512.03385)."""

    name: ClassVar[str] = "residual"
    branch: tuple[Stage, ...]

    def __post_init__(self) -> None:
        """Refuse a branch with branches of its own."""
        if any(isinstance(stage, Residual) for stage in self.branch):
            raise ZooError("a residual block has a residual block in its branch")

    def output(self, shape: Shape) -> Shape:
        if output_shape(self.branch, shape) != shape:
            raise ZooError("the branch of a residual block changes the shape of what it is given")
        return shape

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        return parameter_shapes(self.branch, shape)

    def compile(self, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
        branch = compile_network(self.branch, shape, tensors)

        def add(x: np.ndarray) -> np.ndarray:
            y = branch(x.copy())
            y += x
            return y

        return add


@dataclass(frozen=True)
class Flatten(Stage):
    """(channels, height, width) to (units,), in this order: `torch.nn.Flatten`."""

    name: ClassVar[str] = "flatten"

    def output(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def compile(self, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
        return lambda x: x.transpose(0, 3, 1, 2).reshape(len(x), -1)


@dataclass(frozen=True)
class Linear(Stage):
    """`x @ weight.T + bias`: `torch.nn.Linear`."""

    name: ClassVar[str] = "linear"
    units: int

    def output(self, shape: Shape) -> Shape:
        return (self.units,)

    def parameters(self, shape: Shape) -> dict[str, Shape]:
        return {"weight": (self.units, math.prod(shape)), "bias": (self.units,)}

    def compile(self, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
        weight, bias = np.ascontiguousarray(tensors["weight"].T), tensors["bias"]
        return lambda x: x.dot(weight) + bias


Network = tuple[Stage, ...]
STAGES: dict[str, type[Stage]] = {
    stage.name: stage for stage in (Convolution, MaxPool, Relu, Residual, Flatten, Linear)
}


def _with_inputs(network: Network, shape: Shape) -> Iterator[tuple[Stage, Shape]]:
    """Yield each stage with the shape of its inputs."""
    for stage in network:
        yield stage, shape
        shape = stage.output(shape)


def output_shape(network: Network, shape: Shape) -> Shape:
    """Return the shape of what comes out for inputs of `shape`; `ZooError` where they misfit."""
    for stage in network:
        shape = stage.output(shape)
    return shape


def parameter_shapes(network: Network, shape: Shape) -> dict[str, Shape]:
    """Return the shapes of all parameters, named `<stage's index>.<parameter>`, in order."""
    found = {}
    for index, (stage, inputs) in enumerate(_with_inputs(network, shape)):
        for name, own in stage.parameters(inputs).items():
            found[f"{index}.{name}"] = own
    return found


def compile_network(network: Network, shape: Shape, tensors: Mapping[str, np.ndarray]) -> Compute:
    """Return the function from float32 (n, height, width, channels) to (n, units); `tensors` are
    named as in `parameter_shapes`, whose `shape` is (channels, height, width)."""
    computes = []
    for index, (stage, inputs) in enumerate(_with_inputs(network, shape)):
        own = {k.partition(".")[2]: v for k, v in tensors.items() if k.startswith(f"{index}.")}
        computes.append(stage.compile(inputs, own))

    def compute(x: np.ndarray) -> np.ndarray:
        for one in computes:
            x = one(x)
        return x

    return compute


def describe_network(network: Network) -> list[dict[str, Any]]:
    """Return the stages as JSON."""
    return [
        {"stage": stage.name}
        | {
            f.name: describe_network(value) if isinstance(value, tuple) else value
            for f in fields(stage)  # type: ignore[arg-type]
            for value in (getattr(stage, f.name),)
        }
        for stage in network
    ]


def restore_network(description: Sequence[Mapping[str, Any]]) -> Network:
    """Rebuild what `describe_network` returned; `KeyError` or `TypeError` where it is none."""
    stages: list[Stage] = []
    for entry in description:
        name = entry["stage"]
        if name not in STAGES:
            raise ZooError(
                f"unknown stage {name!r} of a network",
                did_you_mean(str(name), STAGES) or "Upgrade with: pip install --upgrade agent-zoo",
            )
        rest = {key: value for key, value in entry.items() if key != "stage"}
        if "branch" in rest:
            rest["branch"] = restore_network(rest["branch"])
        stages.append(STAGES[name](**rest))
    return tuple(stages)


def _slide(stage: Any, shape: Shape) -> tuple[int, int]:
    """Return in how many places a window fits, down and across."""
    if len(shape) != 3:
        raise ZooError(f"a {stage.name} needs an image, and is given {shape}")
    down, across = (
        (length + 2 * stage.padding - stage.size) // stage.stride + 1 for length in shape[1:]
    )
    if down < 1 or across < 1:
        raise ZooError(
            f"an image of {shape[1]} x {shape[2]} pixels is too small for a window of "
            f"{stage.size} x {stage.size}"
        )
    return down, across


def _padded(x: np.ndarray, padding: int, value: float) -> np.ndarray:
    if not padding:
        return x
    n, height, width, channels = x.shape
    room = np.full((n, height + 2 * padding, width + 2 * padding, channels), value, np.float32)
    room[:, padding:-padding, padding:-padding] = x
    return room


def _windows(x: np.ndarray, size: int, stride: int, height: int, width: int) -> np.ndarray:
    """Return the windows of images (n, h, w, channels), a view of
    (n, height, width, size, size, channels)."""
    n, down, across, one = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        (len(x), height, width, size, size, x.shape[3]),
        (n, stride * down, stride * across, down, across, one),
        writeable=False,
    )

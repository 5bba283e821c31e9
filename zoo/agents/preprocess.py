"""From raw observations to the rows of numbers that a network reads.

A `Preprocess` is a list of steps, each a name and its parameters:

normalize (mean, var, epsilon, clip)  clip((x - mean) / sqrt(var + epsilon), -clip, clip)
scale (divisor)                       x / divisor, as for images
one-hot (nvec, start)                 for each entry nvec[i] zeros, one of them a one
flatten ()                            (n, ...) to (n, size)
concatenate (keys)                    a dict of arrays to (n, sum of sizes), in this order

With a parameter `key` the first four act on one entry of a dict observation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from zoo.errors import ZooError, did_you_mean

Transform = Callable[[Any], Any]
Step = tuple[str, Mapping[str, Any]]


class Preprocess:
    """What happens to observations before the first layer; part of the agent.

    Calling it with a batch (n, *shape), or a dict of batches, returns float32 (n, size).
    Parameters that are arrays are kept as given; all others must be JSON.
    """

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        self.steps = [(name, _detached(parameters)) for name, parameters in steps]
        self._transforms = [_compile(name, parameters) for name, parameters in self.steps]

    def __call__(self, observations: Any) -> np.ndarray:
        for transform in self._transforms:
            observations = transform(observations)
        return np.asarray(observations, np.float32)

    def describe(self) -> list[dict[str, Any]]:
        """Return the steps as JSON; each array's place is taken by its name among `tensors`."""
        return [
            {"step": name}
            | {k: None if isinstance(v, np.ndarray) else v for k, v in parameters.items()}
            for name, parameters in self.steps
        ]

    def tensors(self, prefix: str = "preprocess.") -> dict[str, np.ndarray]:
        """Return the parameters that are arrays, named `<prefix><step's index>.<parameter>`."""
        return {
            f"{prefix}{index}.{key}": value
            for index, (_, parameters) in enumerate(self.steps)
            for key, value in parameters.items()
            if isinstance(value, np.ndarray)
        }

    @classmethod
    def restore(
        cls,
        description: Sequence[Mapping[str, Any]],
        tensors: Mapping[str, np.ndarray],
        prefix: str = "preprocess.",
    ) -> Preprocess:
        """Rebuild from what `describe` and `tensors` returned; `KeyError` where one is missing."""
        steps = []
        for index, entry in enumerate(description):
            parameters = {
                key: tensors[f"{prefix}{index}.{key}"] if value is None else value
                for key, value in entry.items()
                if key != "step"
            }
            steps.append((entry["step"], parameters))
        return cls(steps)


def _detached(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are given, with copies of the arrays among them."""
    return {
        key: value.copy() if isinstance(value, np.ndarray) else value
        for key, value in parameters.items()
        if value is not None
    }


def example(observation_space: Any) -> Any:
    """Return a batch of one observation of the space's shape, without drawing from the space."""
    spaces = getattr(observation_space, "spaces", None)
    if isinstance(spaces, Mapping):
        return {key: example(space) for key, space in spaces.items()}
    zeros = np.zeros((1, *observation_space.shape), observation_space.dtype)
    return zeros + getattr(observation_space, "start", 0)


def standard_steps(observation_space: Any) -> list[Step]:
    """Return the steps that Stable-Baselines3's MLP policies imply for a space.

    Box and MultiBinary are flattened (uint8 images divided by 255 before), Discrete and
    MultiDiscrete become one-hot, the entries of a Dict are treated so and then concatenated.
    Raises `ZooError` for other spaces.
    """
    spaces = getattr(observation_space, "spaces", None)
    if not isinstance(spaces, Mapping):
        return _steps_of_array(observation_space, {})
    steps = [s for key, space in spaces.items() for s in _steps_of_array(space, {"key": key})]
    return [*steps, ("concatenate", {"keys": list(spaces)})]


def _steps_of_array(space: Any, at: dict[str, Any]) -> list[Step]:
    if hasattr(space, "nvec"):
        nvec, start = np.ravel(space.nvec).tolist(), np.ravel(space.start).tolist()
        return [("one-hot", {"nvec": nvec, "start": start, **at})]
    if hasattr(space, "n") and hasattr(space, "start"):
        return [("one-hot", {"nvec": [int(space.n)], "start": [int(space.start)], **at})]
    if hasattr(space, "n") or hasattr(space, "low"):
        flatten: Step = ("flatten", at)
        return [("scale", {"divisor": 255.0, **at}), flatten] if _is_image(space) else [flatten]
    raise ZooError(
        f"{space} cannot be read by a network of layers",
        "Use a Box, Discrete, MultiDiscrete, MultiBinary or a Dict of these",
    )


def _is_image(space: Any) -> bool:
    """Stable-Baselines3's `is_image_space`: bytes from 0 to 255 in three dimensions."""
    return (
        hasattr(space, "low")
        and len(space.shape) == 3
        and space.dtype == np.uint8
        and bool(np.all(space.low == 0) and np.all(space.high == 255))
    )


def _compile(name: str, parameters: Mapping[str, Any]) -> Transform:
    if name not in _STEPS:
        raise ZooError(f"unknown preprocessing step {name!r}", did_you_mean(name, _STEPS))
    rest = {key: value for key, value in parameters.items() if key != "key"}
    try:
        transform = _STEPS[name](**rest)
    except (TypeError, ValueError) as error:
        raise ZooError(f"preprocessing step {name!r}: {error}") from error
    if "key" not in parameters:
        return transform
    key = parameters["key"]
    return lambda observations: {**observations, key: transform(observations[key])}


def _normalize(mean: np.ndarray, var: np.ndarray, epsilon: float, clip: float) -> Transform:
    mean, deviation = np.asarray(mean), np.sqrt(np.asarray(var) + epsilon)

    def normalize(x: np.ndarray) -> np.ndarray:
        x = x - mean
        x /= deviation
        np.minimum(x, clip, out=x)
        np.maximum(x, -clip, out=x)
        return x.astype(np.float32)

    return normalize


def _scale(divisor: float) -> Transform:
    divisor32 = np.float32(divisor)
    return lambda x: np.asarray(x, np.float32) / divisor32


def _flatten() -> Transform:
    return lambda x: x if x.ndim == 2 else x.reshape(len(x), -1)


def _concatenate(keys: Sequence[str]) -> Transform:
    def concatenate(x: Mapping[str, np.ndarray]) -> np.ndarray:
        rows = [np.asarray(x[key], np.float32).reshape(len(x[key]), -1) for key in keys]
        return np.concatenate(rows, axis=1)

    return concatenate


def _one_hot(nvec: Sequence[int], start: Sequence[int] | None = None) -> Transform:
    counts = np.asarray(nvec, np.int64)
    first = np.zeros_like(counts) if start is None else np.asarray(start, np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)[:-1]])
    total = int(counts.sum())
    if first.shape != counts.shape or (counts <= 0).any() or total > 1 << 24:
        raise ValueError("nvec and start do not fit")

    def one_hot(x: np.ndarray) -> np.ndarray:
        index = np.asarray(x, np.int64).reshape(len(x), -1) - first
        if ((index < 0) | (index >= counts)).any():
            raise ZooError(
                "an observation is outside the agent's observation space",
                "Use the environment that the agent was trained on",
            )
        rows = np.zeros((len(index), total), np.float32)
        rows[np.arange(len(index))[:, None], index + offsets] = 1.0
        return rows

    return one_hot


_STEPS: dict[str, Callable[..., Transform]] = {
    "normalize": _normalize,
    "scale": _scale,
    "flatten": _flatten,
    "concatenate": _concatenate,
    "one-hot": _one_hot,
}

"""What networks read of an observation: images by convolutions, the rest as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.agents.convolutions import (
    Network,
    compile_network,
    describe_network,
    output_shape,
    parameter_shapes,
    restore_network,
)
from zoo.agents.images import ImageInput
from zoo.agents.preprocess import Preprocess
from zoo.errors import ZooError


@dataclass(frozen=True, eq=False)
class ImageReader:
    """An image of the observation, and the network that reads it.

    `tensors` are named as `zoo.agents.convolutions.parameter_shapes` names them, and copied as
    float32; `ZooError` where they do not fit the network.
    """

    image: ImageInput
    network: Network
    tensors: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        tensors = {name: np.array(one, np.float32) for name, one in self.tensors.items()}
        expected = parameter_shapes(self.network, self.image.shape)
        for name, shape in expected.items():
            found = tensors[name].shape if name in tensors else "none"
            if found != shape:
                raise ZooError(f"the network of an image needs {name} of shape {shape}: {found}")
        if unused := sorted(tensors.keys() - expected.keys()):
            raise ZooError(f"the network of an image has no parameter {unused[0]!r}")
        if len(output_shape(self.network, self.image.shape)) != 1:
            raise ZooError("the network of an image must end in features: flatten them")
        object.__setattr__(self, "tensors", tensors)

    def describe(self) -> dict[str, Any]:
        """Return all but the numbers as JSON."""
        image = self.image
        return {
            "key": image.key,
            "channels_first": image.channels_first,
            "divisor": image.divisor,
            "stages": describe_network(self.network),
        }


class Reading:
    """Each image -> its network, the rest -> `rest`; their features side by side.

    `images` read the entries of a Dict observation, or the one image that the observation is;
    `rest`, a preprocessing to float32 (n, size), is given the whole observation. What an image's
    network gives is what torch gives for the same stages, to the precision of float32.
    """

    def __init__(
        self,
        observation_space: Any,
        images: Sequence[ImageReader] = (),
        rest: Preprocess | None = None,
    ) -> None:
        """`ZooError` for images that the space does not have, or where there is nothing."""
        self.images, self.rest = tuple(images), rest
        if not self.images and rest is None:
            raise ZooError("an agent has to read something of its observations")
        for reader in self.images:
            _check_image(reader.image, observation_space)
        self._compute = [
            compile_network(reader.network, reader.image.shape, reader.tensors)
            for reader in self.images
        ]

    def __call__(self, observations: Any) -> np.ndarray:
        """Return the features (n, size) of a batch of raw observations."""
        parts = []
        for reader, compute in zip(self.images, self._compute, strict=True):
            image = reader.image
            one = observations if image.key is None else observations[image.key]
            parts.append(compute(image.pixels(np.asarray(one))))
        if self.rest is not None:
            parts.append(self.rest(observations))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def describe(self) -> dict[str, Any]:
        """Return `images` and `rest` as JSON."""
        return {
            "images": [reader.describe() for reader in self.images],
            "rest": None if self.rest is None else self.rest.describe(),
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Return `images.<i>.<stage>.<parameter>` as torch has them, `rest.<i>.<parameter>`."""
        tensors = {} if self.rest is None else self.rest.tensors("rest.")
        for index, reader in enumerate(self.images):
            tensors |= {f"images.{index}.{name}": one for name, one in reader.tensors.items()}
        return tensors

    @classmethod
    def restore(
        cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray], space: Any
    ) -> Reading:
        """Rebuild from what `describe` and `tensors` returned; `KeyError`, `TypeError` or
        `ValueError` where they do not fit each other."""
        images = [
            _restore_reader(entry, tensors, f"images.{index}.", space)
            for index, entry in enumerate(description["images"])
        ]
        rest = description["rest"]
        if rest is not None:
            rest = Preprocess.restore(rest, tensors, "rest.")
        return cls(space, images, rest)


def _restore_reader(
    entry: Mapping[str, Any], tensors: Mapping[str, np.ndarray], prefix: str, space: Any
) -> ImageReader:
    key, first = entry["key"], entry["channels_first"]
    if type(first) is not bool or not 0 < float(entry["divisor"]) < np.inf:
        raise ValueError("an image is described wrongly")
    shape = (space if key is None else space.spaces[key]).shape
    if len(shape) != 3:
        raise ValueError(f"an image has three dimensions, not {shape}")
    image = ImageInput(
        key, shape if first else (shape[2], *shape[:2]), first, float(entry["divisor"])
    )
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    return ImageReader(image, restore_network(entry["stages"]), own)


def _check_image(image: ImageInput, space: Any) -> None:
    spaces = getattr(space, "spaces", {})
    own = space if image.key is None else spaces.get(image.key)
    if own is None or tuple(own.shape or ()) != image.row:
        where = "the observation" if image.key is None else repr(image.key)
        raise ZooError(f"{where} is no image of shape {image.row} in {space}")

"""Observations as rows of one array, which is what rollouts and replay memories keep.

Vectors are rows of float32 as the networks read them. An image is its own row, in its own type:
a uint8 frame takes a quarter of what float32 would. A Dict with images becomes a row of bytes,
its images followed by the float32 numbers of its other entries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo import ZooError
from zoo.agents.images import ImageInput, image_inputs
from zoo.agents.preprocess import Preprocess, example, standard_steps

FLATTEN = "flatten"
"""In place of an encoder: images are flattened like everything else."""


class Rows:
    """What turns observations into rows, and back into the parts that an encoder reads.

    `shape` and `dtype` are those of one row; without `images` it is (inputs,) float32.
    """

    def __init__(self, observation_space: Space[Any], images: Sequence[ImageInput] = ()) -> None:
        """`ZooError` for spaces that no network reads."""
        self.images = tuple(images)
        self.of_an_image = bool(self.images) and self.images[0].key is None
        """Whether an observation is an image and nothing else, and so its own row."""
        self.rest = _rest(observation_space, self.images)
        """How the entries that are no images become float32, None where there are none."""
        whole: Any = observation_space
        numbers = self.rest(example(observation_space)).shape[1] if self.rest else 0
        self.numbers = numbers
        """How many numbers the entries that are no images have."""
        self.shape: tuple[int, ...]
        self.dtype: Any
        if not self.images:
            self.shape, self.dtype = (numbers,), np.dtype(np.float32)
        elif self.of_an_image:
            self.shape, self.dtype = self.images[0].row, np.dtype(whole.dtype)
        else:
            self._types = [np.dtype(whole.spaces[one.key].dtype) for one in self.images]
            self._sizes = [
                math.prod(one.row) * dtype.itemsize
                for one, dtype in zip(self.images, self._types, strict=True)
            ]
            self.shape, self.dtype = (sum(self._sizes) + 4 * numbers,), np.dtype(np.uint8)

    def __call__(self, observations: Any) -> np.ndarray:
        """Return a batch of observations as rows (n, *shape), contiguous; it may be the same
        array where an observation is its own row."""
        if not self.images:
            assert self.rest is not None
            return np.ascontiguousarray(self.rest(observations))
        if self.of_an_image:
            return np.ascontiguousarray(observations, self.dtype)
        parts = [
            np.ascontiguousarray(observations[one.key], dtype)
            for one, dtype in zip(self.images, self._types, strict=True)
        ]
        if self.rest is not None:
            parts.append(np.ascontiguousarray(self.rest(observations)))
        return np.concatenate([part.reshape(len(part), -1).view(np.uint8) for part in parts], 1)

    def split(self, rows: np.ndarray) -> tuple[list[np.ndarray], np.ndarray | None]:
        """Return the images of n rows, each (n, *row), and the other entries (n, numbers)."""
        if not self.images:
            return [], rows
        if self.of_an_image:
            return [rows], None
        found, start = [], 0
        for one, dtype, size in zip(self.images, self._types, self._sizes, strict=True):
            part = np.ascontiguousarray(rows[:, start : start + size]).view(dtype)
            found.append(part.reshape(len(rows), *one.row))
            start += size
        if not self.numbers:
            return found, None
        return found, np.ascontiguousarray(rows[:, start:]).view(np.float32)


def rows_for(observation_space: Space[Any], kind: str | None = None) -> Rows:
    """Return what makes rows of a space's observations, for an encoder of `kind`.

    None stands for the usual one, if there are images of bytes; a `kind` that is named also
    takes three-dimensional Boxes of other numbers for images, and `flatten` nothing.
    """
    if kind == FLATTEN:
        return Rows(observation_space)
    images = image_inputs(observation_space, any_numbers=kind is not None)
    if kind is not None and not images:
        raise ZooError(
            f"an encoder {kind!r} reads images, and {observation_space} has none",
            "Leave policy_kwargs.encoder out",
        )
    return Rows(observation_space, images)


def _rest(space: Space[Any], images: Sequence[ImageInput]) -> Preprocess | None:
    """Return the preprocessing of the entries that are no images."""
    if not images:
        return Preprocess(standard_steps(space))
    taken = {one.key for one in images}
    if not isinstance(space, spaces.Dict) or taken == set(space.spaces):
        return None
    others = {key: inner for key, inner in space.spaces.items() if key not in taken}
    return Preprocess(standard_steps(spaces.Dict(others)))

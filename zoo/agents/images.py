"""Which parts of an observation are images, and how a network is given them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_BYTE = 255.0


@dataclass(frozen=True)
class ImageInput:
    """An image in an observation, as a network reads it: channels apart, divided by `divisor`.

    `key` is its place in a Dict observation, None where it is all of the observation; `shape` is
    (channels, height, width), whatever order the observation has.
    """

    key: str | None
    shape: tuple[int, int, int]
    channels_first: bool
    divisor: float

    @property
    def row(self) -> tuple[int, ...]:
        """The image's shape in the observation."""
        channels, height, width = self.shape
        return self.shape if self.channels_first else (height, width, channels)

    def pixels(self, images: np.ndarray) -> np.ndarray:
        """Return a batch (n, *row) as new float32 (n, height, width, channels)."""
        if self.channels_first:
            images = images.transpose(0, 2, 3, 1)
        x = np.array(images, np.float32, order="C")
        if self.divisor != 1.0:
            x /= np.float32(self.divisor)
        return x


def image_inputs(observation_space: Any, *, any_numbers: bool = False) -> list[ImageInput]:
    """Return the images of a space: its Boxes of bytes with three axes, alone or in a Dict.

    With `any_numbers` Boxes of other numbers count too. Bytes from 0 to 255 are divided by 255;
    `channels_first` says where the channels are.
    """
    spaces = getattr(observation_space, "spaces", None)
    if not isinstance(spaces, Mapping):
        spaces = {None: observation_space}
    return [
        _image_input(key, space)
        for key, space in spaces.items()
        if hasattr(space, "low")
        and len(space.shape) == 3
        and (any_numbers or space.dtype == np.uint8)
    ]


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether an image of three axes has its channels first: where that axis is the shortest.

    The last axis may be longer than both others, as of small images that are stacked.
    """
    return shape[0] < min(shape[1:])


def _image_input(key: str | None, space: Any) -> ImageInput:
    first = channels_first(space.shape)
    shape = space.shape if first else (space.shape[2], *space.shape[:2])
    bytes_ = space.dtype == np.uint8 and (space.low == 0).all() and (space.high == _BYTE).all()
    return ImageInput(key, tuple(map(int, shape)), first, _BYTE if bytes_ else 1.0)  # type: ignore[arg-type]

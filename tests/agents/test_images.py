"""Which parts of an observation are images, and how they are given to a network."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.images import image_inputs


def box(shape: tuple[int, ...], high: float = 255, dtype: type = np.uint8) -> spaces.Box:
    return spaces.Box(0, high, shape, dtype)


@pytest.mark.parametrize(
    ("space", "any_numbers", "expected"),
    [
        (box((84, 80, 4)), False, [(None, (4, 84, 80), False, 255.0)]),
        (box((4, 84, 80)), False, [(None, (4, 84, 80), True, 255.0)]),
        (box((10, 10, 10)), False, [(None, (10, 10, 10), False, 255.0)]),
        (box((10, 10, 12)), False, [(None, (12, 10, 10), False, 255.0)]),
        (box((10, 10, 4), 1, np.bool_), False, []),
        (box((10, 10, 4), 1, np.bool_), True, [(None, (4, 10, 10), False, 1.0)]),
        (box((10, 10, 4), 7), False, [(None, (4, 10, 10), False, 1.0)]),
        (box((10, 10, 4), 255, np.float32), True, [(None, (4, 10, 10), False, 1.0)]),
        (box((84, 84)), True, []),
        (spaces.Discrete(3), True, []),
        (spaces.Dict({"v": box((3,)), "b": box((8, 9, 3)), "a": box((3, 9, 8))}), False,
         [("a", (3, 9, 8), True, 255.0), ("b", (3, 8, 9), False, 255.0)]),
    ],
)  # fmt: skip
def test_images_are_found(space, any_numbers: bool, expected) -> None:
    found = image_inputs(space, any_numbers=any_numbers)
    facts = [(one.key, one.shape, one.channels_first, one.divisor) for one in found]
    assert sorted(facts, key=str) == expected


@pytest.mark.parametrize("first", [False, True])
def test_pixels_are_scaled_and_have_their_channels_last(first: bool) -> None:
    shape = (2, 5, 4) if first else (5, 4, 2)
    (one,) = image_inputs(box(shape))
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    before = images.copy()
    pixels = one.pixels(images)
    assert pixels.dtype == np.float32
    assert pixels.shape == (3, 5, 4, 2)
    last = images.transpose(0, 2, 3, 1) if first else images
    assert pixels == pytest.approx(last / 255)
    pixels[:] = 0
    assert np.array_equal(images, before)

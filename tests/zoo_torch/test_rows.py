"""Observations as rows, and back."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo_torch.rows import rows_for

FRAME = spaces.Box(0, 255, (8, 9, 2), np.uint8)
MIXED = spaces.Dict(
    {
        "big": FRAME,
        "place": spaces.Discrete(3),
        "small": spaces.Box(0, 255, (3, 5, 5), np.uint8),
        "speed": spaces.Box(-9, 9, (2,), np.float64),
    }
)


def batch(space: spaces.Space, n: int) -> object:
    space.seed(0)
    drawn = [space.sample() for _ in range(n)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([one[key] for one in drawn]) for key in space.spaces}
    return np.stack(drawn)


def test_an_image_is_its_own_row_of_bytes() -> None:
    rows, images = rows_for(FRAME), batch(FRAME, 4)
    assert (rows.shape, rows.dtype) == ((8, 9, 2), np.uint8)
    found, rest = rows.split(rows(images))
    assert np.array_equal(found[0], images)
    assert rest is None


def test_rows_know_whether_an_observation_is_one_image() -> None:
    assert rows_for(FRAME).of_an_image
    assert not any(rows_for(space).of_an_image for space in (MIXED, spaces.Box(-1, 1, (3,))))
    assert not rows_for(FRAME, "flatten").of_an_image


def test_a_vector_is_a_row_of_float32() -> None:
    rows = rows_for(spaces.Box(-1, 1, (2, 3), np.float64))
    assert (rows.shape, rows.dtype) == ((6,), np.float32)
    assert rows(np.ones((4, 2, 3))).tolist() == [[1.0] * 6] * 4


def test_a_dict_with_images_becomes_bytes_and_comes_back() -> None:
    rows, seen = rows_for(MIXED), batch(MIXED, 5)
    made = rows(seen)
    assert rows.shape == (8 * 9 * 2 + 3 * 5 * 5 + 4 * (3 + 2),)
    assert made.shape == (5, *rows.shape)
    assert made.dtype == np.uint8
    shuffled = made[[3, 1, 4]]  # as a minibatch is
    images, rest = rows.split(shuffled)
    for one, image in zip(rows.images, images, strict=True):
        assert np.array_equal(image, seen[one.key][[3, 1, 4]])
    expected = np.concatenate([np.eye(3)[seen["place"]], seen["speed"]], 1)[[3, 1, 4]]
    assert rest == pytest.approx(expected.astype(np.float32))


def test_a_dict_of_images_alone_has_no_other_numbers() -> None:
    space = spaces.Dict({"a": FRAME, "b": FRAME})
    rows, seen = rows_for(space), batch(space, 2)
    images, rest = rows.split(rows(seen))
    assert rest is None
    assert np.array_equal(images[1], seen["b"])


def test_numbers_that_are_no_bytes_keep_their_type() -> None:
    space = spaces.Box(0, 1, (10, 10, 4), np.bool_)
    assert rows_for(space).shape == (400,)  # without an encoder it is a vector
    rows = rows_for(space, "minatar")
    assert (rows.shape, rows.dtype) == ((10, 10, 4), np.bool_)
    assert rows_for(FRAME, "flatten")(batch(FRAME, 2)).max() <= 1.0


def test_an_encoder_without_an_image_is_refused() -> None:
    with pytest.raises(ZooError, match=r"'nature' reads images, and Box.* has none"):
        rows_for(spaces.Box(-1, 1, (4,)), "nature")

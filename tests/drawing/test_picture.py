from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.drawing.tables import lake, saved
from zoo import ZooError, show
from zoo.drawing.scale import Scale

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")


def pixels(path: Path) -> np.ndarray:
    """Return a picture's colours, (height, width, 3)."""
    import pygame

    return pygame.surfarray.array3d(pygame.image.load(path)).swapaxes(0, 1)


def test_a_picture_has_the_colours_of_the_values(tmp_path: Path) -> None:
    portrait = show(saved(tmp_path / "agent", lake(), "FrozenLake-v1"))
    image = pixels(portrait.save(tmp_path / "deep" / "lake.png"))
    scale = Scale(0.0, 1.4)  # states 0 to 14: 15 is the goal
    found = {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0).tolist()}
    for state in (0, 1, 2, 3, 4, 6, 8, 9, 10, 13, 14):
        colour = scale.colour(state / 10)
        assert colour in found
        assert (image == colour).all(-1).sum() > 10_000  # most of a cell of 175 x 175
    # state 0 is left of and above state 14; the scale beside the map has both colours too
    chart = image[:, :800]
    least = np.argwhere((chart == scale.colour(0.0)).all(-1))
    greatest = np.argwhere((chart == scale.colour(1.4)).all(-1))
    assert (least.max(0) < greatest.min(0)).all()


def test_arrows_are_drawn_in_their_direction(tmp_path: Path) -> None:
    q = np.zeros((16, 4))
    q[:, 0] = 1.0  # left everywhere
    left = pixels(show(saved(tmp_path / "a", lake(q=q), "FrozenLake-v1")).save(tmp_path / "a.png"))
    right = pixels(
        show(saved(tmp_path / "b", lake(q=q[:, [1, 2, 0, 3]]), "FrozenLake-v1")).save(
            tmp_path / "b.png"
        )
    )
    differs = np.argwhere((left != right).any(-1))
    top, begin = differs.min(0)
    cell = slice(top, top + 60), slice(begin, begin + 100)
    ink = [(image[cell] > 200).all(-1).sum(0) for image in (left, right)]
    assert ink[0][:50].sum() > ink[0][50:].sum()  # the head is on the left
    assert ink[1][:50].sum() < ink[1][50:].sum()


def test_a_policy_without_values_is_drawn_without_a_scale(tmp_path: Path) -> None:
    portrait = show(saved(tmp_path / "agent", lake(policy=np.eye(4)[[2] * 16]), "FrozenLake-v1"))
    image = pixels(portrait.save(tmp_path / "policy.png"))
    assert (np.ptp(image.astype(int), axis=-1) < 30).all()  # greys only


def test_a_picture_is_refused_by_its_name_and_by_the_disk(tmp_path: Path) -> None:
    portrait = show(saved(tmp_path / "agent", lake(), "FrozenLake-v1"))
    with pytest.raises(ZooError, match="is no PNG file by its name"):
        portrait.save(tmp_path / "lake.jpg")
    (tmp_path / "lake.png").mkdir()
    with pytest.raises(ZooError, match=r"lake\.png"):
        portrait.save(tmp_path / "lake.png")

"""Parameters as views of one flat vector: an optimiser's step is then a handful of operations."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

Shapes = Mapping[str, tuple[int, ...]]


def size(shapes: Shapes) -> int:
    """Return how many numbers parameters of these shapes are."""
    return sum(math.prod(shape) for shape in shapes.values())


def views(vector: np.ndarray, shapes: Shapes) -> dict[str, np.ndarray]:
    """Return the parameters by name as views of `vector` (size(shapes),), in the order given."""
    found, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        found[name] = vector[start:stop].reshape(shape)
        start = stop
    assert start == len(vector)
    return found

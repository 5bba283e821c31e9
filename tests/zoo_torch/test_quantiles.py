"""Where quantiles lie."""

from __future__ import annotations

import numpy as np

from zoo_torch.quantiles import midpoints


def test_midpoints_are_the_middles_of_equal_parts() -> None:
    assert midpoints(1).tolist() == [0.5]
    assert midpoints(4).tolist() == [0.125, 0.375, 0.625, 0.875]
    assert midpoints(3).dtype == np.float32

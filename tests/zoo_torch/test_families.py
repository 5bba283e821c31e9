"""Policies over action spaces: those that there are none for."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo_torch.families import family_of


@pytest.mark.parametrize(
    "space", [spaces.Box(-1, 1, (0,)), spaces.Box(-1, 1, (2, 0)), spaces.MultiDiscrete([])]
)
def test_actions_without_a_number_are_refused(space: spaces.Space) -> None:
    with pytest.raises(ZooError, match="nothing to choose") as refused:
        family_of(space)
    assert refused.value.hint


@pytest.mark.parametrize(
    "space", [spaces.Text(3), spaces.Box(0, 5, (2,), np.int64), spaces.Tuple([spaces.Discrete(2)])]
)
def test_actions_that_there_is_no_policy_over_are_refused(space: spaces.Space) -> None:
    with pytest.raises(ZooError, match="no policy over"):
        family_of(space)

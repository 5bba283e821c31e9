"""The suite lets right algorithms pass."""

from __future__ import annotations

import pytest
from registered import registered

from zoo.testing import parametrize_algorithms

with registered():
    right_ones = parametrize_algorithms(
        "reference-actor-critic", "reference-planner", slow=pytest.mark.slow
    )


@right_ones
def test_conformance(check):
    check()

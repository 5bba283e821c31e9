"""What all algorithms of this plugin are."""

from __future__ import annotations

from typing import Any

from gymnasium import Space

from zoo import Algorithm


class NumPyAlgorithm(Algorithm):
    """Computes with NumPy on the CPU, whatever else has imported torch."""

    @classmethod
    def encodes(cls, config: Any, observation_space: Space[Any]) -> bool:
        return False

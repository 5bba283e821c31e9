"""How values become colours and figures, the same in the terminal and in pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]

# Eleven colours of viridis (van der Walt & Smith, CC0): even to the eye, also without colour
# vision and in grey.
_VIRIDIS = np.array(
    [(68, 1, 84), (72, 36, 117), (65, 68, 135), (53, 95, 141), (42, 120, 142), (33, 145, 140),
     (34, 168, 132), (68, 191, 112), (122, 209, 81), (189, 223, 38), (253, 231, 37)]
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """From the least value to the greatest; `decimals` suits figures in that range."""

    low: float
    high: float

    @classmethod
    def of(cls, arrays: Iterable[np.ndarray]) -> Scale | None:
        """Return the scale of all finite values, None where there is none."""
        parts = [array[np.isfinite(array)] for array in arrays]
        values = np.concatenate(parts) if parts else np.zeros(0)
        return cls(float(values.min()), float(values.max())) if values.size else None

    @property
    def decimals(self) -> int:
        """How many decimals show three figures of the largest value."""
        largest = max(abs(self.low), abs(self.high))
        if not 1e-6 < largest < 1e6:
            return 2
        return min(max(2 - math.floor(math.log10(largest)), 0), 6)

    def figure(self, value: float) -> str:
        """Return a value as all cells of a chart show it: with the same number of decimals."""
        if not math.isfinite(value):
            return ""
        shown = f"{value:.{self.decimals}f}"
        return shown if float(shown) != 0 else shown.lstrip("-")  # not -0.00

    def colour(self, value: float) -> Colour:
        """Return the colour of a value, the middle one where all values are equal."""
        span = self.high - self.low
        share = (value - self.low) / span if span > 0 else 0.5
        at = min(max(share, 0.0), 1.0) * (len(_VIRIDIS) - 1)
        below = min(int(at), len(_VIRIDIS) - 2)
        mixed = _VIRIDIS[below] + (at - below) * (_VIRIDIS[below + 1] - _VIRIDIS[below])
        red, green, blue = (round(float(part)) for part in mixed)
        return red, green, blue


def readable_on(colour: Colour) -> Colour:
    """Return black or white, whichever can be read on `colour` (ITU-R BT.601 luma)."""
    red, green, blue = colour
    return (16, 16, 24) if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else (255, 255, 255)

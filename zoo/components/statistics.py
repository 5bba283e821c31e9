"""What a sample of returns says: its centre, its spread, and how sure one can be of the mean.

The measures are those that "Deep Reinforcement Learning at the Edge of the Statistical
Precipice" (https://arxiv.org/abs/2108.13264) recommends for few and skewed scores.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from zoo.errors import ZooError

RESAMPLES = 10_000
_AT_ONCE = 1 << 20
"""How many numbers the bootstrap holds in memory at a time."""


def mean(values: ArrayLike) -> float:
    """Return the arithmetic mean of `values` (n,)."""
    return float(np.mean(_sample(values)))


def std(values: ArrayLike) -> float:
    """Return the standard deviation of `values` (n,), dividing by n."""
    return float(np.std(_sample(values)))


def median(values: ArrayLike) -> float:
    """Return the median of `values` (n,)."""
    return float(np.median(_sample(values)))


def iqm(values: ArrayLike) -> float:
    """Return the interquartile mean of `values` (n,): the mean of the middle half.

    Sorted, value i covers the stretch from i/n to (i+1)/n, and weighs as much as it overlaps
    with the stretch from 1/4 to 3/4. So exactly half of the weight is cut off for every n, and
    where 4 divides n the result is `scipy.stats.trim_mean(values, 0.25)`.
    """
    return float(_iqm(_sample(values)[None])[0])


def bootstrap_ci(
    values: ArrayLike,
    *,
    statistic: str = "mean",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a statistic of `values` (n,).

    `statistic` is `mean`, `median` or `iqm`. Each of the `resamples` draws n values with
    replacement; the interval holds the middle `confidence` of their statistics. The same
    values and seed give the same interval.
    """
    sample = _sample(values)
    if statistic not in _STATISTICS:
        known = ", ".join(_STATISTICS)
        raise ZooError(f"there is no statistic {statistic!r}", f"Choose from: {known}")
    if not 0 < confidence < 1 or resamples < 1:
        raise ZooError(
            "a bootstrap needs a confidence between 0 and 1 and at least one resample, "
            f"not {confidence} and {resamples}"
        )
    if (sample == sample[0]).all():  # also spares the rounding of a mean of equal values
        return float(sample[0]), float(sample[0])
    rng = np.random.default_rng(seed)
    rows = max(_AT_ONCE // len(sample), 1)
    results = np.concatenate(
        [
            _STATISTICS[statistic](
                sample[rng.integers(len(sample), size=(min(rows, resamples - done), len(sample)))]
            )
            for done in range(0, resamples, rows)
        ]
    )
    tail = (1 - confidence) / 2
    low, high = np.quantile(results, [tail, 1 - tail])
    return float(low), float(high)


def _iqm(rows: np.ndarray) -> np.ndarray:
    """Return the interquartile mean of each row of (m, n)."""
    n = rows.shape[1]
    edges = np.clip(np.arange(n + 1) / n, 0.25, 0.75)
    return np.sort(rows, axis=1) @ (2.0 * np.diff(edges))


_STATISTICS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean": lambda rows: rows.mean(axis=1),
    "median": lambda rows: np.median(rows, axis=1),
    "iqm": _iqm,
}


def _sample(values: ArrayLike) -> np.ndarray:
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ZooError(
            f"statistics need a list of at least one number, not an array of shape {sample.shape}"
        )
    return sample

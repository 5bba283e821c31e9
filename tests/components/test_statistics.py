from __future__ import annotations

import numpy as np
import pytest

from zoo.components.statistics import bootstrap_ci, iqm, mean, median, std
from zoo.errors import ZooError


def test_mean_deviation_and_median_of_a_known_sample() -> None:
    values = [2, 4, 4, 4, 5, 5, 7, 9]
    assert (mean(values), std(values), median(values)) == (5.0, 2.0, 4.5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7], 7.0),
        ([1, 5], 3.0),
        # the outer two weigh a twelfth each, the middle one a third: (a + 4 b + c) / 6
        ([0, 6, 60], 14.0),
        # one of four is cut off at each end
        ([100, 1, 3, -100], 2.0),
        # 1.25 of five are cut off at each end: (3 b + 4 c + 3 d) / 10
        ([-50, 0, 10, 20, 1000], 10.0),
        ([-50, 0, 10, 30, 1000], 13.0),
        # 1.5 of six: the second and the fifth weigh half
        ([-9, 0, 3, 6, 12, 99], 5.0),
    ],
)
def test_iqm_by_hand(values: list[float], expected: float) -> None:
    assert iqm(values) == pytest.approx(expected, abs=1e-12)
    assert iqm(values[::-1]) == pytest.approx(expected, abs=1e-12)


def test_iqm_is_the_mean_of_the_middle_half_where_four_divides_the_count() -> None:
    values = np.random.default_rng(1).normal(size=40)
    assert iqm(values) == pytest.approx(np.sort(values)[10:30].mean())


def test_bootstrap_gives_equal_intervals_for_equal_samples_and_seeds() -> None:
    values = np.random.default_rng(2).normal(size=30)
    assert bootstrap_ci(values) == bootstrap_ci(values)
    assert bootstrap_ci(values) != bootstrap_ci(values, seed=1)


def test_bootstrap_agrees_with_the_normal_interval_of_a_large_sample() -> None:
    values = np.random.default_rng(3).normal(10, 2, size=1000)
    low, high = bootstrap_ci(values)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.01)
    assert high == pytest.approx(values.mean() + half, abs=0.01)


def test_bootstrap_of_two_values_by_hand() -> None:
    # means are 0, 0.5 and 1 with probabilities 1/4, 1/2 and 1/4
    assert bootstrap_ci([0, 1], confidence=0.95) == (0.0, 1.0)
    assert bootstrap_ci([0, 1], confidence=0.4) == (0.5, 0.5)


def test_bootstrap_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(200):
        low, high = bootstrap_ci(rng.exponential(size=60), resamples=500)
        hits += low <= 1.0 <= high
    assert 175 <= hits <= 199


@pytest.mark.parametrize("statistic", ["median", "iqm"])
def test_bootstrap_of_robust_statistics_ignores_an_outlier(statistic: str) -> None:
    values = [*np.random.default_rng(5).normal(size=50), 1e6]
    low, high = bootstrap_ci(values, statistic=statistic)
    assert -1 < low < high < 1


def test_bootstrap_of_equal_values_is_exact() -> None:
    assert bootstrap_ci([0.1] * 7) == (0.1, 0.1)


def test_bootstrap_of_many_values_and_resamples() -> None:
    low, high = bootstrap_ci(np.arange(2000.0), resamples=2000)
    assert 970 < low < high < 1030


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]], 3.0])
def test_what_is_no_sample_is_refused(values: object) -> None:
    with pytest.raises(ZooError, match="at least one number"):
        iqm(values)  # type: ignore[arg-type]


def test_an_unknown_statistic_is_refused() -> None:
    with pytest.raises(ZooError, match="mean, median, iqm"):
        bootstrap_ci([1, 2], statistic="mode")
    with pytest.raises(ZooError, match="confidence between 0 and 1"):
        bootstrap_ci([1, 2], confidence=95)

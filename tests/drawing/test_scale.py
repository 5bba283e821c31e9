from __future__ import annotations

import numpy as np
import pytest

from zoo.drawing.scale import Scale, readable_on


@pytest.mark.parametrize(
    ("low", "high", "value", "figure"),
    [
        (0.0, 0.86, 0.5422, "0.542"),
        (-14.0, -1.0, -13.0, "-13.0"),
        (0.0, 16796.0, 6138.4, "6138"),
        (0.0, 0.005, 0.00123, "0.00123"),
        (-1.0, 1.0, -0.001, "0.00"),
        (0.0, 1.0, float("nan"), ""),
    ],
)
def test_figures_have_three_digits_of_the_largest(
    low: float, high: float, value: float, figure: str
) -> None:
    assert Scale(low, high).figure(value) == figure


def test_colours_go_from_dark_to_bright_and_stay_within_the_scale() -> None:
    scale = Scale(-1.0, 1.0)
    assert scale.colour(-1.0) == scale.colour(-9.0) == (68, 1, 84)
    assert scale.colour(1.0) == scale.colour(9.0) == (253, 231, 37)
    luma = [np.dot((0.299, 0.587, 0.114), scale.colour(x)) for x in np.linspace(-1, 1, 50)]
    assert (np.diff(luma) > 0).all()
    assert Scale(2.0, 2.0).colour(2.0) == scale.colour(0.0)


def test_text_on_dark_is_bright_and_on_bright_dark() -> None:
    assert sum(readable_on((68, 1, 84))) > 600
    assert sum(readable_on((253, 231, 37))) < 100


def test_a_scale_is_of_what_is_finite() -> None:
    assert Scale.of([np.array([1.0, np.nan]), np.array([-2.0])]) == Scale(-2.0, 1.0)
    assert Scale.of([np.array([np.nan])]) is None
    assert Scale.of([]) is None

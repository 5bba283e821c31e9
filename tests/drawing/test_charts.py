from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from zoo.drawing.charts import Table, charts_of, picture_charts
from zoo.drawing.scene import scene_of
from zoo.errors import ZooError


def table(q: np.ndarray, env: gym.Env | None = None, sizes: tuple[int, ...] | None = None) -> Table:
    scene = scene_of(env, *q.shape)
    sizes = sizes or (len(q),)
    return Table(q.max(1), q, None, scene, sizes, (0,) * len(sizes))


def test_equal_actions_are_all_best_up_to_rounding() -> None:
    made = table(np.array([[1.0, 1.0 + 1e-12, 0.0], [2.0, 2.0, 2.0], [0.0, 1e-6, 0.0]]))
    assert [made.sign(state) for state in range(3)] == ["01", "·", "1"]


def test_ends_and_places_that_nobody_comes_to_have_no_value() -> None:
    q = np.arange(192.0).reshape(48, 4)
    (chart,) = charts_of(table(q, gym.make("CliffWalking-v1")))
    assert chart.shape == (4, 12)
    assert chart.muted[3].tolist() == [False] + [True] * 11
    assert np.isnan(chart.values[3, 1:]).all()
    assert chart.values[3, 0] == q[36].max()
    assert chart.signs[0, 0] == "←"
    assert chart.signs[3, 5] == ""


def test_blackjack_has_the_two_charts_of_the_book() -> None:
    q = np.zeros((704, 2))
    q[(20 * 11 + 1) * 2 + 1] = (3.0, 1.0)  # a sum of 20 with a usable ace, the dealer has an ace
    usable, hard = charts_of(table(q, gym.make("Blackjack-v1"), (32, 11, 2)))
    assert (usable.title, hard.title) == ("usable ace", "no usable ace")
    assert (usable.rows[1], usable.columns[0]) == ("20", "A")
    assert (usable.values[1, 0], usable.signs[1, 0]) == (3.0, "S")
    assert (hard.values[1, 0], hard.shape) == (0.0, (11, 10))


def test_taxi_has_a_map_for_each_passenger_and_destination() -> None:
    q = np.repeat(np.arange(500.0), 6).reshape(500, 6)
    charts = charts_of(table(q, gym.make("Taxi-v4")))
    assert len(charts) == 16
    assert charts[0].title == "from red to green"
    assert charts[0].values[2, 3] == ((2 * 5 + 3) * 5 + 0) * 4 + 1
    assert charts[-1].title == "in the taxi to blue"


def test_two_binned_entries_are_a_map_of_their_own() -> None:
    q = np.arange(24.0).reshape(12, 2)
    (chart,) = charts_of(table(q, None, (3, 4)))
    assert chart.values.tolist() == q.max(1).reshape(3, 4).tolist()


def test_a_picture_of_any_table_shows_something() -> None:
    q = np.arange(300.0).reshape(100, 3)
    assert charts_of(table(q)) == []
    (chart,) = picture_charts(table(q))
    assert chart.values[4, 2] == q[42].max()
    (few,) = picture_charts(table(q[:2]))
    assert few.values.tolist() == q[:2].T.tolist()
    assert few.signs[:, 0].tolist() == ["", "", "*"]


def test_observations_of_several_entries_are_stacked() -> None:
    q = np.arange(240.0).reshape(120, 2)
    (chart,) = picture_charts(table(q, None, (2, 3, 4, 5)))
    states = np.arange(120).reshape(2, 3, 4, 5)
    assert chart.shape == (2 * 4, 3 * 5)
    assert chart.values[1 * 4 + 2, 2 * 5 + 3] == q[states[1, 2, 2, 3]].max()
    assert (chart.rows[6], chart.columns[13]) == ("1 2", "2 3")
    assert (chart.row_name, chart.column_name) == ("entries 1, 3", "entries 2, 4")
    (odd,) = picture_charts(table(q, None, (4, 5, 6)))
    assert odd.shape == (5, 4 * 6)
    assert odd.values[3, 2 * 6 + 1] == q[np.arange(120).reshape(4, 5, 6)[2, 3, 1]].max()


def test_too_many_states_for_a_picture_are_refused() -> None:
    with pytest.raises(ZooError, match="picture of 50,000 states"):
        picture_charts(table(np.zeros((50_000, 2))))


def test_the_parts_of_a_state_are_named_by_their_own_numbers() -> None:
    q = np.zeros((12, 2))
    made = Table(None, q, None, scene_of(None, 12, 2), (3, 4), (10, 0))
    assert made.label(7) == "11, 3"

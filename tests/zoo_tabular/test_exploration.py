"""Choosing actions: probabilities, schedules, counts and ties."""

import math

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo_tabular.configuration import TabularConfig
from zoo_tabular.exploration import StepSize, expected_value, greedy, scheduled, select, step_size

Q = np.array([[1.0, 3.0, 2.0], [0.0, 0.0, -1.0]])
COUNTS = np.array([[5, 10, 5], [0, 0, 0]])
DRAWS = 20_000


def shares(config, s, t=0, visits=COUNTS):
    """Return how often each action is chosen in state `s`."""
    explore, rng = config.explorer(), np.random.default_rng(0)
    chosen = [select(explore, Q, visits, s, t, rng) for _ in range(DRAWS)]
    return np.bincount(chosen, minlength=3) / DRAWS


@pytest.mark.parametrize(
    ("config", "t", "expected"),
    [
        (TabularConfig(epsilon=0.0), 0, [0, 1, 0]),
        (TabularConfig(epsilon=0.3), 0, [0.1, 0.8, 0.1]),
        (TabularConfig(epsilon=0.9, final=0.3, exploration_steps=100), 50, [0.2, 0.6, 0.2]),
        (TabularConfig(epsilon=0.9, final=0.3, exploration_steps=100), 900, [0.1, 0.8, 0.1]),
        # epsilon / N(s) = 6 / 20, though epsilon itself is at most 1
        (TabularConfig(exploration="epsilon-by-visits", epsilon=1.0), 0, [1 / 60, 29 / 30, 1 / 60]),
        (
            TabularConfig(exploration="epsilon-by-visits", epsilon=1.0, final=0.3),
            0,
            [0.1, 0.8, 0.1],
        ),
        # exp(1 / T) = 2: weights 1, 4, 2
        (
            TabularConfig(exploration="softmax", temperature=1 / math.log(2)),
            0,
            [1 / 7, 4 / 7, 2 / 7],
        ),
    ],
)
def test_actions_are_drawn_with_their_probabilities(config, t, expected):
    np.testing.assert_allclose(shares(config, 0, t), expected, atol=0.012)
    mean = expected_value(config.explorer(), Q, COUNTS, 0, t)
    assert mean == pytest.approx(float(np.dot(expected, Q[0])))


def test_ties_are_broken_at_random():
    np.testing.assert_allclose(shares(TabularConfig(epsilon=0.0), 1), [0.5, 0.5, 0], atol=0.012)
    rng = np.random.default_rng(0)
    drawn = [greedy(np.zeros((1, 5)), 0, rng) for _ in range(DRAWS)]
    np.testing.assert_allclose(np.bincount(drawn) / DRAWS, 0.2, atol=0.012)


def test_ucb_prefers_what_it_knows_less():
    def bound(a, c):
        return Q[0, a] + c * math.sqrt(math.log(20) / COUNTS[0, a])

    for c, best in ((0.1, 1), (20.0, 2)):
        assert max(range(3), key=lambda a: bound(a, c)) == best
        ucb = TabularConfig(exploration="ucb", bonus=c)
        assert shares(ucb, 0)[best] == 1
        assert expected_value(ucb.explorer(), Q, COUNTS, 0, 0) == Q[0, best]


def test_ucb_tries_everything_once_first():
    counts, rng = np.zeros((2, 3), np.int64), np.random.default_rng(0)
    explore = TabularConfig(exploration="ucb").explorer()
    for _ in range(3):
        counts[0, select(explore, Q, counts, 0, 0, rng)] += 1
    assert counts[0].tolist() == [1, 1, 1]


def test_a_schedule_is_a_line_and_then_stays():
    explore = TabularConfig(epsilon=1.0, final=0.0, exploration_steps=10).explorer()
    assert [scheduled(explore, t) for t in (0, 5, 10, 20)] == [1.0, 0.5, 0.0, 0.0]


def test_step_sizes_fall_with_the_visits():
    counts = np.zeros((1, 1), np.int64)
    sizes = [step_size(StepSize(0.8, 0.5), counts, 0, 0) for _ in range(4)]
    np.testing.assert_allclose(sizes, 0.8 / np.sqrt([1, 2, 3, 4]))
    assert step_size(StepSize(0.8, 0.0), counts, 0, 0) == 0.8


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"final": 0.1}, "exploration_steps"),
        ({"exploration_steps": 10}, "exploration_steps"),
        ({"exploration": "softmax", "final": 0.0, "exploration_steps": 10}, "final"),
        ({"exploration": "boltzmann"}, "exploration"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, told):
    from zoo.config.schema import validate

    with pytest.raises(ZooError, match=told):
        validate(TabularConfig, settings)

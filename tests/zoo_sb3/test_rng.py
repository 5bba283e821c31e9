"""SB3 draws from the global generators; the caller's are as they were."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from tests.zoo_sb3.learners import cartpole, learner
from zoo_sb3 import off_policy, on_policy
from zoo_sb3.rng import RandomStreams


def here() -> tuple[Any, ...]:
    """Return the states of the global generators, a number of NumPy's kept back included."""
    kind, key, pos, has_gauss, gauss = np.random.get_state()
    return random.getstate(), kind, key.tolist(), pos, has_gauss, gauss, torch.get_rng_state()


def assert_untouched(before: tuple[Any, ...]) -> None:
    assert here()[:-1] == before[:-1]
    assert torch.equal(here()[-1], before[-1])


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.normal()), float(torch.rand(()))


@pytest.fixture(autouse=True)
def callers_generators() -> None:
    random.seed(1)
    np.random.seed(2)
    np.random.normal()  # NumPy keeps the second of a pair for the next call
    torch.manual_seed(3)


def test_streams_go_on_where_they_were() -> None:
    random.seed(9)
    np.random.seed(9)
    torch.manual_seed(9)
    expected = [draw() for _ in range(3)]
    streams = RandomStreams()
    with streams:
        random.seed(9)
        np.random.seed(9)
        torch.manual_seed(9)
        drawn = [draw()]
    draw()
    for _ in range(2):
        with streams:
            drawn.append(draw())
    assert drawn == expected


def test_the_outside_is_untouched_even_by_errors() -> None:
    streams, before = RandomStreams(), here()
    with streams:
        draw()
    assert_untouched(before)
    with pytest.raises(ValueError, match="broken"), streams:
        _fail(np.random.seed(0))
    assert_untouched(before)
    with streams, pytest.raises(RuntimeError, match="already in use"), streams:
        pass
    assert_untouched(before)


def test_a_state_restores_the_streams() -> None:
    streams = RandomStreams()
    assert streams.state() == {}
    with streams:
        draw()  # leaves a number in NumPy's generator
    state = streams.state()
    with streams:
        expected = [draw() for _ in range(700)]  # more than a block of any generator
    again = RandomStreams()
    again.load_state(state)
    with again:
        assert [draw() for _ in range(700)] == expected


@pytest.mark.parametrize(
    ("algorithm_class", "config"),
    [(on_policy.A2C, {}), (off_policy.DQN, {"learning_starts": 10, "buffer_size": 100})],
)
def test_an_algorithm_leaves_the_generators_alone(algorithm_class: Any, config: Any) -> None:
    before = here()
    algorithm, env = learner(algorithm_class, cartpole, config)
    assert_untouched(before)
    algorithm.agent()
    assert_untouched(before)
    stretch = algorithm.train(env, 1200)
    for _ in range(2):
        next(stretch)
        assert_untouched(before)
    state = algorithm.state()
    assert_untouched(before)
    stretch.close()
    assert_untouched(before)
    other, env = learner(algorithm_class, cartpole, config)
    other.load_state(state)
    assert_untouched(before)
    env.step = _fail
    with pytest.raises(ValueError, match="broken"):
        next(other.train(env, 1200))
    assert_untouched(before)


def test_what_the_caller_draws_between_changes_nothing() -> None:
    results = []
    for disturb in (False, True):
        algorithm, env = learner(on_policy.A2C, cartpole, {})
        for _ in algorithm.train(env, 300):
            if disturb:
                draw()
                torch.manual_seed(5)
        results.append(algorithm.agent().tensors())
    for name, tensor in results[0].items():
        np.testing.assert_array_equal(tensor, results[1][name])


def _fail(actions: Any) -> Any:
    raise ValueError("broken")

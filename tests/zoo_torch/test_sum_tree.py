"""Trees of sums against sums that are added up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo_torch.sum_tree import MinTree, SumTree

sizes = st.one_of(st.integers(1, 40), st.sampled_from([80, 81, 82, 255, 256, 257, 1000, 5000]))


@given(sizes, st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_finds_what_a_cumulative_sum_finds(size: int, seed: int, changes: int) -> None:
    rng = np.random.default_rng(seed)
    sums, least, numbers = SumTree(size), MinTree(size), np.zeros(size)
    for _ in range(changes):
        places = rng.integers(size, size=rng.integers(1, 2 * size + 1))
        values = rng.integers(0, 100, len(places)) * (rng.random(len(places)) < 0.7)
        sums.set(places, values)
        least.set(places, values)
        for place, value in zip(places.tolist(), values.tolist(), strict=True):
            numbers[place] = value  # the last one counts
    assert (sums.get(np.arange(size)) == numbers).all()
    assert sums.root() == numbers.sum()
    touched = least.get(np.arange(size)) < np.inf
    assert least.root() == numbers[touched].min()
    if numbers.any():
        targets = rng.random(100) * numbers.sum()
        upto = numbers.cumsum()
        targets[:40] = rng.choice(np.append(0, upto[upto < upto[-1]]), 40)  # exactly at a border
        assert (sums.find(targets) == upto.searchsorted(targets, side="right")).all()


@pytest.mark.parametrize("size", [1, 2, 16, 17, 10_000])
def test_all_at_once_and_one_by_one_are_the_same(size: int) -> None:
    values = np.random.default_rng(0).random(size)
    whole, single, places = SumTree(size), SumTree(size), np.arange(size)
    whole.set(places, values)
    for start in range(0, size, 100):
        single.set(places[start : start + 100], values[start : start + 100])
    for mine, its in zip(whole.levels, single.levels, strict=True):
        assert mine.tobytes() == its.tobytes()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_no_rounding_leads_to_a_place_of_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 3000))
    numbers = 10.0 ** rng.uniform(-200, 20, size) * (rng.random(size) < 0.3)
    numbers[rng.integers(size)] = 1e-300
    sums = SumTree(size)
    sums.set(np.arange(size), numbers)
    root = sums.root()
    targets = np.concatenate((rng.random(500) * root, numbers.cumsum(), [0.0, root, 2 * root]))
    assert (numbers[sums.find(targets)] > 0).all()


def test_what_cannot_be_found_is_as_rare_as_rounding() -> None:
    rng = np.random.default_rng(0)
    numbers, sums = rng.random(100_000), SumTree(100_000)
    sums.set(np.arange(100_000), numbers)
    targets = rng.random(10_000) * sums.root()
    assert (sums.find(targets) == numbers.cumsum().searchsorted(targets, side="right")).all()


def test_an_empty_tree() -> None:
    assert SumTree(10).root() == 0
    assert MinTree(10).root() == np.inf

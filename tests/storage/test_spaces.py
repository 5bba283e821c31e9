"""Spaces come back equal, bounds, dtypes and key order included."""

import json
import tracemalloc
from collections import OrderedDict

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from zoo.errors import ZooError
from zoo.storage.spaces import from_json, to_json


def again(space):
    return from_json(json.loads(json.dumps(to_json(space), allow_nan=False)))


def same(one, other):
    if type(one) is not type(other) or one != other or one.dtype != other.dtype:
        return False
    match one:
        case spaces.Box():
            return all(
                (getattr(one, name) == getattr(other, name)).all()
                for name in ("low", "high", "bounded_below", "bounded_above")
            )
        case spaces.MultiDiscrete():
            return (one.start == other.start).all()
        case spaces.Tuple():
            return all(map(same, one.spaces, other.spaces))
        case spaces.Dict():
            pairs = zip(one.spaces.values(), other.spaces.values(), strict=True)
            return list(one.spaces) == list(other.spaces) and all(same(a, b) for a, b in pairs)
    return True


shapes = st_numpy.array_shapes(min_dims=0, max_dims=3, max_side=3)
numbers = st.sampled_from(
    [
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "bool",
    ]
)


@st.composite
def boxes(draw):
    dtype = np.dtype(draw(numbers))
    shape = draw(shapes)
    elements = st_numpy.from_dtype(dtype, allow_nan=False)
    sides = [draw(st_numpy.arrays(dtype, shape, elements=elements)) for _ in range(2)]
    low, high = np.minimum(*sides), np.maximum(*sides)
    if dtype.kind == "f":  # as an environment would say it: no bound of +inf below
        low, high = np.where(np.isposinf(low), 0, low), np.where(np.isneginf(high), 0, high)
        low, high = np.minimum(low, high), np.maximum(low, high)
    return spaces.Box(np.asarray(low, dtype), np.asarray(high, dtype), shape, dtype)


counts = st.integers(1, 1000)
starts = st.integers(-1000, 1000)
simple = st.one_of(
    boxes(),
    st.builds(lambda n, start: spaces.Discrete(n, start=start), counts, starts),
    st.builds(lambda n: spaces.Discrete(n, dtype=np.int32), counts),
    st.lists(st.tuples(counts, starts), min_size=1, max_size=4).map(
        lambda pairs: spaces.MultiDiscrete([n for n, _ in pairs], start=[s for _, s in pairs])
    ),
    st.builds(
        spaces.MultiBinary, st.integers(1, 5) | st.lists(st.integers(1, 3), min_size=1, max_size=4)
    ),
)
nested = st.recursive(
    simple,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple)
        | st.lists(
            st.tuples(st.text(), inner), min_size=1, max_size=3, unique_by=lambda p: p[0]
        ).map(lambda pairs: spaces.Dict(OrderedDict(pairs)))
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(space=nested)
def test_every_space_comes_back(space):
    assert same(space, again(space))


@pytest.mark.parametrize(
    "env_id",
    ["CartPole-v1", "Pendulum-v1", "Acrobot-v1", "FrozenLake-v1", "Blackjack-v1", "Taxi-v4"],
)
def test_spaces_of_environments(env_id):
    env = gym.make(env_id)
    assert same(env.observation_space, again(env.observation_space))
    assert same(env.action_space, again(env.action_space))


def test_how_it_looks():
    assert to_json(spaces.Box(-np.inf, 1.5, (2, 3))) == {
        "type": "Box", "low": "-inf", "high": 1.5, "shape": [2, 3], "dtype": "float32",
    }  # fmt: skip
    assert to_json(spaces.Box(np.float32([0, 1]), np.float32([np.inf, 2]))) == {
        "type": "Box", "low": [0.0, 1.0], "high": ["inf", 2.0], "shape": [2], "dtype": "float32",
    }  # fmt: skip
    assert to_json(spaces.Discrete(4, start=1)) == {
        "type": "Discrete", "n": 4, "start": 1, "dtype": "int64",
    }  # fmt: skip


def test_an_image_is_short():
    assert len(json.dumps(to_json(spaces.Box(0, 255, (84, 84, 4), np.uint8)))) < 100


def test_integer_boxes_without_bounds_stay_so():
    box = spaces.Box(-np.inf, np.inf, (2,), np.int64)
    assert not box.bounded_below.any()
    assert same(box, again(box))


@pytest.mark.parametrize(
    "space",
    [
        spaces.Text(3),
        spaces.Sequence(spaces.Discrete(2)),
        spaces.Dict({"a": spaces.Text(3)}),
        spaces.Dict({3: spaces.Discrete(2)}),
        spaces.Box(-1, 1, (2,), np.longdouble),
    ],
    ids=str,
)
def test_other_spaces_are_refused(space):
    with pytest.raises(ZooError, match="cannot be stored"):
        to_json(space)


BOX = {"type": "Box", "low": 0.0, "high": 1.0, "shape": [2], "dtype": "float32"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"type": "Graph"},
        {"type": ["Box"]},
        BOX | {"low": 2.0},
        BOX | {"low": "inf"},
        BOX | {"low": "a"},
        BOX | {"low": None},
        BOX | {"low": [0.0, 0.0, 0.0]},
        BOX | {"low": [[0.0], [0.0]] * 2},
        BOX | {"shape": [-1]},
        BOX | {"shape": [True]},
        BOX | {"shape": ["2"]},
        BOX | {"shape": [1 << 40]},
        BOX | {"shape": [1 << 20, 1 << 20]},
        BOX | {"dtype": "object"},
        BOX | {"dtype": "U5"},
        BOX | {"dtype": "uint8", "high": 256},
        BOX | {"dtype": "uint8", "high": "inf"},
        BOX | {"dtype": "int8", "high": 1.5},
        {"type": "Discrete", "n": 0, "start": 0, "dtype": "int64"},
        {"type": "Discrete", "n": 2.0, "start": 0, "dtype": "int64"},
        {"type": "Discrete", "n": 2},
        {"type": "MultiDiscrete", "nvec": [2, 0], "start": [0, 0], "dtype": "int64"},
        {"type": "MultiDiscrete", "nvec": [2, 2], "start": [0], "dtype": "int64"},
        {"type": "MultiDiscrete", "nvec": [2, [2]], "start": [0], "dtype": "int64"},
        {"type": "MultiDiscrete", "nvec": ["a"], "start": [0], "dtype": "int64"},
        {"type": "MultiBinary", "n": -1},
        {"type": "MultiBinary", "n": [1 << 40]},
        {"type": "Tuple", "spaces": [None]},
        {"type": "Dict", "spaces": {"a": BOX}},
        {"type": "Dict", "spaces": [["a", BOX], ["a", BOX]]},
        {"type": "Dict", "spaces": [["a"]]},
    ],
    ids=str,
)
def test_damaged_spaces_are_refused(value):
    with pytest.raises(ZooError, match="a stored space is damaged"):
        from_json(value)


def test_a_bound_that_is_one_number_costs_no_more_than_its_arrays():
    box = BOX | {"shape": [1 << 10, 1 << 10], "dtype": "uint8", "low": 0, "high": 255}
    tracemalloc.start()
    try:
        space = from_json(box)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert space == spaces.Box(0, 255, (1 << 10, 1 << 10), np.uint8)
    assert peak < 12 * space.low.nbytes


def test_parts_of_a_space_are_not_large_together():
    part = BOX | {"shape": [1 << 18]}
    assert len(from_json({"type": "Tuple", "spaces": [part] * 4}).spaces) == 4
    pair = {"type": "Dict", "spaces": [["a", part], ["b", {"type": "MultiBinary", "n": 1 << 23}]]}
    with pytest.raises(ZooError, match="too large"):
        from_json({"type": "Tuple", "spaces": [pair] * 2})


@pytest.mark.parametrize("shape", [[(1 << 24) + 1], [1 << 13, 1 << 12], [1] * 33])
def test_large_shapes_are_refused(shape):
    with pytest.raises(ZooError, match="too large"):
        from_json(BOX | {"shape": shape})

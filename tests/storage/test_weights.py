"""Weights are plain numbers without NaN, or they are refused."""

import json

import numpy as np
import pytest
import safetensors.numpy

from zoo.errors import ZooError
from zoo.storage.weights import dumps, loads

TENSORS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array(3.5),
    "c": np.zeros((0, 4)),
    "d": np.array([True, False]),
    "e": np.array([1 << 63], np.uint64),
    "inf": np.array([np.inf, -np.inf]),
}


def test_numbers_come_back():
    loaded = loads(dumps(TENSORS), "x")
    assert loaded.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        assert (loaded[name] == array).all()


def test_layouts_in_memory_do_not_matter():
    base = np.arange(12.0).reshape(3, 4)
    tensors = {"t": base.T, "s": base[::2, ::-1], "big": base.astype(">f8")}
    for name, array in loads(dumps(tensors), "x").items():
        assert (array == tensors[name]).all()


def test_the_format_is_safetensors():
    assert safetensors.numpy.load(dumps(TENSORS))["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([None]), np.array([1j]), np.zeros(1, np.longdouble)]
)
def test_other_than_numbers_are_not_written(array):
    with pytest.raises(ZooError, match="'w' is of"):
        dumps({"w": array})


def test_nan_is_not_written():
    with pytest.raises(ZooError, match=r"NaN in 'w'.*lower learning rate"):
        dumps({"w": np.array([1.0, np.nan])})


def test_nan_is_not_read():
    data = safetensors.numpy.save({"w": np.array([[1.0, np.nan]], np.float32)})
    with pytest.raises(ZooError, match="bundle/weights has NaN in 'w'"):
        loads(data, "bundle/weights")


def with_header(header, body=b"\0" * 8):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        b"\xff" * 8,
        (1 << 30).to_bytes(8, "little") + b"{}",
        with_header(b"{"),
        with_header([]),
        with_header({"w": None}),
        with_header({"w": {"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 8]}}),
        with_header({"w": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}),
        with_header({"w": {"dtype": [], "shape": [1], "data_offsets": [0, 8]}}),
        with_header({"w": {"dtype": "F64", "shape": [2], "data_offsets": [0, 8]}}),
        with_header({"w": {"dtype": "F64", "shape": [1], "data_offsets": [0, 800]}}),
        with_header({"w": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}),
        with_header({"w": {"dtype": "F64", "shape": [1]}}),
        with_header({"w": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, b"\0" * 9),
        with_header(
            b'{"w": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]},'
            b' "w": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}'
        ),
    ],
)
def test_damage_is_refused_in_one_line_that_names_the_file(data):
    with pytest.raises(ZooError) as caught:
        loads(data, "bundle/weights")
    assert str(caught.value).startswith("bundle/weights is ")
    assert "\n" not in str(caught.value)


def test_every_cut_is_refused():
    data = dumps(TENSORS)
    for length in range(0, len(data), 5):
        with pytest.raises(ZooError):
            loads(data[:length], "x")

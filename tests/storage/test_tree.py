"""State trees come back bit for bit, and damage never comes back at all."""

import hashlib
import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from zoo.errors import ZooError
from zoo.storage.strict_json import MAX_DEPTH
from zoo.storage.tree import ARRAYS, STRUCTURE, load_tree, save_tree


def same(one, other):
    """Say whether two trees are equal in types, dtypes, shapes, bits and key order."""
    if type(one) is not type(other):
        return False
    match one:
        case dict():
            return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
        case list():
            return len(one) == len(other) and all(map(same, one, other))
        case np.ndarray():
            return (
                one.dtype == other.dtype
                and one.shape == other.shape
                and np.ascontiguousarray(one).tobytes() == other.tobytes()
            )
        case float():
            return math.isnan(one) == math.isnan(other) and (
                math.isnan(one)
                or (one == other and math.copysign(1, one) == math.copysign(1, other))
            )
    return one == other


dtypes = st.one_of(
    st_numpy.scalar_dtypes(),
    st_numpy.byte_string_dtypes(min_len=1),
    st_numpy.unicode_string_dtypes(min_len=1),
).filter(lambda dtype: dtype.kind in "biufcmMSU")
arrays = dtypes.flatmap(
    lambda dtype: st_numpy.arrays(
        dtype, st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    )
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), arrays,
    st.integers(-(1 << 300), 1 << 300),
)  # fmt: skip
trees = st.dictionaries(
    st.text() | st.sampled_from(["$array", "$", "$$x", "dtype"]),
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text() | st.just("$array"), inner, max_size=4)
        ),
        max_leaves=12,
    ),
    max_size=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(state=trees)
def test_every_tree_comes_back(tmp_path_factory, state):
    directory = tmp_path_factory.mktemp("tree")
    digests = save_tree(directory, state)
    assert same(state, load_tree(directory, digests))


def example():
    rng = np.random.default_rng(0)
    return {
        "rng": rng.bit_generator.state,
        "nets": [{"w": rng.normal(size=(4, 3)).astype(np.float32)}, {"w": np.zeros((0, 2))}],
        "count": np.array(7, np.uint64),
        "done": np.array([True, False]),
        "loss": float("nan"),
        "best": float("-inf"),
    }


def test_a_random_generator_goes_on_where_it_was(tmp_path):
    rng = np.random.default_rng(3)
    rng.random(5)
    save_tree(tmp_path, {"rng": rng.bit_generator.state})
    again = np.random.default_rng()
    again.bit_generator.state = load_tree(tmp_path)["rng"]
    assert again.random(10).tolist() == rng.random(10).tolist()


def test_arrays_are_safetensors_that_others_can_read(tmp_path):
    save_tree(tmp_path, {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": np.array(2.5)})
    loaded = safetensors.numpy.load_file(tmp_path / ARRAYS)
    assert loaded["0"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert loaded["0"].dtype == np.int16
    assert loaded["1"].shape == ()
    assert loaded["1"] == 2.5


def test_layouts_in_memory_do_not_matter(tmp_path):
    base = np.arange(24.0).reshape(2, 3, 4)
    state = {
        "transposed": base.T,
        "strided": base[:, ::2, ::-1],
        "fortran": np.asfortranarray(base),
        "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
        "big-endian": base.astype(">f4"),
    }
    save_tree(tmp_path, state)
    assert same(state, load_tree(tmp_path))


@pytest.mark.parametrize("size", [3, 3_000_000])
def test_loaded_arrays_can_be_written_and_outlive_the_file(size, tmp_path):
    digests = save_tree(tmp_path, {"odd": np.ones(3, np.uint8), "a": np.arange(float(size))})
    array = load_tree(tmp_path, digests)["a"]
    array += 1
    assert load_tree(tmp_path, digests)["a"][-1] == size - 1
    (tmp_path / ARRAYS).unlink()
    assert array[0] == 1
    assert array[-1] == size


def test_a_large_array_takes_no_memory_until_it_is_written_to(tmp_path):
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux tells a process's own memory from mapped files")

    def own() -> int:
        return int(status.read_text().split("RssAnon:")[1].split()[0]) * 1024

    size = 200 << 20
    save_tree(tmp_path, {"a": np.zeros(size, np.uint8)})
    before = own()
    array = load_tree(tmp_path)["a"]
    assert not array.any()
    assert own() - before < size / 4
    array[:] = 1
    assert own() - before > size / 2


@pytest.mark.parametrize(
    ("leaf", "kind"),
    [
        (np.float64(1.0), "numpy.float64"),
        (np.int64(1), "numpy.int64"),
        ((1, 2), "builtins.tuple"),
        ({1, 2}, "builtins.set"),
        (b"x", "builtins.bytes"),
        (1j, "builtins.complex"),
        (np.array([None]), "numpy.ndarray of object"),
        (np.array([(1, 2.0)], "i4,f4"), "numpy.ndarray of"),
        (np.ma.masked_array([1, 2], [0, 1]), "MaskedArray"),
        (len, "builtin_function_or_method"),
    ],
)
def test_other_leaves_are_refused_with_their_place(tmp_path, leaf, kind):
    with pytest.raises(ZooError) as caught:
        save_tree(tmp_path, {"a": [{"b": leaf}]})
    assert "state['a'][0]['b'] is a " in str(caught.value)
    assert kind in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_keys_are_strings(tmp_path):
    with pytest.raises(ZooError, match=r"state\['a'\] has the key 3"):
        save_tree(tmp_path, {"a": {3: 1}})


def test_a_cycle_is_refused(tmp_path):
    state = {}
    state["self"] = state
    with pytest.raises(ZooError, match="nested too deeply"):
        save_tree(tmp_path, state)


def test_the_deepest_tree_that_is_saved_is_loaded(tmp_path):
    state = leaf = {}
    for _ in range(MAX_DEPTH // 2 - 2):
        leaf["x"] = leaf = {}
    leaf["x"] = np.zeros(1)
    save_tree(tmp_path, state)
    assert same(state, load_tree(tmp_path))


def test_the_digests_are_those_of_the_files(tmp_path):
    digests = save_tree(tmp_path, example())
    for name in (STRUCTURE, ARRAYS):
        data = (tmp_path / name).read_bytes()
        entry = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        assert digests[name] == entry


@pytest.mark.parametrize("name", [STRUCTURE, ARRAYS])
def test_every_changed_byte_and_every_cut_is_noticed(tmp_path, name):
    digests = save_tree(tmp_path, example())
    path = tmp_path / name
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[position] ^= 0x41
        for data in (bytes(changed), whole[:position]):
            path.write_bytes(data)
            with pytest.raises(ZooError):
                load_tree(tmp_path, digests)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ZooError):
        load_tree(tmp_path, digests)
    path.write_bytes(whole)
    assert same(example(), load_tree(tmp_path, digests))


def test_a_missing_file_is_explained(tmp_path):
    save_tree(tmp_path, example())
    (tmp_path / ARRAYS).unlink()
    with pytest.raises(ZooError, match="does not exist"):
        load_tree(tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        {"$array": "0", "dtype": "|O", "shape": [2]},
        {"$array": "0", "dtype": "O", "shape": [2]},
        {"$array": "0", "dtype": "f8,f8", "shape": [1]},
        {"$array": "0", "dtype": "<f8", "shape": [3]},
        {"$array": "0", "dtype": "<f8", "shape": [-1]},
        {"$array": "0", "dtype": "<f8", "shape": ["2"]},
        {"$array": "0", "dtype": "none", "shape": [2]},
        {"$array": "1", "dtype": "<f8", "shape": [2]},
        {"$array": 0, "dtype": "<f8", "shape": [2]},
        {"$float": "1.5"},
        {"$int": "print"},
        {"$eval": "print"},
        [{"$array": "0", "dtype": "<f8", "shape": [2]}] * 2,
    ],
)
def test_without_digests_the_structure_is_still_checked(tmp_path, entry):
    save_tree(tmp_path, {"a": np.arange(2.0)})
    (tmp_path / STRUCTURE).write_text(json.dumps({"a": entry}))
    with pytest.raises(ZooError, match="damaged"):
        load_tree(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"0": {}},
        {"0": {"data_offsets": [0, 99]}},
        {"0": {"data_offsets": [8, 16]}},
        {"0": {"data_offsets": [16, 0]}},
        {"0": {"data_offsets": [0, 16]}, "1": {"data_offsets": [0, 16]}},
        {"0": {"data_offsets": [0, 16, 16]}},
        {"0": {"data_offsets": ["0", "16"]}},
        {"0": {"data_offsets": [0, 1 << 62]}},
    ],
)
def test_without_digests_the_header_is_still_checked(tmp_path, header):
    save_tree(tmp_path, {"a": np.arange(2.0)})
    text = json.dumps(header).encode()
    body = np.arange(2.0).tobytes()
    (tmp_path / ARRAYS).write_bytes(len(text).to_bytes(8, "little") + text + body)
    with pytest.raises(ZooError, match="damaged"):
        load_tree(tmp_path)


def test_large_arrays_are_streamed(tmp_path):
    size = 64 << 20
    buffers = {"a": np.zeros(size // 8), "b": np.zeros((1024, size // 1024), np.uint8).T}
    tracemalloc.start()
    try:
        digests = save_tree(tmp_path, buffers)
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        state = load_tree(tmp_path, digests)
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written < 40 << 20  # pieces of 16 MiB, not a copy of 128
    assert read < 2 * size + (20 << 20)
    assert state["b"].shape == (size // 1024, 1024)

"""Pickles become inert records: nothing runs, nothing is imported, memory stays small."""

from __future__ import annotations

import builtins
import collections
import io
import pickle
import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.foreign.hostile import deep, explosion, payloads
from zoo.errors import ZooError
from zoo.foreign import pickles
from zoo.foreign.arrays import NotPlain, array, mapping, npy, plain, shown
from zoo.foreign.records import Made, Name, Persistent, is_made_by

PLAIN = {
    "numbers": [0, 1, -1, 255, 256, 65536, -(1 << 31), 1 << 40, -(1 << 80), 1 << 200, 0.5, -1e300],
    "texts": ["", "a", "é€😀", "x" * 70_000],
    "bytes": [b"", b"abc", b"z" * 300],
    "nothing": (None, True, False, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    "nested": {"a": [{"b": ({},)}], 3: {2.5: None}},
}


def answer(data: bytes) -> tuple[Any, str]:
    """Return (what a pickle holds, the error's line), one of which says nothing."""
    try:
        return pickles.loads(data, "file.pkl"), ""
    except ZooError as error:
        return None, str(error)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_values_come_back(name: str, protocol: int) -> None:
    if name == "bytes" and protocol < 3:
        pytest.skip("written as calls of an encoder")
    value = PLAIN[name]
    assert pickles.loads(pickle.dumps(value, protocol), "x") == value


@pytest.mark.parametrize("trick", payloads(Path("x")))
def test_nothing_runs(trick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = tmp_path / "marker"
    data = payloads(marker)[trick]
    before = set(sys.modules)
    for name in ("exec", "eval", "compile", "__import__"):
        monkeypatch.setattr(builtins, name, lambda *a, **k: pytest.fail("something was run"))
    value, said = answer(data)
    assert isinstance(value, Made | Name | Persistent) or said
    assert "\n" not in said
    monkeypatch.undo()
    assert set(sys.modules) == before
    assert not marker.exists()


def test_the_payloads_are_real(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for trick in ("reduce", "global", "inst", "obj", "exec", "setitem"):
        pickle.loads(payloads(marker)[trick])
        assert marker.exists(), trick
        marker.unlink()


def test_calls_are_recorded_with_all_that_they_would_get() -> None:
    value = pickles.loads(payloads(Path("m"))["getattr"], "x")
    assert isinstance(value, Made)
    assert value.arguments == ("touch m",)
    assert is_made_by(value.maker, "builtins.getattr")
    assert value.maker.arguments == (Name("os", "__dict__"), "system")
    assert shown(value) == "a call of a call"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cut off"),
        (b"\x80\x02", "cut off"),
        (b".", "never put there"),
        (b"\x80\x09N.", "protocol is newer"),
        (b"0.", "never put there"),
        (b"t.", "never put there"),
        (b"\x82\x01.", "not read"),
        (b"\x83\x01\x00.", "not read"),
        (b"\x84\x01\x00\x00\x00.", "not read"),
        (b"\x97.", "not read"),
        (b"\x98.", "not read"),
        (b"\xff.", "not read"),
        (b"h\x05.", "never put there"),
        (b"g999999999999999999999\n.", "never put there"),
        (b"Np999999999999999999999\n.", "as number"),
        (b"Np-1\n.", "as number"),
        (b"I" + b"9" * 5000 + b"\n.", "too long"),
        (b"\x8b\xff\xff\xff\x7f.", "too long"),
        (b"\x8b\xff\xff\xff\xff.", "too long"),
        (b"X\xff\xff\xff\xff.", "cut off"),
        (b"\x8d" + b"\xff" * 8 + b".", "cut off"),
        (b"\x8e" + b"\xff" * 8 + b".", "cut off"),
        (b"\x96" + b"\xff" * 8 + b".", "cut off"),
        (b"\x95" + b"\xff" * 8 + b".", "cut off"),
        (b"X\x02\x00\x00\x00\xff\xff.", "another kind"),
        (b"Inope\n.", "another kind"),
        (b"Sunquoted\n.", "no quotes"),
        (b"NN\x93.", "no name"),
        (b"}]Ns.", "neither text nor a number"),
        (b"})Ns.", "neither text nor a number"),
        (b"NNb.", "a state to a plain value"),
        (b"NNa.", "no list"),
        (b"]NNs.", "no dictionary"),
        (b"(Nd.", "no dictionary"),
    ],
)
def test_damage_is_said_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(ZooError, match=said) as caught:
        pickles.loads(data, "file.pkl")
    assert str(caught.value).startswith("file.pkl cannot be read: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        deep(200_000),
        b"\x80\x02" + b"]" * 200_001 + b"a" * 200_000 + b".",
        explosion(200),
        b"\x80\x02" + b"}" * 1_000_000 + b".",
        b"\x80\x02(" + b"K\x01" * 1_000_000 + b"t.",
        b"\x80\x02]" + b"2" * 1_000_000 + b".",
        b"\x80\x02N" + b"".join(b"r" + struct.pack("<I", i * 4001) for i in range(500_000)) + b".",
    ],
    ids=["deep", "deep-lists", "explosion", "dictionaries", "numbers", "copies", "memo"],
)
def test_memory_stays_bounded(data: bytes) -> None:
    tracemalloc.start()
    value, said = answer(data)
    assert value is not None or "steps" in said
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 << 20


def test_too_much_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles, "MAX_BYTES", 10)
    with pytest.raises(ZooError, match="too large"):
        pickles.loads(b"\x80\x02" + b"N" * 20 + b".", "x")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(3.5),
        np.zeros((0, 4)),
        np.array([True, False]),
        np.arange(4, dtype=">i4"),
    ],
)
def test_arrays_come_back(value: np.ndarray, protocol: int) -> None:
    found = array(pickles.loads(pickle.dumps(value, protocol), "x"))
    assert found.dtype == value.dtype.newbyteorder("=")
    assert found.shape == value.shape
    assert (found == value).all()


@pytest.mark.parametrize("protocol", range(6))
def test_scalars_and_ordered_dictionaries_come_back(protocol: int) -> None:
    for value in (np.float32(1.5), np.int64(-3), np.bool_(True)):
        assert plain(pickles.loads(pickle.dumps(value, protocol), "x")) == value
    ordered = collections.OrderedDict(b=1, a=2)
    found = mapping(pickles.loads(pickle.dumps(ordered, protocol), "x"))
    assert list(found.items()) == [("b", 1), ("a", 2)]


def lying(shape: Any, code: str, data: bytes) -> Made:
    """Return the record of an array that says what it likes."""
    kind = Made(Name("numpy", "dtype"), (code, False, True))
    kind.state = (3, "<", None, None, None, -1, -1, 0)
    made = Made(
        Name("numpy._core.multiarray", "_reconstruct"), (Name("numpy", "ndarray"), (0,), b"b")
    )
    made.state = (1, shape, kind, False, data)
    return made


@pytest.mark.parametrize(
    ("shape", "code", "data"),
    [
        ((3,), "f4", b"\0" * 8),
        ((1 << 60,), "f4", b""),
        ((1 << 31, 1 << 31, 1 << 31), "f8", b"\0" * 8),
        ((-2, -2), "f4", b"\0" * 16),
        ((1,) * 65, "f4", b"\0" * 4),
        (("3",), "f4", b"\0" * 12),
        (None, "f4", b""),
        ((2,), "O", b"\0" * 16),
        ((2,), "O8", b"\0" * 16),
        ((2,), "U4", b"\0" * 32),
        ((2,), "V8", b"\0" * 16),
        ((2,), "f4,O", b"\0" * 16),
        ((2,), "b8", b"\0" * 16),
        ((2,), "f4", ["list"]),
        ((2,), "f4", None),
    ],
)
def test_arrays_that_lie_are_refused(shape: Any, code: str, data: Any) -> None:
    with pytest.raises(NotPlain) as caught:
        array(lying(shape, code, data))
    assert len(str(caught.value)) < 200


def saved_npy(value: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=True)
    return buffer.getvalue()


def test_npy_files_are_read_where_they_tell_the_truth() -> None:
    value = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    data = saved_npy(value)
    np.testing.assert_array_equal(npy(data), value)
    objects = saved_npy(np.array([None]))
    for wrong in (b"", data[:-1], data.replace(b"(2, 3)", b"(9**9,)"), objects, b"\x93NUMPY\x09\0"):
        with pytest.raises(NotPlain):
            npy(wrong)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_arrays_of_any_order_of_axes(protocol: int) -> None:
    """NumPy since 2.3 writes the order of the axes with protocol 5."""
    turned = np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2)
    np.testing.assert_array_equal(array(pickles.loads(pickle.dumps(turned, protocol), "x")), turned)


@pytest.mark.parametrize("axes", [(0,), (0, 0), (0, 2), "01", (0, -1)])
def test_axes_that_are_none(axes: Any) -> None:
    kind = Made(Name("numpy", "dtype"), ("f4", False, True))
    maker = Name("numpy._core.numeric", "_frombuffer")
    with pytest.raises(NotPlain):
        array(Made(maker, (bytes(16), kind, (2, 2), "K", axes)))


def test_keys_that_share_one_hash_are_refused() -> None:
    keys = {i * sys.hash_info.modulus: 0 for i in range(3)}
    assert "too large a number" in answer(pickle.dumps(keys))[1]
    assert answer(pickle.dumps({1 << 60: 0, -3: 1}))[0] == {1 << 60: 0, -3: 1}


def test_names_are_shown_in_one_line_of_text() -> None:
    assert str(Name("a\nb", "\x1b[31m\ud800")) == r"a\nb.\x1b[31m\ud800"


def test_a_header_of_numpy_that_exhausts_the_stack() -> None:
    header = b"-" * 8999 + b"1"
    with pytest.raises(NotPlain, match="no array of NumPy"):
        npy(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)

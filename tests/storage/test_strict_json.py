"""JSON that is refused here would mean different things to different readers."""

import pytest

from zoo.errors import ZooError
from zoo.storage.strict_json import MAX_DEPTH, dumps, loads


def test_what_is_written_is_read():
    value = {"a": [1, -2.5, True, None, "é\ud800"], "b": {}, "big": 1 << 100}
    assert loads(dumps(value), "x") == value
    assert loads(dumps(value, compact=True), "x") == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"a": 1', b"[1,]", b"NaN", b"[Infinity]", b"-Infinity", b"1e999",
        b'{"a": 1, "a": 1}', b'[{"b": {"a": 1, "a": 2}}]', b'"\xff"', b"\x00", b"{'a': 1}",
        b"[" * 100_000, b"[" * (MAX_DEPTH + 5) + b"]" * (MAX_DEPTH + 5), b"1" * 10_000,
    ],
)  # fmt: skip
def test_anything_odd_is_refused_in_one_line_that_names_the_file(data):
    with pytest.raises(ZooError) as caught:
        loads(data, "some/agent.json")
    assert str(caught.value).startswith("some/agent.json is not valid JSON: ")
    assert "\n" not in str(caught.value)


def test_depth_within_the_limit_is_read():
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "x")


def test_size_is_limited():
    with pytest.raises(ZooError, match="too large: 12 of at most 10 bytes"):
        loads(b'"0123456789"', "x", max_bytes=10)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object(), b"x"])
def test_values_that_json_lacks_are_refused(value):
    with pytest.raises(ZooError, match="cannot be written as JSON"):
        dumps({"a": value})

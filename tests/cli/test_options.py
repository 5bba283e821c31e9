"""What the values of options may look like."""

from __future__ import annotations

import click
import pytest

from zoo.cli.options import Device, Duration, JsonObject, Seeds, Steps


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("100000", 100_000),
        ("100_000", 100_000),
        ("1e5", 100_000),
        ("1.5e3", 1500),
        ("100k", 100_000),
        ("2.5M", 2_500_000),
        (" 1m ", 1_000_000),
        (7, 7),
    ],
)
def test_steps(written: str | int, meant: int) -> None:
    assert Steps().convert(written, None, None) == meant


@pytest.mark.parametrize("written", ["", "0", "-5", "1.5", "1e-3", "k", "ten", "1e5x", "1e400"])
def test_what_is_no_number_of_steps(written: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a number of steps"):
        Steps().convert(written, None, None)


def test_zero_steps_where_they_mean_never() -> None:
    assert Steps(least=0).convert("0", None, None) == 0


@pytest.mark.parametrize("written", ["auto", "cpu", "cuda", "cuda:1"])
def test_devices(written: str) -> None:
    assert Device().convert(written, None, None) == written


@pytest.mark.parametrize("written", ["", "gpu", "cuda:", "cuda:x", "cpu:0", "cuda:-1"])
def test_what_is_no_device(written: str) -> None:
    with pytest.raises(click.BadParameter, match="is not auto, cpu, cuda or cuda:N"):
        Device().convert(written, None, None)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("0.5h", 1800)],
)
def test_durations(written: str, seconds: float) -> None:
    assert Duration().convert(written, None, None) == seconds


@pytest.mark.parametrize("written", ["", "0", "-1", "m", "10 minutes", "1x", "10mm"])
def test_what_is_no_duration(written: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time"):
        Duration().convert(written, None, None)


@pytest.mark.parametrize(
    ("written", "seeds"),
    [("0-4", (0, 1, 2, 3, 4)), ("3", (3,)), ("1,2, 5", (1, 2, 5)), ("0-2,7,1", (0, 1, 2, 7))],
)
def test_seeds(written: str, seeds: tuple[int, ...]) -> None:
    assert Seeds().convert(written, None, None) == seeds


@pytest.mark.parametrize("written", ["", "a", "4-0", "1,", "-1", "0-99999", "9999999999"])
def test_what_are_no_seeds(written: str) -> None:
    with pytest.raises(click.BadParameter):
        Seeds().convert(written, None, None)


def test_json_objects() -> None:
    assert JsonObject().convert('{"a": [1, null]}', None, None) == {"a": [1, None]}


@pytest.mark.parametrize("written", ["{", "[1]", "a=1", "NaN"])
def test_what_is_no_json_object(written: str) -> None:
    with pytest.raises(click.BadParameter, match="is not"):
        JsonObject().convert(written, None, None)

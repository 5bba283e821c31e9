"""Tables for people, JSON for programs."""

from __future__ import annotations

import json

import click
import numpy as np
import pytest

from zoo.cli.output import (
    interval,
    number,
    print_json,
    print_pairs,
    print_table,
    printable,
    size,
    text,
)


def test_json_is_strict_whatever_the_numbers_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": np.float32(1.5), "c": (np.arange(2), float("inf"))})
    printed = capsys.readouterr().out
    assert json.loads(printed, parse_constant=pytest.fail) == {
        "a": None,
        "b": 1.5,
        "c": [[0, 1], None],
    }


def test_a_piped_table_has_a_line_for_each_row_and_whole_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "package.module/" + "Name" * 40
    print_table(["ref", "what"], [(long, "words " * 40), ("b", "two\nlines")], empty="")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith(long + "  words words")
    assert lines[2].split() == ["b", "two", "lines"]
    assert not any("\x1b" in line or line.endswith(" ") for line in lines)


def test_a_narrow_terminal_wraps_what_is_long_and_cuts_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    name = "sb3-recurrent-ppo/CartPole-v1"
    print_table(["ref", "n", "what"], [(name, 5, "many words " * 8), ("b", 12345, "few")], empty="")
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[1].startswith(f"{name}  5      many words")
    assert " ".join(lines).count("many words") == 8
    assert lines[-1].split() == ["b", "12345", "few"]


def test_an_empty_table_says_why_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["ref"], [], empty="Nothing is here.")
    assert capsys.readouterr() == ("", "Nothing is here.\n")


def test_pairs_leave_out_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    print_pairs({"a": 1, "long": "x", "none": None, "empty": "", "zero": 0})
    assert capsys.readouterr().out == "a     1\nlong  x\nzero  0\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(500.0, "500"), (499.84, "499.8"), (-143.25, "-143.2"), (0.0042, "0.0042"), (9.5, "9.5"),
     (1000.0, "1000"), (float("nan"), "nan"), (None, "-")],
)  # fmt: skip
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (True, "yes"), ([1, 2.5], "1, 2.5"), ("a\n b", "a b")]
)
def test_cells(value: object, shown: str) -> None:
    assert text(value) == shown


def test_intervals_and_sizes() -> None:
    assert interval([483.123, 500.0]) == "[483.1, 500]"
    assert interval(None) == "-"
    assert [size(n) for n in (None, 12, 36_000, 1_500_000)] == ["-", "12 B", "36 kB", "1.5 MB"]


EVIL = "\x1b]0;title\x07x\x9b31m\u202e\x00y"


def test_no_output_for_people_reaches_the_terminal_as_a_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_pairs({EVIL: EVIL, "list": [EVIL]})
    print_table(["what"], [(EVIL,)], empty="")
    printed = capsys.readouterr().out
    assert printed.count("]0;titlex31my") == 4
    assert all(line.isprintable() for line in printed.splitlines())


def test_a_printable_line_keeps_all_that_can_be_seen() -> None:
    assert printable("  ä — 日本\tand\r\nmore\x1b") == "  ä — 日本 and  more"

"""What goes wrong is said in one line."""

from __future__ import annotations

from zoo.errors import ZooError


def test_a_message_is_one_line_whatever_it_quotes() -> None:
    error = ZooError("no space [1\n  2\n  3]", "Try another")
    assert str(error) == "no space [1 2 3]. Try another"
    assert error.args == ("no space [1 2 3]", "Try another")

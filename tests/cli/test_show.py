"""`zoo show`: plain where it is piped, and no traceback for what cannot be drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.drawing.tables import lake, saved

Zoo = Callable[..., Result]


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    return saved(tmp_path / "lake", lake(), "FrozenLake-v1").path


def test_a_pipe_gets_plain_text(zoo_command: Zoo, agent: Path) -> None:
    result = zoo_command("show", agent)
    assert result.exit_code == 0, result.output
    assert "S ←" in result.stdout
    assert "\x1b" not in result.stdout


def test_states_are_listed(zoo_command: Zoo, agent: Path) -> None:
    result = zoo_command("show", agent, "--states", "2-3,0")
    rows = result.stdout.splitlines()[-3:]
    assert [row.split()[0] for row in rows] == ["2", "3", "0"]
    assert rows[0].split()[-1] == "right"


@pytest.mark.parametrize("states", ["3-1", "all", "1,", "0-9999999"])
def test_what_are_no_states_is_wrong_usage(zoo_command: Zoo, agent: Path, states: str) -> None:
    result = zoo_command("show", agent, "--states", states)
    assert result.exit_code == 2
    assert "such as 0-19 or 3,7,100-120" in result.stderr


def test_json_and_a_picture_at_once(zoo_command: Zoo, agent: Path, tmp_path: Path) -> None:
    result = zoo_command("show", agent, "--json", "--png", tmp_path / "lake.png")
    data = json.loads(result.stdout)
    assert len(data["q"]) == 16
    assert (tmp_path / "lake.png").read_bytes().startswith(b"\x89PNG")


def test_a_state_that_is_not_there_is_named(zoo_command: Zoo, agent: Path) -> None:
    result = zoo_command("show", agent, "--states", "16")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no state 16. The table's states are 0 to 15" in result.stderr

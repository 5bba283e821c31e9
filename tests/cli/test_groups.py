"""Suggestions, lazy commands, and what errors become: one line and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from zoo.cli.groups import LazyCommand, ListingGroup, RootGroup
from zoo.cli.main import SECTIONS, main
from zoo.errors import ZooError

ALL = {name: row for rows in SECTIONS.values() for name, row in rows.items()}


def failing(error: BaseException) -> RootGroup:
    """Return the root group with one command, which raises."""

    @click.command("do")
    def do() -> None:
        raise error

    group = RootGroup("zoo", sections={"All": {"do": LazyCommand("", "Do it.")}})
    group.get_command = lambda ctx, cmd_name: do if cmd_name == "do" else None  # type: ignore
    return group


@pytest.mark.parametrize("name", ALL)
def test_the_table_shows_each_command_with_its_own_words(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(limit=200) == ALL[name].help


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert [name for name in ALL if f"\n  {name} " not in result.output] == []


def test_an_unknown_command_is_a_usage_error_with_a_suggestion() -> None:
    result = CliRunner().invoke(main, ["trian"])
    assert result.exit_code == 2
    assert "there is no command 'trian'. Did you mean train?" in result.stderr
    assert result.stdout == ""


def test_an_unknown_subcommand_too() -> None:
    result = CliRunner().invoke(main, ["recipes", "shw"])
    assert result.exit_code == 2
    assert "Did you mean show?" in result.stderr


def test_a_user_error_is_one_line_and_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_DEBUG", raising=False)
    result = CliRunner().invoke(failing(ZooError("it is broken", "Mend it")), ["do"])
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        "Error: it is broken. Mend it\n",
    )


def test_debugging_shows_where_the_error_arose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DEBUG", "1")
    result = CliRunner().invoke(failing(ZooError("it is broken")), ["do"])
    assert isinstance(result.exception, ZooError)


def test_an_interruption_is_130() -> None:
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["do"])
    assert (result.exit_code, result.stderr) == (130, "Interrupted\n")


def test_a_mistake_of_the_zoo_is_not_hidden() -> None:
    result = CliRunner().invoke(failing(ValueError("a bug")), ["do"])
    assert isinstance(result.exception, ValueError)


def test_a_listing_group_lists_when_nothing_else_is_said() -> None:
    @click.group(cls=ListingGroup)
    def things() -> None:
        pass

    @things.command("list")
    @click.option("--json", "as_json", is_flag=True)
    def list_all(as_json: bool) -> None:
        click.echo(f"all {as_json}")

    runner = CliRunner()
    assert runner.invoke(things, []).output == "all False\n"
    assert runner.invoke(things, ["--json"]).output == "all True\n"
    assert "Usage" in runner.invoke(things, ["--help"]).output


@pytest.mark.parametrize("unbuffered", ["0", "1"])
def test_a_closed_pipe_is_no_error(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = os.environ | ({"PYTHONUNBUFFERED": "1"} if unbuffered == "1" else {})
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "envs"], stdout=writer, stderr=subprocess.PIPE,
        env=environment, text=True,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")

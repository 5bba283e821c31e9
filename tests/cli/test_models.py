"""`zoo models`: it shows what bundles say, and its references can be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.actors import run_of, walker
from zoo.storage.bundle import save_bundle

Zoo = Callable[..., Result]


def test_a_bundle_cannot_command_the_terminal(zoo_command: Zoo, tmp_path: Path) -> None:
    evil = "\x1b]0;title\x07x"
    save_bundle(
        tmp_path / "theirs",
        walker(),
        algorithm=evil,
        plugin="test",
        versions={},
        config={},
        environment={"id": evil},
        training={evil: evil},
    )
    shown = zoo_command("models", "show", "theirs")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("]0;titlex") == 4
    assert all(line.isprintable() for line in shown.stdout.splitlines())


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    """Return the reference of the only agent in a directory of runs, and that directory."""
    elsewhere = tmp_path / "elsewhere"
    with monkeypatch.context() as patch:
        patch.setenv("ZOO_RUNS", str(elsewhere))
        run = run_of("FrozenLake-v1", name="cold")
    return run.ref, elsewhere


def test_references_of_other_runs_can_be_used(
    zoo_command: Zoo, elsewhere: tuple[str, Path]
) -> None:
    ref, runs = elsewhere
    listed = json.loads(zoo_command("models", "--runs", runs, "--json").stdout)
    assert ref in [row["ref"] for row in listed]
    shown = zoo_command("models", "show", ref, "--runs", runs, "--json")
    assert json.loads(shown.stdout)["path"].startswith(str(runs))
    measured = zoo_command("eval", ref, "--runs", runs, "-n", "2", "--json")
    assert json.loads(measured.stdout)["env_id"] == "FrozenLake-v1"
    assert zoo_command("eval", ref, "-n", "2").exit_code == 1


def test_they_can_be_filmed(zoo_command: Zoo, elsewhere: tuple[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    ref, runs = elsewhere
    video = tmp_path / "replay.mp4"
    filmed = zoo_command("record", ref, "--runs", runs, "-o", video, "--max-steps", "3")
    assert filmed.exit_code == 0, filmed.output
    assert video.is_file()


def test_they_can_be_watched(
    zoo_command: Zoo, elsewhere: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(variable, raising=False)
    ref, runs = elsewhere
    result = zoo_command("enjoy", ref, "--runs", runs)
    assert "there is no display" in result.stderr  # the agent was found
    assert f"zoo record {runs}" in result.stderr

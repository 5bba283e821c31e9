"""`zoo record` and `zoo enjoy`: on a machine without a display one works and the other says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Zoo = Callable[..., Result]


@pytest.fixture
def agent(zoo_command: Zoo) -> str:
    """Return the reference of an agent that was trained for a moment."""
    trained = zoo_command(
        "train", "--algo", "toy-cem", "--env", "CartPole-v1", "--steps", "500", "--seed", "0"
    )
    assert trained.exit_code == 0, trained.output
    return "toy-cem/CartPole-v1"


def test_record_writes_a_video(zoo_command: Zoo, agent: str, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    video = tmp_path / "deep" / "replay.mp4"
    result = zoo_command("record", agent, "-o", video, "--max-steps", "20")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"Wrote {video}: 1 episode")
    assert video.read_bytes()[4:8] == b"ftyp"


def test_enjoy_without_a_display_points_at_record(
    zoo_command: Zoo, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(variable, raising=False)
    result = zoo_command("enjoy", agent)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"zoo record {agent} -o" in result.stderr


@pytest.mark.parametrize("command", ["eval", "enjoy", "record"])
def test_an_unknown_agent_gets_a_suggestion(zoo_command: Zoo, agent: str, command: str) -> None:
    more = ("-o", "x.mp4") if command == "record" else ()
    result = zoo_command(command, "toy-cem/CartPoel-v1", *more)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Did you mean toy-cem/CartPole-v1" in result.stderr

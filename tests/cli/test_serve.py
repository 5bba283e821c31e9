from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from huggingface_hub import HfApi, constants

Zoo = Callable[..., Result]


def test_a_token_is_printed_once_and_can_be_revoked(zoo_command: Zoo, tmp_path: Path) -> None:
    made = zoo_command("hub", "token", "add", "ada", "--hub", "hub", "--namespace", "team")
    token = made.stdout.strip()
    assert token.startswith("zoo_")
    assert token not in (tmp_path / "hub" / ".tokens.json").read_text()
    listed = zoo_command("hub", "token", "--hub", "hub", "--json")
    assert json.loads(listed.stdout) == [{"name": "ada", "write": True, "namespaces": ["team"]}]
    again = zoo_command("hub", "token", "add", "ada", "--hub", "hub")
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    assert zoo_command("hub", "token", "rm", "ada", "--hub", "hub").exit_code == 0
    assert json.loads(zoo_command("hub", "token", "--hub", "hub", "--json").stdout) == []


def test_the_server_starts_and_stops(
    zoo_command: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = zoo_command("hub", "token", "add", "ada", "--hub", "hub").stdout.strip()
    command = [sys.executable, "-m", "zoo", "hub", "serve", "hub", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert url.startswith("http://127.0.0.1:")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        assert HfApi(endpoint=url, token=token).whoami()["name"] == "ada"
    finally:
        process.send_signal(2)
        _, err = process.communicate(timeout=20)
    assert "Traceback" not in err
    assert process.returncode == 0


def test_what_cannot_be_served_is_told_in_one_line(zoo_command: Zoo, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    foreign = zoo_command("hub", "serve", "home", "--port", "0")
    assert (foreign.exit_code, foreign.output.count("\n")) == (1, 1)
    assert "no hub and not empty" in foreign.output
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = zoo_command("hub", "serve", "hub", "--port", str(port))
    assert found.exit_code == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in found.output
    assert zoo_command("hub", "serve", "hub", "--max-size", "huge").exit_code == 2

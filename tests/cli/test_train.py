"""From `zoo train` to an agent that is measured, and from an interruption to the end."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import Result

from zoo.cli.live import LiveView

Zoo = Callable[..., Result]

SHORT = ("--algo", "toy-cem", "--env", "CartPole-v1", "--steps", "2k", "--eval-every", "1k")
AGENT_KEYS = {
    "ref", "algorithm", "env_id", "mean_return", "ci95_return", "episodes", "size", "path",
}  # fmt: skip


def test_train_then_every_command_that_takes_the_agent(zoo_command: Zoo, own_runs: Path) -> None:
    trained = zoo_command("train", *SHORT, "--seed", "1", "--name", "first")
    assert trained.exit_code == 0, trained.output
    assert "evaluation at 2,000 steps: mean return" in trained.stderr
    assert "zoo eval toy-cem/CartPole-v1/first" in trained.stdout
    assert "over 100 fresh episodes" in trained.stdout

    runs = json.loads(zoo_command("runs", "--json").stdout)
    assert [run["status"] for run in runs] == ["finished"]
    assert runs[0].keys() >= AGENT_KEYS
    assert runs[0]["steps"] >= 2000
    assert runs[0]["size"] > 1000

    agents = json.loads(zoo_command("models", "--json").stdout)
    own = [agent for agent in agents if agent["path"].startswith(str(own_runs))]
    assert own
    assert own[0].keys() == AGENT_KEYS | {"digest", "url"}
    assert own[0]["mean_return"] == runs[0]["mean_return"]

    shown = zoo_command("models", "show", "toy-cem/CartPole-v1").stdout
    assert "seed" in shown
    assert "population" in zoo_command("runs", "show", "first").stdout

    measured = zoo_command("eval", "toy-cem/CartPole-v1", "--episodes", "20", "--json")
    assert measured.exit_code == 0, measured.output
    evaluation = json.loads(measured.stdout)
    assert evaluation["episodes"] == len(evaluation["returns"]) == 20
    assert "mean return" in zoo_command("eval", "first", "-n", "5").stdout

    removed = zoo_command("runs", "rm", "first", input="n\n")
    assert removed.exit_code == 1
    assert zoo_command("runs", "rm", "first", "--yes").exit_code == 0
    assert json.loads(zoo_command("runs", "--json").stdout) == []


def test_json_is_all_that_is_on_stdout(zoo_command: Zoo) -> None:
    trained = json.loads(zoo_command("train", *SHORT, "--seed", "1", "--json").stdout)
    assert trained["status"] == "finished"
    assert Path(trained["best"], "agent.json").is_file()
    assert trained["evaluation"]["episodes"] == 100


def test_several_seeds_end_in_a_mean_with_its_interval(zoo_command: Zoo) -> None:
    result = zoo_command("train", *SHORT, "--seeds", "0-2", "--name", "trio", "--json")
    summary = json.loads(result.stdout)
    scores = [run["evaluation"]["mean_return"] for run in summary["runs"]]
    assert [run["seed"] for run in summary["runs"]] == [0, 1, 2]
    assert summary["mean_return"] == pytest.approx(sum(scores) / 3)
    assert min(scores) <= summary["ci95_return"][0] <= summary["mean_return"]
    assert [run["ref"].rpartition("/")[2] for run in summary["runs"]] == [
        "trio-0",
        "trio-1",
        "trio-2",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--env", "CartPole-v1"), 2, "Missing option '--algo'"),
        (("--algo", "toy-cem", "--env", "CartPoel-v1"), 1, "Did you mean CartPole-v"),
        (("--algo", "toy-cme", "--env", "CartPole-v1"), 1, "Did you mean toy-cem?"),
        (("--algo", "toy-cem", "--env", "LunarLander-v2"), 1, "LunarLander-v3"),
        ((*SHORT, "--set", "populatoin=3"), 1, "Did you mean population?"),
        ((*SHORT, "--set", "elite=7"), 1, "elite"),
        ((*SHORT, "--steps", "many"), 2, "is not a number of steps"),
        ((*SHORT, "--seeds", "0-1", "--seed", "3"), 2, "exclude each other"),
        ((*SHORT, "--recipe", "nowhere.yml"), 1, "nowhere.yml"),
        ((*SHORT, "--env-kwargs", "[1]"), 2, "is not a JSON object"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    zoo_command: Zoo, own_runs: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = zoo_command("train", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr
    if code == 1:
        assert result.stderr.count("\n") == 1
    assert not list(own_runs.glob("**/run.json"))


def test_a_time_limit_is_no_failure_and_can_be_continued(zoo_command: Zoo) -> None:
    result = zoo_command("train", *SHORT, "--steps", "1e8", "--time-limit", "0.5s")
    assert result.exit_code == 0, result.output
    assert "nothing is lost. To continue: zoo resume " in result.stdout
    run = json.loads(zoo_command("runs", "--json").stdout)[0]
    assert run["status"] == "interrupted"
    total = str(run["steps"] + 1000)
    resumed = zoo_command("resume", run["id"], "--steps", total, "--json")
    assert resumed.exit_code == 0, resumed.output
    assert json.loads(resumed.stdout)["status"] == "finished"


def test_a_second_identical_command_points_at_the_unfinished_run(zoo_command: Zoo) -> None:
    same = ("train", *SHORT, "--steps", "1e8", "--seed", "4", "--time-limit", "0.5s")
    zoo_command(*same)
    first = json.loads(zoo_command("runs", "--json").stdout)[0]
    again = zoo_command(*same)
    assert f"to continue it: zoo resume {first['id']}" in again.stderr
    assert len(json.loads(zoo_command("runs", "--json").stdout)) == 2
    other = zoo_command(*same, "--set", "population=20")
    assert "began the same training" not in other.stderr


def test_on_a_terminal_it_offers_to_continue(toy: str, tmp_path: Path) -> None:
    same = ["train", *SHORT, "--steps", "1e8", "--seed", "4"]
    first = run_zoo([*same, "--time-limit", "0.5s"], tmp_path)
    assert first.returncode == 0
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", *same, "--time-limit", "1s"],
        stdin=child, stderr=child, stdout=subprocess.PIPE, cwd=tmp_path, text=True,
    )  # fmt: skip
    os.close(child)
    os.write(parent, b"y\n")
    screen = b""
    with suppress(OSError):  # Linux's answer when the last writer has gone
        while part := os.read(parent, 10_000):
            screen += part
    process.communicate(timeout=60)
    assert b"Continue it? [Y/n]" in screen
    assert b"continues at" in screen
    assert len(list((tmp_path / "runs").glob("*/*/*/run.json"))) == 1


def run_zoo(arguments: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zoo", *arguments], cwd=directory, capture_output=True, text=True
    )


def test_ctrl_c_leaves_a_run_that_continues(toy: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", "train", *SHORT, "--steps", "1e8", "--eval-every", "1e7"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("runs/*/*/*/metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Interrupted at" in out
    assert "Traceback" not in err
    command = out.partition("To continue: zoo ")[2].split()
    resumed = run_zoo([*command, "--time-limit", "0.5s", "--json"], tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["steps"] > 0


def test_view_has_every_event_that_the_host_tells() -> None:
    events = {"started", "progress", "evaluated", "note", "finished"}
    assert events <= set(dir(LiveView))

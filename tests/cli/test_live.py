"""The live view: lines in a pipe, a bar on a terminal, and never in the way of the training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.cli import live


def run(**changes: Any) -> Any:
    info = {"seed": 3, "device": "cpu"}
    facts = {"algorithm": "toy", "env_id": "Toy-v0", "steps": 0, "path": Path("r"), "info": info}
    return SimpleNamespace(**facts | changes)


def evaluation(mean: float) -> Any:
    return SimpleNamespace(mean_return=mean, ci95_return=[mean - 1, mean + 1])


def test_lines_tell_the_whole_story(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SECONDS_BETWEEN_LINES", 0.0)
    view = live.LineView()
    view.started(run(), 1000)
    view.progress(250, {"steps_per_second": 50.0, "return": 12.25})
    view.evaluated(250, evaluation(20.0))
    view.evaluated(500, evaluation(10.0))
    view.progress(1000, {"steps_per_second": 50.0})
    view.evaluated(500, evaluation(11.0))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "toy on Toy-v0, seed 3, cpu -> r",
        " 25%  250/1,000 steps  return 12.2  50 steps/s  0:15 left",
        "evaluation at 250 steps: mean return 20 [19, 21]  best so far",
        "evaluation at 500 steps: mean return 10 [9, 11]",
        "100%  1,000/1,000 steps  50 steps/s",
    ]


def test_planning_tells_its_residual_and_ends_where_it_has_converged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "unit_of", lambda algorithm: "sweeps")
    monkeypatch.setattr(live, "SECONDS_BETWEEN_LINES", 60.0)
    view = live.LineView()
    view.started(run(), 1000)
    view.progress(100, {"train/residual": 0.5, "train/start_value": 3.0})
    view.evaluated(100, evaluation(20.0))
    view.progress(250, {"steps_per_second": 50.0, "train/residual": 1.25e-11})
    view.finished(run(steps=250), "finished")
    assert capsys.readouterr().err.splitlines() == [
        "toy on Toy-v0, seed 3, cpu -> r",
        "evaluation at 100 sweeps, residual 0.5: mean return 20 [19, 21]  best so far",
        "100%  250/250 sweeps  residual 1.25e-11  50 sweeps/s",
    ]


def test_a_metric_of_the_algorithm_stands_in_for_the_return_until_episodes_end() -> None:
    assert live.own_metric({"episodes": 0, "train/td_loss": 0.5}) == "td loss 0.5"
    assert live.own_metric({"episodes": 2, "train/td_loss": 0.5}) == ""
    assert live.own_metric({"return": 1.0, "train/td_loss": 0.5}) == ""
    assert live.own_metric({"steps_per_second": 1.0}) == ""


def test_an_interrupted_run_does_not_look_finished(capsys: pytest.CaptureFixture[str]) -> None:
    view = live.LineView()
    view.started(run(), 1000)
    view.progress(100, {"steps_per_second": 50.0})
    view.finished(run(steps=100), "interrupted")
    assert "100%" not in capsys.readouterr().err


def test_lines_come_seconds_apart_but_the_last_always(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = live.LineView()
    view.started(run(steps=10), 1000)
    for steps in range(20, 1001, 20):
        view.progress(steps, {"steps_per_second": 1e4})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "toy on Toy-v0, continues at 10 steps, cpu -> r"
    assert len(lines) == 2
    assert lines[1].startswith("100%")


def test_the_bar_shows_return_and_leaves_the_lines_above_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = live.TerminalView()
    view.started(run(), 1000)
    view.progress(500, {"steps_per_second": 50.0, "return": 12.5})
    view.evaluated(500, evaluation(20.0))
    view.finished(run(), "interrupted")
    shown = capsys.readouterr().err
    assert "50%" in shown
    assert "return 12.5" in shown
    assert "evaluation at 500 steps: mean return 20 [19, 21]  best so far" in shown


def test_training_goes_on_when_nobody_reads() -> None:
    code = (
        "from types import SimpleNamespace\n"
        "from zoo.cli import live\n"
        "live.SECONDS_BETWEEN_LINES = 0\n"
        "view = live.LineView()\n"
        "view.total = 9\n"
        "[view.move(steps, '') for steps in range(1, 9)]\n"
        "print('done')\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=writer, text=True
    )
    os.close(writer)
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0:00"), (35, "0:35"), (725, "12:05"), (11_220, "3:07:00")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert live.clock(seconds) == shown

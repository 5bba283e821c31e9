"""The benchmarks run where there is no GPU and little time, and both sides do the same work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.slow


def run(name: str, *arguments: str) -> str:
    pytest.importorskip("stable_baselines3", reason="needs the extra `sb3`")
    done = subprocess.run(
        [sys.executable, BENCHMARKS / name, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("algorithm", "steps"), [("ppo", 1024), ("sac", 200), ("td3", 200)])
def test_what_is_for_a_gpu_runs_on_the_cpu(algorithm: str, steps: int) -> None:
    said = run("gpu.py", "--devices", "cpu", "--only", algorithm, "--steps", str(steps))
    rows = re.findall(rf"^\| {algorithm} \| .+ cores \| (\w+) \| (\d+) \| ([\d.]+) \|$", said, re.M)
    assert [side for side, *_ in rows] == ["zoo", "SB3"]
    assert all(float(figure) > 0 for _, *figures in rows for figure in figures)


@pytest.mark.parametrize(
    ("work", "steps", "updates"),
    [("a2c-cartpole", 400, 10), ("ppo-minibatches", 1024, 160), ("dqn-cartpole", 1500, 384)],
)
def test_speed_is_measured_over_equal_numbers_of_updates(
    work: str, steps: int, updates: int
) -> None:
    said = run("speed.py", "--only", work, "--steps", str(steps))
    assert f"{work}: {steps:,} steps, {updates:,} updates, floor" in said
    sides = [line.split()[0] for line in said.splitlines() if re.search(r"x +[\d.]+x$", line)]
    assert sides == ["zoo", "sb3"]

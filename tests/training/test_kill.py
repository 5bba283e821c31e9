"""`kill -9` at any moment leaves a run that goes on, and agents that load."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

import zoo
from tests.training.conftest import ALGORITHM
from zoo.storage.bundle import open_bundle
from zoo.storage.runs import FINISHED, INTERRUPTED, Run, list_runs

KILLS = 20
STEPS = 12_000
COMMAND = [
    "train", "--algo", ALGORITHM, "--env", "CartPole-v1", "--steps", str(STEPS), "--n-envs", "4",
    "--eval-every", "200", "--checkpoint-every", "64",
]  # fmt: skip


def command(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def newest_run(known: set[str]) -> Run | None:
    return next((run for run in list_runs() if run.id not in known), None)


def train_and_kill(seed: int, moments: random.Random, kills: int) -> tuple[Run, int]:
    """Train with up to `kills` interruptions; return the finished run and how many there were."""
    known = {run.id for run in list_runs()}
    process = command(*COMMAND, "--seed", str(seed))
    for killed in range(kills):
        # From the first write, which creates the run, to somewhere in the middle of training.
        while newest_run(known) is None and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 1.6))
        process.kill()
        process.wait()
        run = newest_run(known)
        assert run is not None
        if run.status == FINISHED:
            return run, killed
        assert run.status == INTERRUPTED
        for bundle in filter(None, (run.best, run.last)):
            open_bundle(bundle).agent()
        process = command("resume", run.id)
    assert process.wait(timeout=120) == 0
    run = newest_run(known)
    assert run is not None
    assert run.status == FINISHED
    return run, kills


@pytest.mark.slow
@pytest.mark.usefixtures("installed_reference")
def test_killed_twenty_times_a_run_ends_as_if_it_had_never_stopped(tmp_path):
    moments = random.Random(0)
    kills = 0
    # A fast machine finishes a run before its twentieth kill; then the next seed takes the rest.
    for seed in range(1, KILLS):
        run, killed = train_and_kill(seed, moments, KILLS - kills)
        kills += killed
        assert not list(run.path.rglob(".tmp-*"))
        whole = zoo.train(
            ALGORITHM, "CartPole-v1", seed=seed, steps=STEPS, n_envs=4, eval_every=0, runs=tmp_path
        )
        one, other = (open_bundle(r.path / "last").agent().tensors() for r in (run, whole))
        assert {name: array.tobytes() for name, array in one.items()} == {
            name: array.tobytes() for name, array in other.items()
        }
        if kills == KILLS:
            return
    pytest.fail(f"only {kills} of {KILLS} kills hit a run that was still training")

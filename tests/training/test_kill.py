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
from zoo.storage.runs import FINISHED, INTERRUPTED, list_runs

KILLS = 20
STEPS = 12_000
COMMAND = [
    "train", "--algo", ALGORITHM, "--env", "CartPole-v1", "--seed", "1", "--steps", str(STEPS),
    "--n-envs", "4", "--eval-every", "200", "--checkpoint-every", "64",
]  # fmt: skip


def command(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("installed_reference")
def test_killed_twenty_times_the_run_ends_as_if_it_had_never_stopped(tmp_path):
    moments = random.Random(0)
    process = command(*COMMAND)
    kills = 0
    while kills < KILLS:
        # From the first write, which creates the run, to somewhere in the middle of training.
        while not list_runs() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 1.6))
        assert process.poll() is None, "the run ended before it could be killed"
        process.kill()
        process.wait()
        kills += 1
        (run,) = list_runs()
        assert run.status == INTERRUPTED
        for bundle in filter(None, (run.best, run.last)):
            open_bundle(bundle).agent()
        process = command("resume", run.id)
    assert process.wait(timeout=120) == 0
    (run,) = list_runs()
    assert run.status == FINISHED
    assert not list(run.path.rglob(".tmp-*"))
    whole = zoo.train(
        ALGORITHM, "CartPole-v1", seed=1, steps=STEPS, n_envs=4, eval_every=0, runs=tmp_path
    )
    one, other = (open_bundle(r.path / "last").agent().tensors() for r in (run, whole))
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }

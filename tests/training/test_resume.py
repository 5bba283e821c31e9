"""A run that was interrupted goes on as if it had never stopped."""

from __future__ import annotations

import os
import signal

import pytest

import zoo
from tests.training.quick import Watcher, lines, same, train, weights
from zoo.errors import ZooError
from zoo.storage.checkpoint import load_checkpoint
from zoo.storage.metrics import read_metrics
from zoo.storage.runs import FINISHED, INTERRUPTED


@pytest.mark.parametrize("stops", [1, 3])
def test_an_interrupted_and_resumed_run_ends_as_if_it_had_never_stopped(stops):
    whole = train()
    watcher = Watcher("progress", 30, lambda: os.kill(os.getpid(), signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    run = train(observer=watcher)
    assert (run.status, watcher.events[-1]) == (INTERRUPTED, f"finished {INTERRUPTED}")
    assert signal.getsignal(signal.SIGINT) is before
    assert 0 < run.steps < 2000
    for _ in range(stops - 1):
        run = zoo.resume(run.id, time_limit=0)
        assert run.status == INTERRUPTED
    run = zoo.resume(run.id)
    assert run.status == FINISHED
    assert same(weights(run), weights(whole))
    assert lines(run) == lines(whole)
    key = "mean_return"
    assert [row[key] for row in read_metrics(run.evaluations)] == [
        row[key] for row in read_metrics(whole.evaluations)
    ]


def test_a_second_signal_stops_at_once_and_the_last_checkpoint_is_intact():
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    run = train(observer=Watcher("progress", 30, twice))
    assert run.status == INTERRUPTED
    assert load_checkpoint(run.checkpoints) is not None
    assert same(weights(zoo.resume(run.id)), weights(train()))


def test_a_finished_run_goes_on_to_a_greater_total():
    run = zoo.resume(train(steps=1000).id, steps=2000)
    assert run.info["steps"] == 2000
    assert same(weights(run), weights(train()))


def test_a_run_that_was_moved_to_another_device_stays_there():
    run = train(observer=Watcher("progress", 30, lambda: os.kill(os.getpid(), signal.SIGINT)))
    run.update(device="cuda:7")
    with pytest.raises(ZooError, match="GPU"):
        zoo.resume(run.id)
    assert zoo.resume(run.id, device="cpu", time_limit=0).info["device"] == "cpu"
    assert zoo.resume(run.id).status == FINISHED


def test_a_finished_run_is_not_resumed_without_a_greater_total():
    run = train(steps=300)
    with pytest.raises(ZooError, match="finished at 320 steps"):
        zoo.resume(run.id)


def test_a_run_that_was_stopped_in_its_final_evaluation_ends_with_the_same_curve():
    whole = train()
    at_the_end = len(read_metrics(whole.evaluations))

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    run = train(observer=Watcher("evaluated", at_the_end, twice))
    assert run.status == INTERRUPTED
    run = zoo.resume(run.id)
    assert run.status == FINISHED
    assert [row["steps"] for row in read_metrics(run.evaluations)] == [
        row["steps"] for row in read_metrics(whole.evaluations)
    ]


def test_a_run_under_training_is_not_trained_twice():
    run = train(time_limit=0)
    with run.lock(), pytest.raises(ZooError, match="trained by another process"):
        zoo.resume(run.id)


def test_a_better_agent_is_not_replaced_by_what_a_resumed_run_finds(monkeypatch):
    run = train(time_limit=0)
    score = {"mean_return": 1e6}
    monkeypatch.setattr("zoo.training.keeper._best_so_far", lambda run: score["mean_return"])
    resumed = zoo.resume(run.id)
    assert resumed.best is None


def test_fewer_steps_than_are_done_are_refused():
    run = train(steps=1000)
    with pytest.raises(ZooError, match="has done 1024 steps, more than 500"):
        zoo.resume(run.id, steps=500)

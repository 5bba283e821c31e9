"""A run does what was asked, keeps what it found, and fails without losing anything."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest

import zoo
from tests.training.conftest import ALGORITHM
from zoo.errors import ZooError
from zoo.storage import checkpoint as checkpoints
from zoo.storage.bundle import open_bundle
from zoo.storage.checkpoint import load_checkpoint
from zoo.storage.metrics import read_metrics
from zoo.storage.runs import FAILED, FINISHED, INTERRUPTED, list_runs

QUICK: dict[str, Any] = {
    "steps": 2000, "n_envs": 4, "seed": 1, "eval_every": 500, "eval_episodes": 3,
    "final_episodes": 5, "checkpoint_every": 400,
}  # fmt: skip


def train(env: str = "CartPole-v1", **changes: Any) -> zoo.Run:
    return zoo.train(ALGORITHM, env, **QUICK | changes)


def weights(run: zoo.Run) -> dict[str, np.ndarray]:
    return open_bundle(run.path / "last").agent().tensors()


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def lines(run: zoo.Run) -> list[dict[str, Any]]:
    """The metrics without what the clock says."""
    timed = {"seconds", "steps_per_second"}
    return [{k: v for k, v in row.items() if k not in timed} for row in read_metrics(run.metrics)]


class Watcher:
    """An observer that remembers, and can act on the n-th event of a kind."""

    def __init__(self, kind: str = "", at: int = 0, act: Any = None) -> None:
        self.events: list[str] = []
        self.notes: list[str] = []
        self.kind, self.at, self.act = kind, at, act

    def _see(self, kind: str) -> None:
        self.events.append(kind)
        if self.act and kind == self.kind and self.events.count(kind) == self.at:
            self.act()

    def started(self, run, steps):
        self._see("started")

    def progress(self, steps, metrics):
        self._see("progress")

    def evaluated(self, steps, evaluation):
        self._see("evaluated")

    def note(self, text):
        self.notes.append(text)

    def finished(self, run, outcome):
        self._see(f"finished {outcome}")


def test_a_finished_run_has_agents_a_curve_and_a_score_on_fresh_episodes():
    run = train()
    assert run.status == FINISHED
    assert run.steps >= 2000
    best = open_bundle(run.best)
    assert best.evaluation["episodes"] == 5
    assert best.evaluation["algorithm"] == ALGORITHM
    curve = read_metrics(run.evaluations)
    assert [row["steps"] // 500 for row in curve] == [1, 2, 3, 4]
    assert best.read("curve.csv") == run.evaluations.with_suffix(".csv").read_bytes()
    assert best.manifest["training"]["seed"] == 1
    steps = [row["steps"] for row in read_metrics(run.metrics)]
    assert steps == sorted(steps)


def test_the_best_agent_is_the_one_that_scored_best():
    run = train()
    curve = read_metrics(run.evaluations)
    best = max(row["mean_return"] for row in curve)
    latest = [row["steps"] for row in curve if row["mean_return"] == best][-1]
    assert open_bundle(run.best).manifest["training"]["steps"] == latest


def test_a_seed_decides_everything_and_evaluations_change_nothing():
    one, two = train(), train(eval_every=700, checkpoint_every=0)
    assert same(weights(one), weights(two))
    assert lines(one) == lines(two)
    assert not same(weights(one), weights(train(seed=2)))


def test_a_run_without_a_seed_draws_and_records_one():
    seeds = {train(seed=None, steps=100).info["seed"] for _ in range(2)}
    assert len(seeds) == 2


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


def test_a_time_limit_stops_with_a_checkpoint():
    run = train(time_limit=0.0)
    assert run.status == INTERRUPTED
    assert load_checkpoint(run.checkpoints)[1] == run.steps


def test_a_run_under_training_is_not_trained_twice():
    run = train(time_limit=0)
    with run.lock(), pytest.raises(ZooError, match="trained by another process"):
        zoo.resume(run.id)


class Fragile(gym.Env):
    """Raises in the n-th step of the process, like a simulator that loses its connection."""

    steps_left: ClassVar[float] = np.inf
    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._observe(), {}

    def step(self, action):
        Fragile.steps_left -= 1
        if Fragile.steps_left < 0:
            raise ConnectionError("the simulator is gone")
        return self._observe(), 1.0, bool(self.np_random.random() < 0.1), False, {}

    def _observe(self):
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)


@pytest.fixture
def fragile():
    gym.register("Fragile-v0", Fragile)
    yield
    Fragile.steps_left = np.inf
    gym.registry.pop("Fragile-v0")


def test_an_environment_that_raises_fails_the_run_and_loses_nothing(fragile):
    Fragile.steps_left = 1500
    with pytest.raises(ZooError, match=r"Fragile-v0 .*the simulator is gone") as caught:
        train("Fragile-v0", eval_every=0)
    assert "\n" not in str(caught.value)
    (run,) = list_runs()
    assert run.status == FAILED
    Fragile.steps_left = np.inf
    resumed = zoo.resume(run.id)
    assert resumed.status == FINISHED
    assert same(weights(resumed), weights(train("Fragile-v0", eval_every=0)))


def test_a_fault_of_the_algorithm_is_one_line_that_says_where(monkeypatch):
    learner = zoo.plugin.registry.get_registry().algorithm_class(ALGORITHM)
    update, calls = learner.update, iter(range(100))

    def fail(self, *args):
        if next(calls) == 40:
            raise ValueError("matrix is singular")
        return update(self, *args)

    monkeypatch.setattr(learner, "update", fail)
    with pytest.raises(ZooError, match="failed after step 1280: ValueError: matrix is singular"):
        train()
    assert list_runs()[0].status == FAILED


@pytest.mark.parametrize(
    ("every", "left"),
    [(512, "The checkpoint at step 1,024 is intact"), (0, "There is no checkpoint yet")],
)
def test_a_fault_says_what_is_left_of_the_run(monkeypatch, every, left):
    learner = zoo.plugin.registry.get_registry().algorithm_class(ALGORITHM)
    update, calls = learner.update, iter(range(100))

    def fail(self, *args):
        if next(calls) == 40:
            raise ZooError("the gradient is nan", "Lower learning_rate")
        return update(self, *args)

    monkeypatch.setattr(learner, "update", fail)
    with pytest.raises(ZooError) as caught:
        train(checkpoint_every=every)
    assert str(caught.value) == f"the gradient is nan. Lower learning_rate. {left}"


def test_a_full_disk_stops_the_run_with_its_last_checkpoint_intact(monkeypatch):
    save, saved = checkpoints.save_checkpoint, []

    def no_space(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:

        def fill_up(path, *args, **kwargs):
            if len(saved) == 2:
                patch.setattr(os, "fsync", no_space)
            saved.append(kwargs["steps"])
            return save(path, *args, **kwargs)

        patch.setattr("zoo.training.driver.save_checkpoint", fill_up)
        with pytest.raises(ZooError, match="disk is full"):
            train()
    (run,) = list_runs()
    assert not list(run.path.rglob(".tmp-*"))
    assert load_checkpoint(run.checkpoints)[1] == saved[1]
    assert same(weights(zoo.resume(run.id)), weights(train()))


def test_nan_in_the_weights_leaves_the_last_good_checkpoint(monkeypatch):
    learner = zoo.plugin.registry.get_registry().algorithm_class(ALGORITHM)
    update, calls = learner.update, iter(range(100))

    def diverge(self, *args):
        if next(calls) == 30:
            self.weights["actor"][:] = np.nan
        return update(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(learner, "update", diverge)
        with pytest.raises(ZooError, match="NaN"):
            train(eval_every=0)
    (run,) = list_runs()
    assert load_checkpoint(run.checkpoints)[1] == 800
    assert same(weights(zoo.resume(run.id)), weights(train(eval_every=0)))


@pytest.mark.parametrize("method", ["__init__", "agent", "state"])
def test_what_an_algorithm_raises_anywhere_is_one_line(monkeypatch, method):
    def fail(*args, **kwargs):
        raise RuntimeError("out of luck")

    learner = zoo.plugin.registry.get_registry().algorithm_class(ALGORITHM)
    monkeypatch.setattr(learner, method, fail)
    with pytest.raises(ZooError, match="RuntimeError: out of luck"):
        train()


def test_what_close_raises_does_not_hide_the_error_before_it(monkeypatch):
    def fail(*args):
        raise RuntimeError("close failed")

    learner = zoo.plugin.registry.get_registry().algorithm_class(ALGORITHM)
    monkeypatch.setattr(learner, "close", fail)
    assert train().status == FINISHED
    monkeypatch.setattr(learner, "update", fail)
    with pytest.raises(ZooError, match="failed after step 0"):
        train()


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


def test_tensorboard_that_is_not_installed_names_its_extra(monkeypatch):
    monkeypatch.setattr(sys.modules["zoo.train"], "find_spec", lambda name: None)
    with pytest.raises(ZooError, match=r"agent-zoo\[tensorboard\]"):
        train(tensorboard=True)


def test_without_evaluations_there_is_a_last_agent_and_no_best():
    run = train(eval_every=0)
    assert run.best is None
    assert run.last is not None


def test_a_broken_tracker_does_not_stop_the_training(capsys):
    class Broken:
        @zoo.hookimpl
        def zoo_run_progress(self, run, steps, metrics):
            raise RuntimeError("the tracker's server is gone")

    zoo.plugin.registry.register_plugin("broken", Broken())
    assert train().status == FINISHED
    error = capsys.readouterr().err
    assert error.count("the tracker's server is gone") == 1
    assert "broken" in error


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"n_envs": 0}, "n_envs must be at least 1"),
        ({"seed": -1}, "seed -1 is out of range"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"device": "cuda"}, "GPU"),
        ({"env_kwargs": {"x": object()}}, "not plain data"),
        ({"set": {"gama": 0.9}}, "gamma"),
    ],
)
def test_what_is_wrong_is_said_before_a_run_exists(changes, message):
    with pytest.raises(ZooError, match=message):
        train(**changes)
    assert list_runs() == []

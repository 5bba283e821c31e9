"""A run does what was asked and keeps what it found."""

from __future__ import annotations

import sys

import pytest

import zoo
from tests.training.conftest import ALGORITHM
from tests.training.quick import lines, same, train, weights
from zoo.errors import ZooError
from zoo.storage.bundle import open_bundle
from zoo.storage.checkpoint import load_checkpoint
from zoo.storage.metrics import read_metrics
from zoo.storage.runs import FINISHED, INTERRUPTED, list_runs


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


def test_a_time_limit_stops_with_a_checkpoint():
    run = train(time_limit=0.0)
    assert run.status == INTERRUPTED
    assert load_checkpoint(run.checkpoints)[1] == run.steps


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
        ({"device": "cuda:999"}, "GPU"),
        ({"env_kwargs": {"x": object()}}, "not plain data"),
        ({"set": {"gama": 0.9}}, "gamma"),
    ],
)
def test_what_is_wrong_is_said_before_a_run_exists(changes, message):
    with pytest.raises(ZooError, match=message):
        train(**changes)
    assert list_runs() == []

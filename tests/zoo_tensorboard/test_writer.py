"""What the tracker writes is what TensorBoard reads."""

import pytest

pytest.importorskip("tensorboard", reason="needs the extra `tensorboard`")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from zoo_tensorboard import hooks


def scalars(path):
    events = EventAccumulator(str(path / "tensorboard"))
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_metrics_become_scalars_at_their_steps(tmp_path):
    run = {"path": str(tmp_path), "trackers": ["tensorboard"]}
    hooks.zoo_run_started(run)
    hooks.zoo_run_progress(run, 10, {"steps": 10, "return": 1.5, "train/loss": 0.25})
    hooks.zoo_run_progress(run, 20, {"steps": 20, "return": 2.5})
    hooks.zoo_run_finished(run, "finished")
    assert scalars(tmp_path) == {
        "run/return": [(10, 1.5), (20, 2.5)],
        "train/loss": [(10, 0.25)],
    }


def test_a_run_that_does_not_ask_for_it_writes_nothing(tmp_path):
    run = {"path": str(tmp_path), "trackers": []}
    hooks.zoo_run_started(run)
    hooks.zoo_run_progress(run, 10, {"return": 1.5})
    hooks.zoo_run_finished(run, "finished")
    assert list(tmp_path.iterdir()) == []

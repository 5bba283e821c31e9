"""What stops a training, from no room in memory to a full disk, is one line and loses nothing."""

from __future__ import annotations

import errno
import os
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest

import zoo
from tests.training.conftest import ALGORITHM
from tests.training.quick import same, train, weights
from zoo.errors import ZooError
from zoo.plugin.registry import get_registry
from zoo.storage import checkpoint as checkpoints
from zoo.storage.checkpoint import load_checkpoint
from zoo.storage.runs import FAILED, FINISHED, list_runs
from zoo.training.faults import fault

CONFIG = {
    "net_arch": {"pi": [64, 10**6]}, "normalize": True, "batch_size": 10**12, "name": "a",
    "gamma": 0.9, "n_steps": 5, "n_epochs": 2, "policy": None, "clips": [0.1, 0.2],
}  # fmt: skip


def test_what_finds_no_room_is_told_with_the_largest_sizes() -> None:
    try:
        np.empty(10**15, np.float32)
    except MemoryError as error:
        found = fault("ppo failed after step 0", error, CONFIG)
    assert found.message.startswith("ppo failed after step 0: memory has no room: Unable to all")
    assert found.hint.endswith(
        "the largest are batch_size 1,000,000,000,000, net_arch.pi 1,000,000, n_steps 5"
    )


@pytest.mark.parametrize("size", [10**18 * 5, 10**19])
def test_so_is_what_no_memory_could_hold(size: int) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - NumPy has several words for it
        np.empty(size, np.float32)
    assert "memory has no room" in fault("it failed", caught.value, CONFIG).message


@pytest.mark.parametrize("words", ["CUDA out of memory. Tried to allocate 2 GiB", "can't allocate "
                                   "memory: you tried to allocate 4000 bytes"])  # fmt: skip
def test_so_is_what_pytorch_finds_no_room_for(words: str) -> None:
    assert "memory has no room" in fault("it failed", RuntimeError(words), {}).message


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_what_the_gpu_finds_no_room_for_is_not_blamed_on_the_replay_buffer(words: str) -> None:
    found = fault("dqn failed", RuntimeError(words), {"buffer_size": 10**6})
    assert found.message.startswith(f"dqn failed: the GPU's memory has no room: {words[:10]}")
    assert "buffer_size" not in (found.hint or "")
    assert "--device cpu" in (found.hint or "")


def test_other_faults_are_told_by_their_names() -> None:
    found = fault("it failed", ValueError("matrix is singular"), CONFIG)
    assert found.message == "it failed: ValueError: matrix is singular"
    assert "ZOO_DEBUG" in found.hint


@pytest.mark.parametrize(("method", "words"), [("__init__", "cannot be built"), ("update", "step")])
def test_a_run_that_finds_no_room_says_what_to_lower(
    monkeypatch: pytest.MonkeyPatch, method: str, words: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        np.empty(10**15, np.float32)

    monkeypatch.setattr(get_registry().algorithm_class(ALGORITHM), method, fail)
    with pytest.raises(ZooError, match=rf"{words}.*memory has no room.*Lower the sizes") as caught:
        zoo.train(ALGORITHM, "CartPole-v1", steps=500, seed=1)
    assert "MemoryError" not in str(caught.value)


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

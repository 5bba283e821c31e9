"""What an algorithm raises where memory has no room, and where there is another reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zoo
from tests.training.conftest import ALGORITHM
from zoo.errors import ZooError
from zoo.plugin.registry import get_registry
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

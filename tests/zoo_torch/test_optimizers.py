"""Steps of the optimisers against PyTorch's own and against values by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from zoo.plugin.registry import get_registry
from zoo_torch.fused import FusedAdam
from zoo_torch.optimizers import SGD, Adam, Optimizer, RMSprop, clip_norm


def walk(optimizer: Optimizer, theta: np.ndarray, steps: int = 20) -> None:
    """Descend (theta - target)^2 / 2, with a rate that changes."""
    for t in range(steps):
        gradient = theta - np.linspace(-1, 1, len(theta), dtype=np.float32)
        optimizer.step(theta, gradient, 0.1 / (1 + t))


def reference(optimizer: torch.optim.Optimizer, theta: torch.Tensor, steps: int = 20) -> None:
    for t in range(steps):
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + t)
        theta.grad = (theta - torch.linspace(-1, 1, len(theta))).detach()
        optimizer.step()


@pytest.mark.parametrize("name", ["adam", "fused adam", "rmsprop", "sgd"])
def test_steps_are_those_of_torch(name: str) -> None:
    mine = np.zeros(5, np.float32)
    theirs = torch.zeros(5, requires_grad=True)
    if name.endswith("adam"):
        walk({"adam": Adam, "fused adam": FusedAdam}[name](mine, eps=1e-5), mine)
        reference(torch.optim.Adam([theirs], eps=1e-5), theirs)
    elif name == "sgd":
        walk(SGD(mine), mine)
        reference(torch.optim.SGD([theirs]), theirs)
    else:
        walk(RMSprop(mine, eps=1e-5), mine)
        reference(torch.optim.RMSprop([theirs], alpha=0.99, eps=1e-5), theirs)
    assert mine == pytest.approx(theirs.detach().numpy(), rel=1e-5, abs=1e-6)


def test_rmsprop_as_tensorflow_begins_at_one_and_has_epsilon_under_the_root() -> None:
    theta, g = np.zeros(1, np.float32), np.full(1, 2.0, np.float32)
    RMSprop(theta, alpha=0.9, eps=0.1, tf_like=True).step(theta, g, 0.5)
    square = 0.9 * 1 + 0.1 * 4  # 1.3
    assert float(theta[0]) == pytest.approx(-0.5 * 2 / np.sqrt(square + 0.1))


@pytest.mark.parametrize("make", [Adam, FusedAdam, RMSprop])
def test_a_restored_optimizer_goes_on_bit_for_bit(make: type[Adam] | type[RMSprop]) -> None:
    theta = np.zeros(3, np.float32)
    optimizer = make(theta, eps=1e-5)
    walk(optimizer, theta, 3)
    saved, there = optimizer.state(), theta.copy()
    walk(optimizer, theta, 3)
    other = make(there, eps=1e-5)
    other.load_state(saved)
    walk(other, there, 3)
    assert np.array_equal(theta, there)


def test_adam_goes_on_from_what_the_other_adam_has_saved() -> None:
    mine, theirs = np.zeros(5, np.float32), np.zeros(5, np.float32)
    here, there = Adam(mine, eps=1e-3), FusedAdam(theirs, eps=1e-3)
    walk(here, mine, 7)
    walk(there, theirs, 7)
    swapped, again = FusedAdam(mine, eps=1e-3), Adam(theirs, eps=1e-3)
    swapped.load_state(here.state())
    again.load_state(there.state())
    walk(swapped, mine, 5)
    walk(again, theirs, 5)
    assert mine == pytest.approx(theirs, rel=1e-5, abs=1e-6)
    assert swapped.state()["t"] == again.state()["t"] == 12


@pytest.mark.parametrize("algorithm", ["ppo", "dqn"])
def test_pytorch_steps_where_it_encodes(algorithm: str) -> None:
    cls: Any = get_registry().algorithm_class(algorithm)
    numbers = spaces.Box(-1, 1, (4,), np.float32)
    images = spaces.Box(0, 255, (84, 84, 4), np.uint8)
    for space, kind in ((numbers, Adam), (images, FusedAdam)):
        learner = cls(cls.Config(), space, spaces.Discrete(2), seed=0)
        assert type(learner.optimizer) is kind


def test_a_saved_state_does_not_change_with_further_steps() -> None:
    theta = np.zeros(3, np.float32)
    optimizer = Adam(theta, eps=1e-5)
    walk(optimizer, theta, 1)
    saved = optimizer.state()
    before = {name: np.array(value) for name, value in saved.items()}
    walk(optimizer, theta, 1)
    assert all(np.array_equal(before[name], saved[name]) for name in before)


def test_a_gradient_is_clipped_only_where_it_is_too_long() -> None:
    long, short = np.float32([3, 4]), np.float32([0.3, 0.4])
    assert clip_norm(long, 1.0) == pytest.approx(5.0)
    assert long.tolist() == pytest.approx([0.6, 0.8], rel=1e-5)
    assert clip_norm(short, 1.0) == pytest.approx(0.5)
    assert short.tolist() == pytest.approx([0.3, 0.4])
    assert not np.isfinite(clip_norm(np.float32([np.nan, 1.0]), 1.0))

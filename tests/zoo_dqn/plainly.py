"""The networks and losses of the family written plainly in torch, for autograd to differentiate."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.nn import functional as F

from zoo_dqn.learner import Slopes
from zoo_dqn.networks import QNetwork
from zoo_torch.replay import Batch

BOX = spaces.Box(-1, 1, (3,), np.float32)
ACTIONS = spaces.Discrete(4)


def leaf(array: np.ndarray) -> torch.Tensor:
    """Return a copy that autograd differentiates by."""
    return torch.tensor(array, requires_grad=True)


def q_values(
    rows: np.ndarray, layers: list[tuple[Any, Any]], row: tuple[int, ...], *, dueling: bool = False
) -> torch.Tensor:
    """Return (n, *row) out of (weight (inputs, outputs), bias) of each layer, as leaves or arrays.

    With `dueling` the layers are those of a network of two streams: the last hidden one is cut
    in halves, and neither stream sees the other's.
    """
    layers = [(torch.as_tensor(w), torch.as_tensor(b)) for w, b in layers]
    x = torch.from_numpy(rows)
    for weight, bias in layers[:-1]:
        x = torch.relu(x @ weight + bias)
    weight, bias = layers[-1]
    if not dueling:
        return (x @ weight + bias).reshape(-1, *row)
    atoms = int(np.prod(row[1:]))
    half = x.shape[1] // 2 if len(layers) > 1 else None
    of_V, of_A = (x, x) if half is None else (x[:, :half], x[:, half:])
    W_V, W_A = (weight, weight) if half is None else (weight[:half], weight[half:])
    V = of_V @ W_V[:, :atoms] + bias[:atoms]
    A = (of_A @ W_A[:, atoms:] + bias[atoms:]).reshape(-1, row[0], atoms)
    return (V[:, None] + A - A.mean(1, keepdim=True)).reshape(-1, *row)


def leaves_of(network: QNetwork) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the weights that a network computes with, as leaves."""
    return [(leaf(w), leaf(b)) for w, b in network._mlp.parameters]


def gradient_of(leaves: list[tuple[torch.Tensor, torch.Tensor]]) -> np.ndarray:
    """Return what autograd found for leaves, in one vector."""
    return np.concatenate([one.grad.numpy().ravel() for pair in leaves for one in pair])


def batch_of(n: int = 16, inputs: int = 3, actions: int = 4, seed: int = 7) -> Batch:
    """Return transitions of which some terminated and some weigh more than others."""
    rng = np.random.default_rng(seed)
    rows, next_rows = rng.standard_normal((2, n, inputs)).astype(np.float32)
    rewards = (2 * rng.standard_normal(n)).astype(np.float32)
    discounts = np.where(rng.random(n) < 0.25, 0, 0.9).astype(np.float32)
    weights = rng.uniform(0.2, 1, n).astype(np.float32)
    return Batch(
        rows, rng.integers(actions, size=n), rewards, next_rows, discounts, np.arange(n), weights
    )


def apart(learner: Any) -> Any:
    """Let the target network differ from the online one, and return the learner."""
    rng = np.random.default_rng(11)
    target = learner.target.parameters
    target += 0.3 * rng.standard_normal(len(target), np.float32) * (target != 0)
    return learner


Network = Callable[[np.ndarray], torch.Tensor]
Loss = Callable[[Network, Network, SimpleNamespace], torch.Tensor]


def check_update(
    learner: Any, loss: Loss, batch: Batch | None = None, *, dueling: bool = False
) -> Slopes:
    """Hold a learner's loss and its gradient to what autograd finds for `loss(online, target, b)`,
    where both networks are functions of rows and b is the batch as tensors."""
    batch = batch or batch_of()
    apart(learner)
    slopes = learner.slopes(batch)
    learner.online.backward(slopes.by_outputs)
    leaves = leaves_of(learner.online)  # with the noise that was drawn for them
    frozen = learner.target._mlp.parameters
    plain = loss(
        lambda rows: q_values(rows, leaves, learner.row(), dueling=dueling),
        lambda rows: q_values(rows, frozen, learner.row(), dueling=dueling),
        SimpleNamespace(
            rows=batch.rows,
            next_rows=batch.next_rows,
            a=torch.from_numpy(batch.actions),
            r=torch.from_numpy(batch.rewards),
            gamma=torch.from_numpy(batch.discounts),
            w=torch.from_numpy(batch.weights),
            i=torch.arange(len(batch.actions)),
        ),
    )
    plain.backward()
    gradient = gradient_of(leaves)
    assert slopes.loss == pytest.approx(float(plain.detach()), rel=1e-4)
    assert learner.online.gradient[: len(gradient)] == pytest.approx(gradient, rel=1e-3, abs=1e-5)
    assert np.abs(gradient).max() > 1e-3
    assert slopes.errors.shape == (len(batch.actions),)
    return slopes


def huber(delta: torch.Tensor) -> torch.Tensor:
    """Return the Huber losses (n,) of errors (n,)."""
    return F.huber_loss(delta, torch.zeros_like(delta), reduction="none")

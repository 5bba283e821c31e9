"""Soft actor-critics written plainly in PyTorch, for losses by autograd to compare with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.nn import functional as F

from zoo_torch import flat
from zoo_torch.batch_norm import BatchRenorm
from zoo_torch.chain import Chain
from zoo_torch.ensemble import Ensemble, shapes
from zoo_torch.layers import Activation, Dropout, LayerNorm, Linear, bernoulli
from zoo_torch.replay import Batch
from zoo_torch.squashed import LOG_STD

BOX, ACTIONS = spaces.Box(-1, 1, (3,)), spaces.Box(-2, 2, (2,))
N = 6
"""Transitions of the batch."""


def make_batch() -> Batch:
    rng = np.random.default_rng(3)

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    discounts = np.float32([0.9, 0.9, 0.0, 0.81, 0.9, 0.0])
    actions = np.tanh(draw(N, 2))
    return Batch(
        draw(N, 3), actions, 3 * draw(N), draw(N, 3), discounts, np.arange(N), np.ones(N, "f")
    )


def fixed_noise(algorithm: Any) -> list[torch.Tensor]:
    """Have the algorithm draw its actions with what is returned, one after the other."""
    eps = [np.random.default_rng(i).standard_normal((N, 2)).astype(np.float32) for i in range(2)]
    left = iter(eps)
    algorithm.normal = lambda n: next(left)
    return [torch.tensor(one) for one in eps]


def masks(rng: np.random.Generator, chain: Chain, n: int) -> Iterator[torch.Tensor]:
    """Yield what each dropout of a pass multiplies by, 0 or 1 / (1 - p), in turn."""
    for one, other in zip(chain.layers, chain.layers[1:], strict=False):
        if isinstance(other, Dropout):
            members, _, units = one.shapes["bias"]
            mask = np.full(members * n * units, 1 / (1 - other.p), np.float32)
            mask[bernoulli(rng, other.p, mask.size)] = 0.0
            yield torch.tensor(mask.reshape(members, n, units))


class Plain:
    """The networks of an ensemble or a chain, with the weights that they have now."""

    def __init__(self, network: Ensemble | Chain) -> None:
        self.leaves: list[torch.Tensor] = []
        self.steps: list[Any] = []
        if isinstance(network, Ensemble):
            views = flat.views(network.parameters, shapes(len(network.members), network.sizes))
            layers = len(views) // 2
            for i in range(layers):
                self._linear(views[f"{i}.weight"], views[f"{i}.bias"][:, None])
                self.steps += [lambda x, **mode: torch.relu(x)] if i < layers - 1 else []
            return
        for layer in network.layers:
            if isinstance(layer, Linear):
                self._linear(layer.weight, layer.bias)
            elif isinstance(layer, Activation):
                self.steps.append(lambda x, **mode: torch.relu(x))
            elif isinstance(layer, Dropout):
                self.steps.append(lambda x, keep, **mode: x * next(keep))
            elif isinstance(layer, LayerNorm):
                self._layer_norm(layer)
            elif isinstance(layer, BatchRenorm):
                self._batch_norm(layer)

    def __call__(
        self, x: torch.Tensor, *, keep: Iterator[torch.Tensor] | None = None, training: bool = False
    ) -> torch.Tensor:
        """Return the outputs (E, n, outputs)."""
        for step in self.steps:
            x = step(x, keep=keep, training=training)
        return x

    def by_leaves(self, loss: torch.Tensor) -> np.ndarray:
        """Return the gradient of a scalar as one flat vector."""
        found = torch.autograd.grad(loss, self.leaves, retain_graph=True)
        return np.concatenate([one.numpy().ravel() for one in found])

    def _leaf(self, value: np.ndarray) -> torch.Tensor:
        self.leaves.append(torch.tensor(value, requires_grad=True))
        return self.leaves[-1]

    def _linear(self, weight: np.ndarray, bias: np.ndarray) -> None:
        W, b = self._leaf(weight), self._leaf(bias)
        self.steps.append(lambda x, **mode: x @ W + b)

    def _layer_norm(self, layer: LayerNorm) -> None:
        gamma, beta = self._leaf(layer.gamma), self._leaf(layer.beta)
        self.steps.append(lambda x, **mode: F.layer_norm(x, x.shape[-1:]) * gamma + beta)

    def _batch_norm(self, layer: BatchRenorm) -> None:
        gamma, beta = self._leaf(layer.gamma), self._leaf(layer.beta)
        mean, variance = torch.tensor(layer.mean), torch.tensor(layer.variance)

        def normalize(x: torch.Tensor, *, training: bool, **mode: Any) -> torch.Tensor:
            mu = x.mean(-2, keepdim=True) if training else mean
            var = (x - mu).square().mean(-2, keepdim=True) if training else variance
            return (x - mu) / (var + 1e-3).sqrt() * gamma + beta

        self.steps.append(normalize)


def policy(outputs: torch.Tensor, eps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return actions (n, k) and their log-probabilities (n,), for outputs (1, n, 2 k)."""
    mean, log_std = outputs[0].chunk(2, dim=1)
    log_std = log_std.clamp(*LOG_STD)
    u = mean + log_std.exp() * eps
    normal = torch.distributions.Normal(mean, log_std.exp())
    log_prob = normal.log_prob(u).sum(1) - (1 - u.tanh().square()).log().sum(1)
    return u.tanh(), log_prob


def both(rows: np.ndarray, actions: torch.Tensor | np.ndarray) -> torch.Tensor:
    """Return what critics read."""
    return torch.cat([torch.tensor(rows), torch.as_tensor(actions)], dim=1)


def check_following(algorithm: Any, *, tau: float) -> None:
    """Assert that the critics' targets follow by `tau` in one update of two."""
    batch, target = make_batch(), algorithm.critics.target.parameters
    before = target.copy()
    algorithm.update(batch, 1.0)
    followed = (1 - tau) * before + tau * algorithm.critics.online.parameters
    assert target == pytest.approx(followed, abs=1e-6)
    assert not np.array_equal(target, before)
    before = target.copy()
    algorithm.updates = 1
    algorithm.update(batch, 1.0)
    assert np.array_equal(target, before)

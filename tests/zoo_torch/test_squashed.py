"""Squashed Gaussians against torch's transformed distributions and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import distributions as theirs

from zoo_torch.squashed import LOG_STD, SquashedGaussian, draw


def outputs_and_eps(scale: float, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    outputs = (scale * rng.standard_normal((50, 2 * k))).astype(np.float32)
    return outputs, rng.standard_normal((50, k)).astype(np.float32)


def reference(outputs: torch.Tensor, eps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the actions and their log-probabilities, in the precision of `outputs`."""
    mean, log_std = outputs.chunk(2, dim=1)
    base = theirs.Normal(mean, log_std.clamp(*LOG_STD).exp())
    squash = theirs.TanhTransform(cache_size=1)
    actions = squash(mean + base.stddev * eps)
    return actions, theirs.TransformedDistribution(base, [squash]).log_prob(actions).sum(1)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])  # the last one goes past both kinds of bounds
def test_draws_log_probabilities_and_gradients_are_those_of_autograd(scale: float) -> None:
    outputs, eps = outputs_and_eps(scale)
    leaf = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    actions, log_prob = reference(leaf, torch.tensor(eps, dtype=torch.float64))
    mine = SquashedGaussian(outputs, eps)
    assert mine.actions == pytest.approx(actions.detach().numpy(), abs=1e-6)
    assert mine.log_prob == pytest.approx(log_prob.detach().numpy(), rel=1e-4, abs=1e-4)

    rng = np.random.default_rng(1)
    by_actions = rng.standard_normal(eps.shape).astype(np.float32)
    by_log_prob = rng.standard_normal(len(eps)).astype(np.float32)
    total = (actions * torch.tensor(by_actions)).sum() + (
        log_prob * torch.tensor(by_log_prob)
    ).sum()
    total.backward()
    found = mine.gradient(by_actions, by_log_prob)
    assert found == pytest.approx(leaf.grad.numpy(), rel=1e-3, abs=1e-4)


def test_one_number_by_all_log_probabilities_is_taken() -> None:
    mine = SquashedGaussian(*outputs_and_eps(1.0))
    zeros = np.zeros_like(mine.actions)
    every = mine.gradient(zeros, np.full(50, 0.2, np.float32))
    assert mine.gradient(zeros, np.float32(0.2)) == pytest.approx(every)


def test_log_std_stays_within_its_bounds_and_has_no_gradient_beyond() -> None:
    outputs = np.array([[0, 5.0], [0, 1.0], [0, -30.0]], np.float32)
    eps = np.ones((3, 1), np.float32)
    mine = SquashedGaussian(outputs, eps)
    assert mine.actions[:, 0] == pytest.approx(np.tanh([np.exp(2), np.exp(1), np.exp(-20)]))
    by_log_std = mine.gradient(np.zeros((3, 1)), np.ones(3))[:, 1]
    assert by_log_std[[0, 2]].tolist() == [0, 0]
    assert by_log_std[1] != 0


def test_nothing_overflows_where_tanh_is_rounded_to_one() -> None:
    mine = SquashedGaussian(np.array([[50.0, -1.0]], np.float32), np.zeros((1, 1), np.float32))
    assert mine.actions.tolist() == [[1.0]]
    # log(1 - tanh(u)^2) = -2 (u - log 2) there
    exact = -0.5 * np.log(2 * np.pi) + 1 + 2 * (50 - np.log(2))
    assert mine.log_prob == pytest.approx([exact], rel=1e-5)
    assert np.isfinite(mine.gradient(np.ones((1, 1)), np.ones(1))).all()


def test_acting_draws_the_same_actions() -> None:
    outputs, eps = outputs_and_eps(2.0)
    assert np.array_equal(draw(outputs, eps), SquashedGaussian(outputs, eps).actions)

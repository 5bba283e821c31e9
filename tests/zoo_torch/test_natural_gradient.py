"""Fisher-vector products against autograd's double backward, and systems solved with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as theirs

from tests.zoo_torch.test_actor_critic import make, through_torch
from zoo_torch.natural_gradient import conjugate_gradient, fisher_product

SPACES: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(4),
    "multi-discrete": spaces.MultiDiscrete([3, 2]),
    "multi-binary": spaces.MultiBinary(3),
    "box": spaces.Box(-1, 1, (2,)),
}


def divergence(kind: str, outputs: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
    """Return the mean over rows of KL(pi, pi), whose first argument does not move."""

    def made(outputs: torch.Tensor, log_std: torch.Tensor) -> list[Any]:
        if kind == "multi-binary":
            return [theirs.Independent(theirs.Bernoulli(logits=outputs), 1)]
        if kind == "box":
            return [theirs.Independent(theirs.Normal(outputs, log_std.exp()), 1)]
        blocks = [outputs] if kind == "discrete" else outputs.split([3, 2], 1)
        return [theirs.Categorical(logits=block) for block in blocks]

    pairs = zip(made(outputs.detach(), log_std.detach()), made(outputs, log_std), strict=True)
    return sum(theirs.kl_divergence(old, new).mean() for old, new in pairs)


@pytest.mark.parametrize("kind", SPACES)
def test_a_product_is_that_of_the_hessian_by_double_backward(kind: str) -> None:
    model, rng = make(SPACES[kind]), np.random.default_rng(1)
    model.parameters += 0.3 * rng.standard_normal(model.parameters.shape).astype(np.float32)
    rows = rng.standard_normal((9, 3)).astype(np.float32)
    v = rng.standard_normal(model.parameters.shape).astype(np.float32)
    model.backward_value(np.ones(len(model.value.forward(rows)), np.float32))
    v[model.gradient != 0] = 0  # directions of the policy alone
    outputs, _, log_std, theta = through_torch(model, rows)
    (slope,) = torch.autograd.grad(divergence(kind, outputs, log_std), theta, create_graph=True)
    (expected,) = torch.autograd.grad(slope @ torch.tensor(v), theta)
    pi = model.distributions(rows)
    found = fisher_product(model, pi, len(rows), v, damping=0.0)
    assert found == pytest.approx(expected.numpy(), rel=1e-3, abs=1e-4)
    assert np.abs(found).max() > 0.1
    damped = fisher_product(model, pi, len(rows), v, damping=0.5)
    assert damped == pytest.approx(found + 0.5 * v, rel=1e-4, abs=1e-5)


def test_the_divergence_of_a_small_step_is_half_its_square_in_the_metric() -> None:
    model, rng = make(spaces.Box(-1, 1, (2,))), np.random.default_rng(1)
    rows = rng.standard_normal((9, 3)).astype(np.float32)
    pi = model.distributions(rows)
    old = model.family.of(pi.outputs.copy(), model.log_std.copy())
    model.backward_policy(*pi.gradient(pi.outputs + 1, np.ones(9, np.float32), 0.0))
    step = 0.001 * model.gradient.copy()
    half_square = 0.5 * float(step @ fisher_product(model, old, 9, step, damping=0.0))
    model.parameters += step
    moved = float(model.distributions(rows).kl_from(old).mean())
    assert moved == pytest.approx(half_square, rel=0.05)
    assert moved > 1e-3


def test_conjugate_gradients_solve_in_as_many_steps_as_there_are_unknowns() -> None:
    rng = np.random.default_rng(0)
    half = rng.standard_normal((6, 6))
    A, b = half @ half.T + np.eye(6), rng.standard_normal(6)
    x = conjugate_gradient(lambda v: A @ v, b, steps=6)
    assert x == pytest.approx(np.linalg.solve(A, b), rel=1e-6)
    early = conjugate_gradient(lambda v: A @ v, b, steps=2)
    assert early @ b > 0  # uphill all the same
    assert np.linalg.norm(A @ early - b) < np.linalg.norm(b)


def test_conjugate_gradients_stop_where_there_is_nothing_to_gain() -> None:
    calls = []

    def product(v: np.ndarray) -> np.ndarray:
        calls.append(v)
        return 2 * v

    assert not conjugate_gradient(product, np.zeros(3), steps=5).any()
    assert not calls
    assert conjugate_gradient(product, np.ones(3), steps=5) == pytest.approx(np.full(3, 0.5))
    assert len(calls) == 1
    assert not conjugate_gradient(lambda v: 0 * v, np.ones(3), steps=5).any()

"""Fisher-vector products against autograd's double backward, and systems solved with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import distributions as theirs

from tests.zoo_torch.test_actor_critic import make, through_torch
from tests.zoo_torch.tiny import PICTURE, logits_and_values, two_sighted
from zoo_torch import convolutions
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


@pytest.mark.parametrize("kind", ["discrete", "multi-discrete", "box"])
def test_products_through_an_encoder_are_those_of_the_dense_hessian(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolutions, "CHUNK", 4)
    model, rng = two_sighted(SPACES[kind]), np.random.default_rng(1)
    model.parameters += 0.2 * rng.standard_normal(model.parameters.shape).astype(np.float32)
    rows = rng.integers(0, 256, (9, *PICTURE.shape), dtype=np.uint8)

    def mean_divergence(theta: torch.Tensor) -> torch.Tensor:
        outputs, _ = logits_and_values(model, theta, rows)
        return divergence(kind, outputs, theta[len(theta) - len(model.log_std) :])

    theta = torch.tensor(model.parameters, dtype=torch.float64)
    F = torch.autograd.functional.hessian(mean_divergence, theta).numpy()
    pi = model.distributions(rows)
    columns = [
        fisher_product(model, pi, len(rows), v, damping=0.0).copy()
        for v in np.eye(len(F), dtype=np.float32)
    ]
    found = np.stack(columns, axis=1)
    assert found == pytest.approx(F, rel=1e-3, abs=1e-5 * np.abs(F).max())
    own = model.encoder.size
    assert np.abs(F[:own, :own]).max() > 0.01 * np.abs(F).max()  # the encoder's part of it
    assert np.abs(F[:own, 2 * own :]).max() > 0.01 * np.abs(F).max()
    assert not found[own : 2 * own].any()  # the value function's encoder

    g = np.where(np.diag(F) > 0, rng.standard_normal(len(F)), 0).astype(np.float32)
    s = conjugate_gradient(
        lambda v: fisher_product(model, pi, len(rows), v, 0.1), g, steps=100, tolerance=1e-8
    )
    assert s == pytest.approx(np.linalg.solve(F + 0.1 * np.eye(len(F)), g), rel=1e-2, abs=1e-2)


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

"""The natural gradient (Amari, 1998, https://doi.org/10.1162/089976698300017746): the direction in
which an objective grows most for how far the policy, not its parameters, moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo_torch.actor_critic import ActorCritic
from zoo_torch.distributions import Distribution


def fisher_product(
    model: ActorCritic, pi: Distribution, rows: int, v: np.ndarray, damping: float
) -> np.ndarray:
    """Return `(F + damping I) v` for a direction `v` of all parameters, which is 0 at those of
    the value function. `pi` are the distributions of `rows` rows, and the policy's last pass.

    F is the mean over the rows of J^T M J (https://arxiv.org/abs/1502.05477, appendix C.1), where
    J is the Jacobian of what the distributions are made of by the parameters, and M the Fisher
    information in that: one pass forwards, one backwards, and no matrix. The model's gradient is
    overwritten.
    """
    model.backward_policy(*pi.fisher(*model.policy_moves(v, rows)))
    return model.gradient * np.float32(1 / rows) + np.float32(damping) * v


def conjugate_gradient(
    product: Callable[[np.ndarray], np.ndarray],
    b: np.ndarray,
    *,
    steps: int,
    tolerance: float = 1e-10,
) -> np.ndarray:
    """Return an x with nearly A x = b, where `product(v)` is A v and A is symmetric and positive
    definite (Hestenes & Stiefel, 1952): after at most `steps` products, or as soon as the square
    of the residual is below `tolerance`."""
    x, r, p = np.zeros_like(b), b.copy(), b.copy()
    square = np.dot(r, r)
    for _ in range(steps):
        if square < tolerance:
            break
        Ap = product(p)
        curvature = np.dot(p, Ap)
        if not curvature > 0:  # A is not positive definite, or not to this precision
            break
        alpha = square / curvature
        x += alpha * p
        r -= alpha * Ap
        before, square = square, np.dot(r, r)
        p = r + (square / before) * p
    return x

"""Quantile regression: https://arxiv.org/abs/1710.10044, section 4."""

from __future__ import annotations

import numpy as np


def quantile_huber(
    theta: np.ndarray, targets: np.ndarray, tau: np.ndarray, kappa: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives (n, N) of each row's loss by theta (n, N), and the losses (n,).

    Equations 9 and 10, over kappa as in section 2.3 of https://arxiv.org/abs/1806.06923 (IQN), for
    quantiles theta_i at tau (n or 1, N) and targets T_j (n, M): with u = T_j - theta_i, summed
    over i and averaged over j,

        rho = |tau_i - [u < 0]| huber_kappa(u) / kappa
    """
    u = targets[:, None, :] - theta[:, :, None]
    clipped = np.clip(u, -kappa, kappa)
    slope = np.abs(tau[:, :, None] - (u < 0)) / np.float32(kappa)
    losses = (slope * clipped * (u - np.float32(0.5) * clipped)).mean(2).sum(1)
    return -(slope * clipped).mean(2), losses

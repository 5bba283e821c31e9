"""What the algorithms that learn from rollouts of fixed length make of one before its update."""

from __future__ import annotations

import numpy as np

from zoo_torch.advantages import generalized_advantages
from zoo_torch.distributions import Distribution
from zoo_torch.rollout import Rollout

Samples = dict[str, np.ndarray]


@np.errstate(all="ignore")
def samples_of(rollout: Rollout, pi: Distribution, gamma: float, lambda_: float) -> Samples:
    """Return the arrays (T * n, ...) that a surrogate objective is made of: the rollout's `rows`
    and `actions`, their `log_probs` by the policy `pi` that took them, the generalised
    `advantages`, the `values` and their sum, the `returns`."""
    advantages = generalized_advantages(
        rollout.rewards, rollout.values, rollout.last_values, rollout.dones,
        gamma=gamma, lambda_=lambda_,
    )  # fmt: skip
    return {
        "rows": rollout.rows,
        "actions": rollout.actions,
        "log_probs": pi.log_prob(rollout.actions),
        "advantages": advantages.ravel(),
        "returns": (advantages + rollout.values).ravel(),
        "values": rollout.values.ravel(),
    }


def few(samples: Samples, most: int) -> Samples:
    """Return every k-th sample, with the least k that leaves no more than `most`."""
    k = -(-len(samples["rows"]) // most)
    return {name: array[::k] for name, array in samples.items()}


def explained_variance(samples: Samples) -> float:
    """Return the share of the returns' variance that the values before the update explain; NaN
    where the returns are all the same."""
    returns, values = samples["returns"], samples["values"]
    return 1 - float((returns - values).var()) / (float(returns.var()) or np.nan)

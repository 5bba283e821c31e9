"""How actions are chosen from numbers: bounds, the largest value, samples. All batched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoo.errors import ZooError

Select = Callable[
    [np.ndarray, np.ndarray, np.random.Generator, bool, "np.ndarray | None"], np.ndarray
]
"""`select(output (n, size), latent (n, features), rng, deterministic, masks)` -> actions."""

Bound = Callable[[np.ndarray], np.ndarray]


def clip_to(action_space: Any) -> Bound:
    """Return the function that clips (n, size) to a Box's bounds; none where it has none."""
    low, high = np.ravel(action_space.low)[None], np.ravel(action_space.high)[None]
    if np.isneginf(low).all() and np.isposinf(high).all():
        return lambda x: x
    return lambda x: np.minimum(np.maximum(x, low), high)


def rescale_to(action_space: Any) -> Bound:
    """Return `tanh` followed by the step from [-1, 1] to a Box's bounds, for (n, size)."""
    low, high = np.ravel(action_space.low)[None], np.ravel(action_space.high)[None]
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ZooError(f"{action_space} has no bounds that a squashed action could fill")
    if not np.issubdtype(low.dtype, np.floating):
        low, high = low.astype(np.float32), high.astype(np.float32)
    span = high - low

    def rescale(x: np.ndarray) -> np.ndarray:
        actions = low + 0.5 * (np.tanh(x) + 1.0) * span
        return np.minimum(np.maximum(actions, low), high)  # rounding may have left the bounds

    return rescale


def largest(values: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Return the index (n,) of the largest of `values` (n, k), the first of equals."""
    if masks is not None:
        values = np.where(masks, values, -np.inf)
    return values.argmax(1)


def sample_logits(
    logits: np.ndarray, rng: np.random.Generator, masks: np.ndarray | None = None
) -> np.ndarray:
    """Draw an index (n,) for each row of `logits` (n, k), in proportion to their exponentials.

    The Gumbel trick: https://arxiv.org/abs/1611.01144, eq. 1.
    """
    return largest(logits + rng.gumbel(size=logits.shape), masks)


def sample_probabilities(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw an index (n,) for each row of `probabilities` (n, k), whose sums need not be 1."""
    cumulated = np.cumsum(probabilities, axis=1, dtype=np.float64)
    thresholds = rng.random((len(cumulated), 1)) * cumulated[:, -1:]
    # `>` and not `>=`: a threshold of 0 must not choose a leading probability of 0
    return (cumulated > thresholds).argmax(1)


def means(logits: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the means (n, k) of `values` (m,) under the softmax of `logits` (n, k, m)."""
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return (weights @ values) / weights.sum(-1)


def epsilon_greedy(values: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """Return the best index (n,) of each row, or with probability `epsilon` any index."""
    actions = values.argmax(1)
    if epsilon > 0:
        explore = rng.random(len(values)) < epsilon
        anything = rng.integers(values.shape[1], size=len(values))
        actions = np.where(explore, anything, actions)
    return actions


def greedy(action_space: Any, epsilon: float, n_quantiles: int = 1) -> Select:
    """Return the epsilon-greedy choice by action values (n, actions), or by the mean over
    `n_quantiles` of them (n, n_quantiles * actions)."""
    n, start = int(action_space.n), int(action_space.start)

    def select(
        output: np.ndarray,
        latent: np.ndarray,
        rng: np.random.Generator,
        deterministic: bool,
        masks: np.ndarray | None,
    ) -> np.ndarray:
        if n_quantiles > 1:
            output = output.reshape(-1, n_quantiles, n).mean(1)
        actions = epsilon_greedy(output, 0.0 if deterministic else epsilon, rng)
        return actions + start if start else actions

    return select


def one_of(start: int) -> Select:
    """Return the choice of one category by its logits; the first is called `start`."""

    def select(
        output: np.ndarray,
        latent: np.ndarray,
        rng: np.random.Generator,
        deterministic: bool,
        masks: np.ndarray | None,
    ) -> np.ndarray:
        actions = largest(output, masks) if deterministic else sample_logits(output, rng, masks)
        return actions + start if start else actions

    return select


def one_of_each(choices: Sequence[int], start: np.ndarray) -> Select:
    """Return the choice of one category in each of several blocks of logits."""
    ends = np.cumsum(choices)
    blocks = [slice(end - size, end) for end, size in zip(ends, choices, strict=True)]

    def select(
        output: np.ndarray,
        latent: np.ndarray,
        rng: np.random.Generator,
        deterministic: bool,
        masks: np.ndarray | None,
    ) -> np.ndarray:
        columns = []
        for block in blocks:
            mask = None if masks is None else masks[:, block]
            logits = output[:, block]
            columns.append(
                largest(logits, mask) if deterministic else sample_logits(logits, rng, mask)
            )
        return np.stack(columns, axis=1) + start

    return select


def bits(
    output: np.ndarray,
    latent: np.ndarray,
    rng: np.random.Generator,
    deterministic: bool,
    masks: np.ndarray | None,
) -> np.ndarray:
    """Choose independent bits by the logits of a one."""
    if deterministic:
        return output > 0
    return rng.random(output.shape) < 0.5 * (np.tanh(0.5 * output) + 1.0)  # the sigmoid

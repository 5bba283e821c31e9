"""Eligibility traces over states and actions, of which few are not zero."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from zoo_tabular.compiled import compiled

Kind = Literal["accumulating", "replacing", "dutch"]
ACCUMULATING, REPLACING, DUTCH = range(3)
KINDS: dict[str, int] = {"accumulating": ACCUMULATING, "replacing": REPLACING, "dutch": DUTCH}
SMALLEST = 1e-9
"""A trace that has faded to less is dropped: it would move a value by nothing that matters."""


class Traces(NamedTuple):
    """The traces of each copy; a pair of state s and action a has the number s * n_actions + a."""

    values: np.ndarray
    """(copies, n_pairs) float64: z(s, a)"""
    active: np.ndarray
    """(copies, n_pairs) int64: the pairs whose trace is not zero stand first"""
    counts: np.ndarray
    """(copies,) int64: how many they are"""
    old_values: np.ndarray
    """(copies,) float64: Q_old of the true online update"""


def make_traces(copies: int, n_pairs: int) -> Traces:
    """Return traces that are zero."""
    return Traces(
        values=np.zeros((copies, n_pairs)),
        active=np.zeros((copies, n_pairs), np.int64),
        counts=np.zeros(copies, np.int64),
        old_values=np.zeros(copies),
    )


@compiled
def forget(traces: Traces, i: int) -> None:
    """Set all traces of copy i to zero."""
    for k in range(traces.counts[i]):
        traces.values[i, traces.active[i, k]] = 0.0
    traces.counts[i] = 0
    traces.old_values[i] = 0.0


@compiled
def mark(traces: Traces, i: int, pair: int, kind: int, alpha: float) -> None:
    """Raise the trace of the pair that was just visited; all have faded before."""
    z = traces.values[i, pair]
    if z == 0.0:
        traces.active[i, traces.counts[i]] = pair
        traces.counts[i] += 1
    if kind == REPLACING:
        traces.values[i, pair] = 1.0
    elif kind == ACCUMULATING:
        traces.values[i, pair] = z + 1.0
    else:
        traces.values[i, pair] = z + 1.0 - alpha * z


@compiled
def learn_and_fade(q: np.ndarray, traces: Traces, i: int, change: float, factor: float) -> None:
    """Add `change` z(s, a) to every Q(s, a), then let the traces fade by `factor`."""
    n_actions, k = q.shape[1], 0
    while k < traces.counts[i]:
        pair = traces.active[i, k]
        z = traces.values[i, pair]
        q[pair // n_actions, pair % n_actions] += change * z
        if z * factor >= SMALLEST:
            traces.values[i, pair] = z * factor
            k += 1
        else:
            traces.values[i, pair] = 0.0
            traces.counts[i] -= 1
            traces.active[i, k] = traces.active[i, traces.counts[i]]

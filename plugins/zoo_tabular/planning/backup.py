"""The Bellman backup, which all planning is made of, over sparse arrays.

Small processes are swept by NumPy, at once; large ones by a compiled loop, which goes through the
arrays once and needs no memory besides. Both give the same numbers, up to the order of a sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from zoo import TransitionModel
from zoo_tabular.compiled import can_compile, compiled, fast

COMPILING_PAYS = 200_000
"""Outcomes from which on a sweep is compiled: NumPy takes a millisecond for as many, and to
import Numba and compile takes about two thousand times as long."""
COMPILING_PAYS_IN_PLACE = 5_000
"""The same for sweeps in place, which are slow where they are interpreted."""


class Process(NamedTuple):
    """A Markov decision process as a sweep reads it; pair k is state k // n_actions."""

    offsets: np.ndarray
    """(n_pairs + 1,): which outcomes belong to a state and action"""
    next_states: np.ndarray
    """(n_outcomes,)"""
    weights: np.ndarray
    """(n_outcomes,) float64: probabilities, 0 where the episode terminates"""
    rewards: np.ndarray
    """(n_pairs,) float64: r(s, a), equation 3.5"""
    n_actions: int

    @property
    def n_states(self) -> int:
        return len(self.rewards) // self.n_actions


def process_of(model: TransitionModel) -> Process:
    """Return the process in which every action of a model may be chosen."""
    return Process(
        model.offsets,
        model.next_states,
        model.continuation,
        model.expected_rewards,
        model.n_actions,
    )


def under_policy(process: Process, policy: np.ndarray) -> Process:
    """Return the process with one action, to do what `policy` (n_states, n_actions) says.

    Its backup is the expectation of equation 4.5, (sum over a) pi(a|s) q(s, a).
    """
    chances = policy.ravel()
    return Process(
        process.offsets[:: process.n_actions],
        process.next_states,
        process.weights * np.repeat(chances, np.diff(process.offsets)),
        (process.rewards * chances).reshape(process.n_states, -1).sum(axis=1),
        n_actions=1,
    )


def under_actions(process: Process, actions: np.ndarray) -> Process:
    """Return the process with one action, to take `actions` (n_states,)."""
    pairs = np.arange(process.n_states) * process.n_actions + actions
    counts = process.offsets[pairs + 1] - process.offsets[pairs]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    rows = np.repeat(process.offsets[pairs] - offsets[:-1], counts) + np.arange(offsets[-1])
    chosen = process.next_states[rows], process.weights[rows], process.rewards[pairs]
    return Process(offsets, *chosen, n_actions=1)


def update(process: Process, v: np.ndarray, gamma: float) -> tuple[np.ndarray, float]:
    """Return a new v(s) = max over a of q(s, a) for all states, and the Bellman residual.

    Equation 4.10, or 4.5 where there is one action. The residual is the largest change.
    """
    if len(process.weights) >= COMPILING_PAYS and can_compile():
        updated = np.empty_like(v)
        return updated, fast(sweep)(process, gamma, v, updated)
    updated = action_values(process, v, gamma).max(axis=1)
    return updated, float(np.abs(updated - v).max())


def update_in_place(process: Process, v: np.ndarray, gamma: float, *, first: bool) -> float:
    """Do the same within `v`, state by state, each with the newest values of the others.

    The `first` sweep of a process of moderate size is interpreted, so that it is done before a
    compiler would have been loaded; the numbers are the same. Returns the largest change.
    """
    return _loop(process, first=first)(process, gamma, v, v)


def _loop(process: Process, *, first: bool) -> Callable[..., float]:
    """Return the sweep, compiled where that pays."""
    limit = COMPILING_PAYS if first else COMPILING_PAYS_IN_PLACE
    return fast(sweep) if len(process.weights) >= limit else sweep


def action_values(process: Process, v: np.ndarray, gamma: float) -> np.ndarray:
    """Return q(s, a) = r(s, a) + gamma * (sum over s') p(s'|s, a) v(s'), (n_states, n_actions).

    Equation 4.6.
    """
    if len(process.weights) >= COMPILING_PAYS and can_compile():
        q = np.empty(len(process.rewards))
        fast(all_pairs)(process, gamma, v, q)
    else:
        ahead = np.add.reduceat(process.weights * v[process.next_states], process.offsets[:-1])
        q = process.rewards + gamma * ahead
    return q.reshape(-1, process.n_actions)


@compiled
def pair_value(process: Process, gamma: float, v: np.ndarray, pair: int) -> float:
    """Return q(s, a) of one state and action."""
    ahead = 0.0
    for outcome in range(process.offsets[pair], process.offsets[pair + 1]):
        ahead += process.weights[outcome] * v[process.next_states[outcome]]
    return process.rewards[pair] + gamma * ahead


@compiled
def state_value(process: Process, gamma: float, v: np.ndarray, state: int) -> float:
    """Return the largest q(s, a) of one state."""
    best = -math.inf
    for pair in range(state * process.n_actions, (state + 1) * process.n_actions):
        best = max(best, pair_value(process, gamma, v, pair))
    return best


@compiled
def sweep(process: Process, gamma: float, v: np.ndarray, updated: np.ndarray) -> float:
    """Write the backup of every state into `updated`, which may be `v` itself; return the
    largest change.
    """
    residual = 0.0
    for state in range(len(v)):
        value = state_value(process, gamma, v, state)
        residual = max(residual, abs(value - v[state]))
        updated[state] = value
    return residual


@compiled
def all_pairs(process: Process, gamma: float, v: np.ndarray, q: np.ndarray) -> None:
    """Write q(s, a) of every pair into `q` (n_pairs,)."""
    for pair in range(len(q)):
        q[pair] = pair_value(process, gamma, v, pair)

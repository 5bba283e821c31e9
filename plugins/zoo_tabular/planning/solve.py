"""The value of a policy as the solution of linear equations, and whether it is finite at all."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from zoo import MissingExtra, ZooError
from zoo_tabular.planning.backup import Process, action_values

DENSE = 1_000
"""States up to which the equations are solved as a dense matrix: 8 MB."""
DENSE_WITHOUT_SCIPY = 5_000
FACTORED = 50_000
"""States up to which a sparse matrix is factored where iteration has not found the solution."""
ACCURACY = 1e-13
"""Largest residual, against the largest reward, of an iterative solution that is accepted."""


def solve(process: Process, gamma: float) -> np.ndarray:
    """Return the v (n_states,) with v = r + gamma P v, for a process with one action.

    Sutton & Barto (2018), page 74: n linear equations in n unknowns. Raises `ZooError` where
    they have no solution, or too many unknowns.
    """
    n = process.n_states
    if n <= DENSE:
        v = _solve_dense(process, gamma)
    elif find_spec("scipy") is not None:
        v = _solve_sparse(process, gamma)
    elif n <= DENSE_WITHOUT_SCIPY:
        v = _solve_dense(process, gamma)
    else:
        raise MissingExtra(f"solving linear equations for {n:,} states", "tabular")
    if not np.isfinite(v).all():
        raise _no_solution()
    return v


def _solve_dense(process: Process, gamma: float) -> np.ndarray:
    n = process.n_states
    matrix = np.eye(n)
    rows = np.repeat(np.arange(n), np.diff(process.offsets))
    np.subtract.at(matrix, (rows, process.next_states), gamma * process.weights)
    try:
        return np.linalg.solve(matrix, process.rewards)
    except np.linalg.LinAlgError:
        raise _no_solution() from None


def _solve_sparse(process: Process, gamma: float) -> np.ndarray:
    """Iterate first, since the factors of a sparse matrix may be dense; factor where that fails."""
    from scipy.sparse import csr_array, eye_array
    from scipy.sparse.linalg import bicgstab, splu

    n = process.n_states
    chain = csr_array((process.weights, process.next_states, process.offsets), (n, n))
    matrix = (eye_array(n, format="csr") - gamma * chain).tocsc()
    scale = max(float(np.abs(process.rewards).max()), 1e-300)
    v, _ = bicgstab(matrix, process.rewards, rtol=0.0, atol=ACCURACY * scale, maxiter=500)
    if np.abs(process.rewards - matrix @ v).max() <= 10 * ACCURACY * scale:
        return v
    if n > FACTORED:
        raise ZooError(
            f"the linear equations of {n:,} states are too many to solve exactly",
            "Evaluate by sweeps: --set method=iterative",
        )
    try:
        return splu(matrix).solve(process.rewards)
    except (RuntimeError, MemoryError):
        raise _no_solution() from None


def without_idle_states(process: Process) -> Process:
    """Return a process whose undiscounted values are finite, with the values 0 made certain.

    States from which the episode never ends and in which nothing is ever paid are worth 0, but
    the equations do not say so: they get no successor. Raises `ZooError` where something is
    paid in a state from which the episode never ends.
    """
    idle = endless(process)
    if not idle.any():
        return process
    refuse_endless_rewards(process, idle)
    leads_on = ~np.repeat(np.repeat(idle, process.n_actions), np.diff(process.offsets))
    return process._replace(weights=process.weights * leads_on)


def refuse_endless_rewards(process: Process, idle: np.ndarray) -> None:
    """Raise `ZooError` where a reward is paid in states (n_states,) bool that never end."""
    paid = process.rewards.reshape(-1, process.n_actions)[idle] != 0
    if paid.any():
        state = int(np.flatnonzero(idle)[paid.any(axis=1)][0])
        raise ZooError(
            f"gamma is 1, and from state {state} on the episode never ends while rewards go on: "
            "its value is not finite",
            "Choose a gamma below 1, such as --set gamma=0.99",
        )


def endless(process: Process) -> np.ndarray:
    """Return (n_states,) bool: from where no choice of actions ever leads to an end.

    An end is an outcome that terminates; the time limit of episodes is none.
    """
    ones = np.ones(process.n_states)
    goes_on = action_values(process._replace(rewards=np.zeros_like(process.rewards)), ones, 1.0)
    ends = np.asarray((goes_on < 1 - 1e-9).any(axis=1))
    firsts = process.offsets[:-1][:: process.n_actions]
    possible = process.weights > 0
    while True:
        after = np.logical_or.reduceat(possible & ends[process.next_states], firsts)
        if not (after & ~ends).any():
            return ~ends
        ends |= after


def _no_solution() -> ZooError:
    return ZooError(
        "the policy's value is not finite: the linear equations have no solution",
        "Choose a gamma below 1, such as --set gamma=0.99",
    )

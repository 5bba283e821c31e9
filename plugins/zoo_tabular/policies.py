"""A given policy, as a table of action probabilities: uniform, an agent's, or out of a file."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo import ZooError, load
from zoo.agents.table import StateIndex, TableAgent

UNIFORM = "uniform"
MEANING = "uniform, a table agent by reference or path, or a file (.npy, .json, .csv)"
"""What a config's `policy` can be, for its description."""
_TOLERANCE = 1e-6


def load_policy(reference: str, observation_space: Any, action_space: Any) -> np.ndarray:
    """Return pi(a|s), (n_states, n_actions), of what `reference` means for these spaces.

    `uniform` is every action alike. A path that ends in `.npy`, `.json` (nested lists) or `.csv`
    (one line for each state, without a header) is an array: (n_states, n_actions) probabilities,
    or (n_states,) actions counted from 0. Anything else is a reference to a table agent, which
    acts by its policy or greedily by its action values. Raises `ZooError` where the policy is
    none, or one for other spaces.
    """
    n_states, n_actions = StateIndex(observation_space).count, int(action_space.n)
    if reference == UNIFORM:
        return np.full((n_states, n_actions), 1 / n_actions)
    is_file = Path(reference).suffix in READERS
    table = _read(Path(reference)) if is_file else _of_agent(reference)
    if table.ndim == 1:
        table = _one_hot(table, n_actions, reference)
    if table.shape != (n_states, n_actions):
        raise ZooError(
            f"the policy {reference} is for {table.shape[0]:,} states and {table.shape[-1]} "
            f"actions, the environment has {n_states:,} and {n_actions}",
            "Choose a policy for the same environment, or uniform",
        )
    if not ((table >= 0).all() and np.allclose(table.sum(axis=1), 1, atol=_TOLERANCE)):
        raise ZooError(
            f"a row of the policy {reference} is no probability distribution",
            "Every row has to sum to 1, without negative entries",
        )
    return table


def _read(path: Path) -> np.ndarray:
    """Read a file of numbers; `ZooError` where it is none."""
    read, how = READERS[path.suffix]
    try:
        table = read(path)
    except FileNotFoundError:
        raise ZooError(f"there is no policy file {path}", "Check the path") from None
    except (OSError, ValueError, TypeError, EOFError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ZooError(f"{path} is no {how[0]}: {reason}", how[1]) from None
    if (
        not isinstance(table, np.ndarray)
        or table.dtype.kind not in "iuf"
        or table.ndim not in (1, 2)
    ):
        raise ZooError(
            f"{path} holds no policy",
            "Save probabilities (n_states, n_actions) or actions (n_states,)",
        )
    return table if table.ndim == 1 else table.astype(np.float64)


def _read_array(path: Path) -> Any:
    return np.load(path, allow_pickle=False)


def _read_json(path: Path) -> np.ndarray:
    return np.array(json.loads(path.read_text(encoding="utf-8")))


def _read_csv(path: Path) -> np.ndarray:
    """Read lines of numbers; a single column of whole numbers is actions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of an empty file, which the shape shows
        table = np.loadtxt(path, delimiter=",", ndmin=2, encoding="utf-8")
    if table.shape[1] == 1 and np.isfinite(table).all() and (table == np.floor(table)).all():
        return table[:, 0].astype(np.int64)
    return table


READERS: dict[str, tuple[Callable[[Path], Any], tuple[str, str]]] = {
    ".npy": (_read_array, ("array file", "Write it by numpy.save")),
    ".json": (_read_json, ("file of lists", "Write one list of numbers for each state")),
    ".csv": (_read_csv, ("file of numbers", "Write one line for each state, without a header")),
}
"""How a policy file is read by its ending, and what it is called when that fails."""


def _of_agent(reference: str) -> np.ndarray:
    agent = load(reference)
    if not isinstance(agent, TableAgent):
        raise ZooError(
            f"{reference} is an agent of kind {agent.kind}, not a table",
            "Name the agent of a tabular algorithm",
        )
    if agent.policy is not None:
        table = agent.policy.astype(np.float64)
        return table / table.sum(axis=1, keepdims=True)
    assert agent.q is not None
    return _one_hot(agent.q.argmax(axis=1), agent.q.shape[1], reference)


def _one_hot(actions: np.ndarray, n_actions: int, reference: str) -> np.ndarray:
    if actions.dtype.kind not in "iu" or not ((actions >= 0) & (actions < n_actions)).all():
        raise ZooError(
            f"the policy {reference} names actions that the environment does not have",
            f"Its actions are 0 to {n_actions - 1}",
        )
    return np.eye(n_actions)[actions]

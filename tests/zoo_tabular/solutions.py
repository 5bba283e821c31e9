"""Plain answers that tests compare with: value iteration and dense matrices."""

from __future__ import annotations

import numpy as np

from zoo.components.transitions import TransitionModel


def optimal(model: TransitionModel, gamma: float = 1.0, sweeps: int = 5000) -> np.ndarray:
    """Return the optimal values (n_states,) by plain value iteration."""
    values = np.zeros(model.n_states)
    for _ in range(sweeps):
        new = action_values(model, values, gamma).max(axis=1)
        if np.abs(new - values).max() < 1e-12:
            break
        values = new
    return values


def action_values(model: TransitionModel, values: np.ndarray, gamma: float) -> np.ndarray:
    """Return (n_states, n_actions): Sutton & Barto (2018), equation 4.6."""
    after = np.add.reduceat(model.continuation * values[model.next_states], model.offsets[:-1])
    return (model.expected_rewards + gamma * after).reshape(model.n_states, -1)


def dense(model: TransitionModel) -> np.ndarray:
    """Return P(s' | s, a) without what terminates, (n_actions, n_states, n_states)."""
    table = np.zeros((model.n_states * model.n_actions, model.n_states))
    pairs = np.repeat(np.arange(len(table)), np.diff(model.offsets))
    np.add.at(table, (pairs, model.next_states), model.continuation)
    return table.reshape(model.n_states, model.n_actions, -1).swapaxes(0, 1)

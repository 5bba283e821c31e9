"""The agent kind `table`: a row of numbers for each state."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from zoo.agent import Agent
from zoo.agents.selection import epsilon_greedy, largest, sample_probabilities
from zoo.errors import ZooError


class TableAgent(Agent):
    """Acts by a table of action values `q` or of action probabilities `policy`.

    Both have shape (n_states, n_actions). Observations are Discrete, MultiDiscrete, or a Tuple
    of Discrete spaces (as Blackjack-v1's), whose entries are counted as the digits of a number,
    the last one fastest. Deterministic actions are the largest entry, the first of equals;
    others are drawn from `policy`, or from `q` with probability `epsilon` at random. The state
    values `v` (n_states,) are kept for readers and do not act.

    Raises `ZooError` where a table does not fit the spaces.
    """

    kind: ClassVar[str] = "table"

    def __init__(
        self,
        observation_space: Any,
        action_space: Any,
        *,
        q: np.ndarray | None = None,
        policy: np.ndarray | None = None,
        v: np.ndarray | None = None,
        epsilon: float = 0.0,
    ) -> None:
        super().__init__(observation_space, action_space)
        self.q, self.policy, self.v = (None if x is None else np.array(x) for x in (q, policy, v))
        self.epsilon = float(epsilon)
        self.states = StateIndex(observation_space)
        if not (hasattr(action_space, "n") and hasattr(action_space, "start")):
            raise ZooError(f"a table cannot act in {action_space}", "It needs a Discrete space")
        self._first_action = int(action_space.start)
        self._table = self._checked(self.states.count, int(action_space.n))

    def act(
        self,
        observations: Any,
        *,
        deterministic: bool = True,
        action_masks: np.ndarray | None = None,
    ) -> np.ndarray:
        rows = self._table[self.states(observations)]
        if deterministic:
            actions = largest(rows)
        elif self.policy is not None:
            actions = sample_probabilities(rows, self.rng)
        else:
            actions = epsilon_greedy(rows, self.epsilon, self.rng)
        return (actions + self._first_action).astype(self.action_space.dtype, copy=False)

    def describe(self) -> dict[str, Any]:
        return {"epsilon": self.epsilon}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return those of `q`, `policy` and `v` that the agent has."""
        tables = {"q": self.q, "policy": self.policy, "v": self.v}
        return {name: table for name, table in tables.items() if table is not None}

    @classmethod
    def restore(
        cls,
        description: Mapping[str, Any],
        tensors: Mapping[str, np.ndarray],
        observation_space: Any,
        action_space: Any,
    ) -> TableAgent:
        if unknown := sorted(tensors.keys() - {"q", "policy", "v"}):
            raise ZooError(
                f"the weights hold {unknown[0]!r}, which a table does not use",
                "Fetch or train the agent again",
            )
        epsilon = description.get("epsilon", 0.0)
        return cls(observation_space, action_space, **tensors, epsilon=epsilon)

    def _as_batch(self, observation: Any) -> tuple[Any, bool]:
        if not isinstance(observation, tuple):
            return super()._as_batch(observation)
        parts = tuple(np.asarray(part) for part in observation)
        single = parts[0].ndim == 0
        return (tuple(part[None] for part in parts) if single else parts), single

    def _checked(self, n_states: int, n_actions: int) -> np.ndarray:
        """Return the table to act by, sure that all tables and `epsilon` are in order."""
        if (self.q is None) == (self.policy is None):
            raise ZooError("a table agent needs either action values q or a policy")
        for name, table in self.tensors().items():
            shape = (n_states,) if name == "v" else (n_states, n_actions)
            if table.shape != shape:
                raise ZooError(
                    f"{name} has the shape {table.shape}, but the spaces ask for {shape}",
                    "Use the spaces that the table was made for",
                )
        if not 0 <= self.epsilon <= 1:
            raise ZooError(f"epsilon must be between 0 and 1, not {self.epsilon}")
        if self.policy is None:
            return self.q  # type: ignore[return-value]
        if (self.policy < 0).any() or not np.allclose(self.policy.sum(1), 1, atol=1e-4):
            raise ZooError("a row of the policy is no probability distribution")
        return self.policy


class StateIndex:
    """Which row of a table belongs to an observation; `count` is how many rows there are.

    Observations are Discrete, MultiDiscrete, or a Tuple of Discrete spaces; others are refused
    with a `ZooError`. The entries of an observation are the digits of its row's number, the last
    one fastest; `sizes` (k,) says how many values each has, `starts` (k,) its smallest.
    """

    def __init__(self, space: Any) -> None:
        self.space = space
        self.sizes, self.starts = _digits(space)
        self._strides = np.concatenate([np.cumprod(self.sizes[:0:-1])[::-1], [1]])
        self.count = math.prod(self.sizes.tolist())

    def __call__(self, observations: Any) -> np.ndarray:
        """Return the table's row (n,) for each of a batch of observations."""
        if isinstance(observations, tuple):
            observations = np.stack([np.asarray(part) for part in observations], axis=-1)
        digits = np.asarray(observations, np.int64)
        digits = digits.reshape(len(digits), -1) - self.starts
        if ((digits < 0) | (digits >= self.sizes)).any():
            raise ZooError(
                f"an observation is outside the agent's {self.space}",
                "Use the environment that the agent was trained on",
            )
        return digits @ self._strides

    def one(self, observation: Any) -> int:
        """Return the table's row for a single observation."""
        return int(self(np.asarray(observation, np.int64)[None])[0])


def _digits(space: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return how many values each entry of an observation has, and its smallest, both (k,)."""
    if hasattr(space, "nvec"):
        return np.ravel(space.nvec).astype(np.int64), np.ravel(space.start).astype(np.int64)
    spaces = getattr(space, "spaces", [space])
    parts: Sequence[Any] = spaces if isinstance(spaces, list | tuple) else [None]
    if not parts or not all(hasattr(part, "n") and hasattr(part, "start") for part in parts):
        raise ZooError(
            f"a table cannot be indexed by {space}",
            "It needs a Discrete or MultiDiscrete space, or a Tuple of Discrete ones",
        )
    sizes, starts = [int(part.n) for part in parts], [int(part.start) for part in parts]
    return np.array(sizes, np.int64), np.array(starts, np.int64)

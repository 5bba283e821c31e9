"""A known model: the transition probabilities and rewards of a finite Markov decision process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from zoo.errors import ZooError

_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class TransitionModel:
    """A finite Markov decision process in sparse arrays.

    States and actions count from 0. The outcomes of action a in state s stand in the rows
    `offsets[k]` to `offsets[k + 1]` of the four arrays of outcomes, with k = s * n_actions + a.
    A `terminated` outcome ends the episode: the value of its next state is 0, whatever the model
    says goes on from there. `initial` is the distribution of first states, `time_limit` the
    number of steps after which an episode is truncated, None where there is none.

    Raises `ZooError` where the arrays are not such a process.
    """

    n_states: int
    n_actions: int
    offsets: np.ndarray
    """(n_states * n_actions + 1,) int64"""
    next_states: np.ndarray
    """(n_outcomes,) int32 or int64"""
    probabilities: np.ndarray
    """(n_outcomes,) float64, above 0, summing to 1 over each state and action"""
    rewards: np.ndarray
    """(n_outcomes,) float64"""
    terminated: np.ndarray
    """(n_outcomes,) bool"""
    initial: np.ndarray
    """(n_states,) float64"""
    time_limit: int | None = None

    def __post_init__(self) -> None:
        """Check everything that a learner relies on."""
        pairs, outcomes = self.n_states * self.n_actions, len(self.next_states)
        if self.n_states < 1 or self.n_actions < 1:
            raise ZooError("a model needs at least one state and one action")
        offsets = self.offsets
        if offsets.shape != (pairs + 1,) or offsets[0] != 0 or offsets[-1] != outcomes:
            raise ZooError(f"the model's offsets do not cover its {outcomes} outcomes")
        for name in ("probabilities", "rewards", "terminated"):
            if getattr(self, name).shape != (outcomes,):
                raise ZooError(f"the model has {outcomes} next states, but not as many {name}")
        if (empty := np.flatnonzero(np.diff(offsets) < 1)).size:
            raise ZooError(f"{self._place(empty[0])} has no outcome")
        out = (self.next_states < 0) | (self.next_states >= self.n_states)
        if (wrong := np.flatnonzero(out)).size:
            raise ZooError(
                f"{self._place_of_outcome(wrong[0])} leads to state "
                f"{self.next_states[wrong[0]]}, but the states are 0 to {self.n_states - 1}"
            )
        if (wrong := np.flatnonzero(~np.isfinite(self.rewards))).size:
            raise ZooError(f"{self._place_of_outcome(wrong[0])} has the reward "
                           f"{self.rewards[wrong[0]]}")  # fmt: skip
        if (wrong := np.flatnonzero(~(self.probabilities >= 0))).size:
            raise ZooError(f"{self._place_of_outcome(wrong[0])} has the probability "
                           f"{self.probabilities[wrong[0]]}")  # fmt: skip
        sums = np.add.reduceat(self.probabilities, offsets[:-1])
        if (wrong := np.flatnonzero(np.abs(sums - 1) > _TOLERANCE)).size:
            raise ZooError(
                f"the probabilities of {self._place(wrong[0])} sum to {sums[wrong[0]]:g}, not to 1"
            )
        if self.initial.shape != (self.n_states,) or abs(self.initial.sum() - 1) > _TOLERANCE:
            raise ZooError("the distribution of first states does not sum to 1 over all states")

    @cached_property
    def expected_rewards(self) -> np.ndarray:
        """r(s, a), (n_states * n_actions,): Sutton & Barto (2018), equation 3.5."""
        return np.add.reduceat(self.probabilities * self.rewards, self.offsets[:-1])

    @cached_property
    def continuation(self) -> np.ndarray:
        """Each outcome's probability, 0 where it terminates: the weight of the next value."""
        if not self.terminated.any():
            return self.probabilities
        return np.where(self.terminated, 0.0, self.probabilities)

    @classmethod
    def from_table(
        cls,
        table: Mapping[int, Mapping[int, Sequence[tuple[float, int, float, bool]]]],
        initial: Any,
        *,
        time_limit: int | None = None,
    ) -> TransitionModel:
        """Read Gymnasium's `P[s][a] = [(probability, next state, reward, terminated), ...]`.

        Outcomes of probability 0 are left out.
        """
        n_states = len(table)
        rows: list[tuple[float, int, float, bool]] = []
        offsets = [0]
        try:
            n_actions = len(table[0])
            for state in range(n_states):
                if len(table[state]) != n_actions:
                    raise ZooError(f"state {state} has {len(table[state])} actions in the model, "
                                   f"state 0 has {n_actions}")  # fmt: skip
                for action in range(n_actions):
                    rows += [row for row in table[state][action] if row[0] != 0]
                    offsets.append(len(rows))
            probabilities, next_states, rewards, terminated = zip(*rows, strict=True)
            columns = (
                np.array(next_states, np.int64),
                np.array(probabilities, np.float64),
                np.array(rewards, np.float64),
                np.array(terminated, np.bool_),
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ZooError(
                "the model does not have the form P[state][action] = "
                f"[(probability, next state, reward, terminated), ...]: {error!r}"
            ) from error
        first = np.asarray(initial, np.float64)
        return cls(n_states, n_actions, np.array(offsets), *columns, first, time_limit)

    def _place(self, pair: int) -> str:
        return f"action {pair % self.n_actions} in state {pair // self.n_actions}"

    def _place_of_outcome(self, row: int) -> str:
        return self._place(int(np.searchsorted(self.offsets, row, side="right")) - 1)

"""Small environments with a known best policy, each made to show one thing about a learner.

A probe shows one of `CONTEXTS` contexts as an observation of any kind that an `AlgorithmSpec`
can name, and takes an action of any kind. Every probe counts its own steps and episodes, so
that what an algorithm reports can be compared with what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from zoo.testing.contexts import CONTEXTS, encode, observation_space

# Where the reward of each action kind is highest, by context (rows). In every column the best
# action depends on the context, so a policy that ignores the observation stays far below.
_TARGETS: dict[str, np.ndarray] = {
    "box": np.array([[-0.6, 0.6], [0.0, -0.6], [0.6, 0.0]]),  # in units of the upper bound
    "discrete": np.array([1, 2, 0]),
    "multi-discrete": np.array([[1, 0], [2, 1], [0, 0]]),
    "multi-binary": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
}


class Probe(gym.Env[Any, Any]):
    """What probes share: contexts, encodings, and a count of what really happened.

    `steps_taken` and `episodes_ended` count over the life of the object, also across resets.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, observations: str, actions: str) -> None:
        self.observations, self.actions = observations, actions
        self.observation_space = observation_space(observations)
        self.steps_taken = 0
        self.episodes_ended = 0
        self.context = 0

    def observe(self) -> Any:
        """Return the observation of the present context."""
        return encode(self.observations, self.context)

    def action_masks(self) -> np.ndarray:
        """Allow every choice, for algorithms that ask: (number of choices,) bool."""
        space: Any = self.action_space
        if self.actions == "multi-discrete":
            return np.ones(int(np.sum(space.nvec)), np.bool_)
        sizes = {"discrete": 1, "multi-binary": 2, "box": 0}
        return np.ones(sizes[self.actions] * int(getattr(space, "n", 0)), np.bool_)

    def result(
        self, reward: float, *, terminated: bool = False, truncated: bool = False
    ) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Count a step, and return what `step` returns."""
        self.steps_taken += 1
        self.episodes_ended += bool(terminated or truncated)
        return self.observe(), float(reward), terminated, truncated, {}


class BanditProbe(Probe):
    """A contextual bandit: the reward says how near the action is to the context's best one.

    Reward per component, averaged: 1 for a hit and 0 for a miss; for Box actions
    -(a - f(context))^2 in units of the upper bound. With `horizon` 1 every step is an episode
    that terminates. With a longer one, episodes terminate at random or are truncated after
    `horizon` steps, so that both kinds of end occur at varying lengths.
    """

    TERMINATION = 0.15

    def __init__(self, observations: str, actions: str, *, horizon: int = 1) -> None:
        super().__init__(observations, actions)
        self.action_space = bandit_actions(actions)
        self.horizon = horizon
        self.elapsed = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Draw a context."""
        super().reset(seed=seed)
        self.elapsed = 0
        self.context = int(self.np_random.integers(CONTEXTS))
        return self.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pay for the action in the present context, and draw the next one."""
        reward = bandit_reward(self.actions, self.context, action)
        self.elapsed += 1
        self.context = int(self.np_random.integers(CONTEXTS))
        terminated = self.horizon == 1 or bool(self.np_random.random() < self.TERMINATION)
        truncated = not terminated and self.elapsed >= self.horizon
        return self.result(reward, terminated=terminated, truncated=truncated)


def bandit_actions(kind: str) -> spaces.Space[Any]:
    """Return the action space of a `BanditProbe`; the bounds of the Box differ on purpose."""
    high = np.array([1.0, 2.0], np.float32)
    made: dict[str, spaces.Space[Any]] = {
        "box": spaces.Box(-high, high, dtype=np.float32),
        "discrete": spaces.Discrete(3),
        "multi-discrete": spaces.MultiDiscrete([3, 2]),
        "multi-binary": spaces.MultiBinary(3),
    }
    return made[kind]


def bandit_reward(kind: str, context: int, action: Any) -> float:
    """Return what a `BanditProbe` pays for `action` in `context`."""
    target = _TARGETS[kind][context]
    if kind == "box":
        scaled = np.asarray(action, np.float64) / np.array([1.0, 2.0])
        return -float(np.mean((scaled - target) ** 2))
    return float(np.mean(np.asarray(action) == target))


def bandit_levels(kind: str) -> tuple[float, float, float]:
    """Return the mean reward of random actions, of the best constant action, and of the best
    policy. Random Box actions are uniform in the bounds: E(a - f)^2 = 1/3 + f^2.
    """
    targets = _TARGETS[kind]
    if kind == "box":
        square = float(np.mean(targets**2))
        return -(1 / 3 + square), -float(np.mean(targets.var(axis=0))), 0.0
    columns = targets.reshape(CONTEXTS, -1).T
    space = bandit_actions(kind)
    sizes = np.atleast_1d(getattr(space, "nvec", getattr(space, "n", 0)))
    sizes = np.full(len(columns), 2) if kind == "multi-binary" else sizes
    best = [np.bincount(column).max() / CONTEXTS for column in columns]
    return float(np.mean(1 / sizes)), float(np.mean(best)), 1.0


START, PIT, PEAK = range(CONTEXTS)
"""The contexts of a `DecisionProbe`. Every action pays -2 in the pit, 2 on the peak, and ends."""


@dataclass(frozen=True, slots=True)
class Option:
    """What a decision leads to: a reward, and the end of the episode before a context."""

    pays: float
    ends_at: int = START
    terminates: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """Two options, of which one is best."""

    stay: Option
    leave: Option = Option(1.0)


TRUNCATED = Decision(stay=Option(0.6, terminates=False))
"""Staying is worth 0.6 + gamma V(START) with V >= 1, so it is best. Who does not bootstrap
where an episode is truncated leaves, and so does who also bootstraps where it terminates."""

TERMINATED = Decision(stay=Option(0.6, PEAK), leave=Option(1.0, PIT))
"""Both terminate, so leaving is best. Who bootstraps nevertheless sees a peak and stays."""

TRUNCATED_AT_PIT = Decision(stay=Option(1.5, PIT, terminates=False))
"""Staying is worth 1.5 - 2 gamma, so leaving is best. Who does not bootstrap stays, and so does
who bootstraps from the next episode's first observation."""


class DecisionProbe(Probe):
    """One decision, to stay or to leave, and then the episode ends.

    Where an option ends before the pit or the peak, one episode in four begins there, so that
    its value is learnt. Fractions of an action (a Box, several components) are the chance of
    staying.
    """

    ELSEWHERE = 0.25

    def __init__(self, observations: str, actions: str, decision: Decision) -> None:
        super().__init__(observations, actions)
        self.action_space = decision_actions(actions)
        self.decision = decision
        self.landmarks = sorted({decision.stay.ends_at, decision.leave.ends_at} - {START})

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin at the decision, or now and then at the pit or the peak."""
        super().reset(seed=seed)
        drawn = self.np_random.random() // self.ELSEWHERE
        self.context = self.landmarks[int(drawn)] if drawn < len(self.landmarks) else START
        return self.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Stay with the chance that the action gives, else leave."""
        if self.context != START:
            return self.result(2.0 if self.context == PEAK else -2.0, terminated=True)
        stays = self.np_random.random() < chance_of_staying(self.actions, action)
        option = self.decision.stay if stays else self.decision.leave
        self.context = option.ends_at
        ends = option.terminates
        return self.result(option.pays, terminated=ends, truncated=not ends)


def decision_actions(kind: str) -> spaces.Space[Any]:
    """Return the action space of a `DecisionProbe`."""
    made: dict[str, spaces.Space[Any]] = {
        "box": spaces.Box(-1.0, 1.0, (1,), np.float32),
        "discrete": spaces.Discrete(2),
        "multi-discrete": spaces.MultiDiscrete([2, 2]),
        "multi-binary": spaces.MultiBinary(2),
    }
    return made[kind]


def chance_of_staying(kind: str, action: Any) -> float:
    """Return the chance in [0, 1] that a `DecisionProbe` takes `action` for `stay`."""
    mean = float(np.mean(np.asarray(action, np.float64)))
    return float(np.clip((mean + 1) / 2 if kind == "box" else mean, 0.0, 1.0))


class ChainProbe(Probe):
    """A chain of states with known transitions, for algorithms that plan on a model.

    `P[s][a]` is a list of (probability, next state, reward, terminated), as in Gymnasium's
    toy-text environments. Action 1 moves right with probability 0.8, action 0 ends the episode
    and pays 0.1; the right end pays 1 and terminates. Moving right is best everywhere.
    """

    STATES = 5
    BEST = 1

    def __init__(self) -> None:
        super().__init__("discrete", "discrete")
        self.observation_space = spaces.Discrete(self.STATES)
        self.action_space = spaces.Discrete(2)
        self.P = {state: self._row(state) for state in range(self.STATES)}
        self.initial_state_distrib = np.eye(self.STATES)[0]

    def _row(self, state: int) -> dict[int, list[tuple[float, int, float, bool]]]:
        last = self.STATES - 1
        end = state + 1 >= last
        ahead = (0.8, min(state + 1, last), 1.0 if end else 0.0, end)
        return {0: [(1.0, state, 0.1, True)], 1: [ahead, (0.2, state, 0.0, False)]}

    def observe(self) -> int:
        """Return the state itself."""
        return self.context

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Begin at the left end."""
        super().reset(seed=seed)
        self.context = 0
        return self.observe(), {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Draw one of the transitions that `P` lists."""
        rows = self.P[self.context][int(action)]
        chosen = int(self.np_random.choice(len(rows), p=[row[0] for row in rows]))
        _, self.context, reward, terminated = rows[chosen]
        return self.result(reward, terminated=terminated)

"""What all bandit algorithms do around their choice of an arm: pull, learn, count the regret.

They solve one-step problems. On a longer task each of them takes every step for an episode of
its own: the reward counts, the state that it leads to does not.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import Space

from zoo import Progress, State, ZooError
from zoo_tabular.base import NumPyAlgorithm

REPORT_EVERY = 100
"""Pulls between two `Progress`."""


class BanditAlgorithm(NumPyAlgorithm):
    """A loop over a vector environment; subclasses choose arms and learn from their rewards.

    A subclass gives `make_arrays` (everything that it learns), `contexts` (what `choose` and
    `learn` are given of each observation), `choose`, `learn` and `agent`. With several copies of
    the environment all choices of a step are made before any of its rewards is seen.

    Reports the mean reward of a pull and, where the environment tells `info["regret"]`, the
    mean regret of a pull and the regret of all pulls so far.
    """

    def __init__(
        self,
        config: Any,
        observation_space: Space[Any],
        action_space: Space[Any],
        *,
        seed: int,
        device: str = "cpu",
    ) -> None:
        super().__init__(config, observation_space, action_space, seed=seed, device=device)
        if not (hasattr(action_space, "n") and hasattr(action_space, "start")):
            raise ZooError(f"{action_space} has no arms to pull", "It needs Discrete actions")
        self.n_arms, self.first_arm = int(action_space.n), int(action_space.start)
        self.rng = np.random.default_rng([seed, 0xBA2D])
        self.steps = self.episodes = 0
        self.regret: float | None = None
        self.arrays = self.make_arrays()

    @abstractmethod
    def make_arrays(self) -> dict[str, np.ndarray]:
        """Return what is learnt, before anything is; the arrays are changed in place."""

    @abstractmethod
    def contexts(self, observations: Any) -> Any:
        """Return a sequence with the context of each of a batch of observations."""

    @abstractmethod
    def choose(self, context: Any) -> int:
        """Return the arm to pull, from 0."""

    @abstractmethod
    def learn(self, context: Any, arm: int, reward: float) -> None:
        """Take in what an arm paid."""

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        """Pull until `steps` pulls are done; yields after every `REPORT_EVERY`."""
        observations, _ = env.reset()
        rewards_since, regret_since, since = 0.0, 0.0, 0
        while self.steps < steps:
            contexts = self.contexts(observations)
            arms = np.array([self.choose(context) for context in contexts])
            observations, rewards, terminated, truncated, infos = env.step(arms + self.first_arm)
            for context, arm, reward in zip(contexts, arms.tolist(), rewards.tolist(), strict=True):
                self.learn(context, arm, reward)
            ended = terminated | truncated
            self.episodes += int(ended.sum())
            before, self.steps = self.steps, self.steps + len(arms)
            since += len(arms)
            rewards_since += float(rewards.sum())
            if (regret := regret_of(infos, ended)) is not None:
                regret_since += regret
                self.regret = (self.regret or 0.0) + regret
            if self.steps // REPORT_EVERY > before // REPORT_EVERY or self.steps >= steps:
                metrics = {"train/reward": rewards_since / since}
                if self.regret is not None:
                    metrics |= {
                        "train/regret": self.regret,
                        "train/regret_per_step": regret_since / since,
                    }
                yield Progress(self.steps, self.episodes, metrics)
                rewards_since, regret_since, since = 0.0, 0.0, 0

    def state(self) -> State:
        """Return what was learnt, the counters and the generator."""
        return {
            "counts": [self.steps, self.episodes],
            "regret": self.regret,
            "arrays": {name: array.copy() for name, array in self.arrays.items()},
            "rng": self.rng.bit_generator.state,
        }

    def load_state(self, state: State) -> None:
        """Take over what `state` returned."""
        self.steps, self.episodes = state["counts"]
        self.regret = state["regret"]
        self.arrays = {name: np.array(array) for name, array in state["arrays"].items()}
        self.rng.bit_generator.state = state["rng"]


def any_largest(values: np.ndarray, rng: np.random.Generator) -> int:
    """Return the index of the largest of `values` (n,), any one of equals."""
    best = np.flatnonzero(values == values.max())
    return int(best[0] if len(best) == 1 else best[rng.integers(len(best))])


def regret_of(infos: Mapping[str, Any], ended: np.ndarray) -> float | None:
    """Return the regret of one step of all copies together, None where no copy tells it.

    What a copy told in the last step of its episode stands in `final_info`; `ended` (n,) bool
    says whose episode ended.
    """
    told = [
        source["regret"][rows & source["_regret"]]
        for source, rows in ((infos, ~ended), (infos.get("final_info", {}), ended))
        if "regret" in source
    ]
    regrets = np.concatenate(told) if told else np.empty(0)
    return float(regrets.sum()) if len(regrets) else None

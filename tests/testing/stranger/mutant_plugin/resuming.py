"""Faults of state and load_state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from reference_plugin.actor_critic import Adam, LinearActorCritic

from mutant_plugin.base import mutant
from zoo import Progress


class WithoutOptimiser(LinearActorCritic):
    def state(self) -> Any:
        return {key: value for key, value in super().state().items() if key != "optimiser"}

    def load_state(self, state: Any) -> None:
        super().load_state(state | {"optimiser": {}})


@mutant("exact_resume", "optimiser")
class ForgetsTheOptimiser(WithoutOptimiser):
    pass


@mutant("state_round_trip", "state()['optimiser']['actor']")
class IgnoresTheOptimiser(LinearActorCritic):
    def load_state(self, state: Any) -> None:
        super().load_state(state)
        self.optimiser = {name: Adam(array.shape) for name, array in self.weights.items()}


@mutant("exact_resume", "a resumed training ends differently")
class ForgetsTheGenerator(LinearActorCritic):
    def load_state(self, state: Any) -> None:
        mine = self.rng.bit_generator.state
        super().load_state(state | {"rng": mine})


@mutant("exact_resume", "the agent is another one after load_state")
class ForgetsTheWeights(LinearActorCritic):
    def load_state(self, state: Any) -> None:
        super().load_state(state | {"weights": self.weights})


@mutant("exact_resume", "Restore the counters")
class ForgetsTheCounters(LinearActorCritic):
    def load_state(self, state: Any) -> None:
        super().load_state(state | {"episodes": 0})


@mutant("exact_resume", "a resumed training ends differently")
class ForgetsBetweenObjects(LinearActorCritic):
    """Keeps what the optimiser knows in the class, where only one process finds it."""

    kept: ClassVar[dict[str, Any]] = {}

    def state(self) -> Any:
        type(self).kept = super().state()["optimiser"]
        return super().state() | {"optimiser": {}}

    def load_state(self, state: Any) -> None:
        super().load_state(state | {"optimiser": self.kept})

    def update(self, *batch: Any) -> float:
        loss = super().update(*batch)
        type(self).kept = super().state()["optimiser"]
        return loss


@mutant("exact_resume", "a resumed training ends differently")
class ForgetsWhereEpisodesBegin(LinearActorCritic):
    """Treats the first step of an episode differently, and a resumed row never as a first step."""

    start: np.ndarray
    next_start: np.ndarray

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        self.start = self.next_start = np.zeros(env.num_envs, np.bool_)
        yield from super().train(env, steps)

    def last(self, x_next: np.ndarray, done: np.ndarray, info: Any) -> np.ndarray:
        self.next_start = done
        return super().last(x_next, done, info)

    def update(self, x: Any, score: Any, r: Any, *rest: Any) -> float:
        r, self.start = r + self.start.mean(), self.next_start
        return super().update(x, score, r, *rest)


@mutant("resume_with_fresh_episodes", "starts afresh raises KeyError")
class InsistsOnResuming(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        if self.steps:
            _, info = env.reset()
            assert info["resumed"].all()
        yield from super().train(env, steps)


@mutant("resume_with_fresh_episodes", "Steps go on counting after load_state")
class StartsTheCountAnew(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        if "resumed" not in env.reset()[1]:
            self.steps = self.episodes = 0
        yield from super().train(env, steps)

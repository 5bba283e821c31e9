"""Faults of the training loop."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from reference_plugin.actor_critic import LinearActorCritic
from reference_plugin.planner import Planner

from mutant_plugin.base import mutant
from zoo import Progress


@mutant("reaches_an_update", "the agent is the same after")
class LongWarmUp(LinearActorCritic):
    def update(self, *batch: Any) -> float:
        return super().update(*batch) if self.steps > 10_000 else 0.0


@mutant("determinism_by_seed", "two trainings with seed 0 end differently")
class Unseeded(LinearActorCritic):
    def __init__(self, *spaces_: Any, **kwargs: Any) -> None:
        super().__init__(*spaces_, **kwargs)
        self.rng = np.random.default_rng()


@mutant("determinism_by_seed", "two trainings with seed 0 end differently")
class ReadsGlobalState(LinearActorCritic):
    def update(self, x: np.ndarray, *rest: Any) -> float:
        before = np.random.get_state()
        loss = super().update(x * np.random.uniform(0.9, 1), *rest)
        np.random.set_state(before)
        return loss


@mutant("determinism_by_seed", "two trainings with different seeds end with the same agent")
class IgnoresTheSeed(LinearActorCritic):
    def __init__(self, *spaces_: Any, seed: int, device: str) -> None:
        super().__init__(*spaces_, seed=7, device=device)


@mutant("global_rng_untouched", "train changes the global generator of numpy.random")
class ShufflesGlobally(LinearActorCritic):
    def update(self, x: np.ndarray, *rest: Any) -> float:
        np.random.permutation(len(x))
        return super().update(x, *rest)


@mutant("global_rng_untouched", "the constructor changes the global generator of random")
class SeedsGlobally(LinearActorCritic):
    def __init__(self, *spaces_: Any, seed: int, device: str) -> None:
        super().__init__(*spaces_, seed=seed, device=device)
        random.seed(seed)


@mutant(
    "progress_is_true",
    "has not converged",
    observations=("discrete",),
    actions=("discrete",),
    needs="model",
)
class StopsBeforeItHasConverged(Planner):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        return super().train(env, min(steps, self.sweeps + 3))


@mutant("progress_is_true", "Progress.steps decreases")
class StepsBack(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        for progress in super().train(env, steps):
            yield progress
            yield Progress(progress.steps - 1, progress.episodes)


@mutant("progress_is_true", "where the environments took")
class ForgetsCopies(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        for progress in super().train(env, steps * env.num_envs):
            yield Progress(progress.steps // env.num_envs, progress.episodes)


@mutant("progress_is_true", "episodes ended")
class CountsOneCopy(LinearActorCritic):
    def last(self, x_next: np.ndarray, done: np.ndarray, info: Any) -> np.ndarray:
        self.episodes -= int(np.sum(done[1:]))
        return super().last(x_next, done, info)


@mutant("progress_is_true", "train goes on at")
class Overshoots(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        yield from super().train(env, steps + 100)


@mutant("determinism_by_seed", "train does not end: it is at 16 steps")
class StandsStill(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        progress = next(super().train(env, steps))
        while True:
            yield progress


@mutant("progress_is_true", "train ends at")
class StopsShort(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        yield from super().train(env, max(steps - 100, 1))


@mutant("progress_is_true", "the metric 'train/batch' is")
class ReportsArrays(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        for p in super().train(env, steps):
            yield Progress(p.steps, p.episodes, {"train/batch": np.ones(3)})  # type: ignore[dict-item]


@mutant("learning_rates_fall", "config.learning_rate(max(1 - self.steps / steps, 0))")
class KeepsItsFirstRate(LinearActorCritic):
    def rate_at(self, remaining: float) -> float:
        return super().rate_at(1.0)


@mutant("learning_rates_fall", "Report the rate of the last update")
class ReportsItsFirstRate(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        for p in super().train(env, steps):
            rate = {"train/learning_rate": self.rate_at(1.0)}
            yield Progress(p.steps, p.episodes, {**p.metrics, **rate})


@mutant("learning_rates_fall", "learning_rate makes no difference")
class HasARateOfItsOwn(LinearActorCritic):
    def rate_at(self, remaining: float) -> float:
        return 0.03


@mutant("closes_early", "which cannot be closed")
class ReturnsAList(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Any:
        return list(super().train(env, steps))


@mutant("closes_early", "generator ignored GeneratorExit")
class RefusesToStop(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        try:
            yield from super().train(env, steps)
        finally:
            yield Progress(self.steps, self.episodes)


@mutant("closes_early", "Count in the algorithm, not in a local variable of train")
class CountsInTheLoop(LinearActorCritic):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        self.steps = self.episodes = 0
        yield from super().train(env, steps)

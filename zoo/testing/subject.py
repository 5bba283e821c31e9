"""The algorithm under test, and what checks do with it: build it, train it, compare it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np

from zoo.agent import Agent
from zoo.algorithm import Algorithm, Progress
from zoo.config.families import PROBE
from zoo.config.recipefile import RecipeFile
from zoo.config.recipes import Recipe, load_recipe, recipe_paths
from zoo.environments.make import vectorize
from zoo.environments.model import find_model
from zoo.errors import ZooError
from zoo.plugin.registry import get_registry
from zoo.plugin.specs import AlgorithmSpec
from zoo.testing.failure import ConformanceFailure, require
from zoo.testing.probes import BanditProbe, ChainProbe

LEARNING_STEPS = 3000
"""How long a probe is learnt where the recipe has no entry `probe`."""
SHORT_STEPS = 256
"""The least length of the trainings that are compared with one another."""
HORIZON = 7
PREFERRED = ("box", "discrete", "multi-discrete", "multi-binary", "dict", "image", "tuple")


@dataclass(eq=False)
class Subject:
    """An algorithm by name, with the config and the lengths that the suite trains it with.

    Nothing is imported before a check asks for it, so that collecting tests stays cheap.
    """

    name: str
    overrides: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None

    @cached_property
    def spec(self) -> AlgorithmSpec:
        """What the plugin registers."""
        return get_registry().algorithm(self.name)

    @cached_property
    def algorithm_class(self) -> type[Algorithm]:
        """The class that the spec's target names."""
        return get_registry().algorithm_class(self.name)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe `probe`, with the overrides."""
        return load_recipe(self.name, PROBE, overrides=dict(self.overrides))

    @cached_property
    def learning_steps(self) -> int:
        """How many steps a probe is learnt."""
        if self.steps is not None:
            return self.steps
        files = [RecipeFile.read(path) for path in recipe_paths(self.name)]
        known = any(PROBE in file for file in files)
        return self.recipe.settings.n_timesteps if known else LEARNING_STEPS

    @property
    def plans(self) -> bool:
        """Whether the algorithm is given a known model rather than experience."""
        return self.spec.needs == "model"

    @property
    def observations(self) -> str:
        """The kind of observation that checks use where any will do."""
        return next(kind for kind in PREFERRED if kind in self.spec.observations)

    @property
    def actions(self) -> str:
        """The kind of action that checks use where any will do."""
        return next(kind for kind in PREFERRED if kind in self.spec.actions)

    def pairs(self, *, all_of_them: bool) -> list[tuple[str, str]]:
        """Return (observations, actions) kinds: all pairs, or enough to have each kind once."""
        if self.plans:
            return [("discrete", "discrete")]
        pairs = [
            (observations, actions)
            for observations in self.spec.observations
            for actions in self.spec.actions
        ]
        if all_of_them:
            return pairs
        return [pair for pair in pairs if pair[0] == self.observations or pair[1] == self.actions]

    def build(self, env: Any, *, seed: int = 0) -> Algorithm:
        """Make a learner for the spaces of a vector environment."""
        return self.algorithm_class(
            self.recipe.config,
            env.single_observation_space,
            env.single_action_space,
            seed=seed,
            device="cpu",
        )

    def environment(
        self, make: Callable[[], gym.Env[Any, Any]], *, seed: int = 0, at_least: int = 1
    ) -> Any:
        """Return a vector environment of copies of a probe."""
        n_envs = max(self.recipe.settings.n_envs, at_least)
        return vectorize([make] * n_envs, seed=seed)

    def material(self, env: Any) -> Any:
        """Return what the algorithm's `train` is given: `env` itself, or its known model."""
        if not self.plans:
            return env
        model = find_model(env)
        if model is None:
            raise ZooError(f"{env.envs[0].unwrapped} has no known model to plan on")
        return model

    def default_probe(self) -> gym.Env[Any, Any]:
        """Make the probe for checks where any will do: episodes of varying length."""
        if self.plans:
            return ChainProbe()
        return BanditProbe(self.observations, self.actions, horizon=HORIZON)

    @contextmanager
    def trial(
        self,
        make: Callable[[], gym.Env[Any, Any]] | None = None,
        *,
        seed: int = 0,
        env_seed: int = 0,
        at_least: int = 1,
    ) -> Iterator[Trial]:
        """Open a training that has not begun, and close it at the end; `at_least` copies."""
        env = self.environment(make or self.default_probe, seed=env_seed, at_least=at_least)
        try:
            algorithm = self.build(env, seed=seed)
            trial = Trial(algorithm, env, self.material(env))
            try:
                yield trial
            finally:
                trial.abandon()
                algorithm.close()
        finally:
            env.close()

    @cached_property
    def short_steps(self) -> int:
        """Steps enough for four times Progress, and for at least `SHORT_STEPS`; planning that
        converges earlier takes as many as that.
        """
        with self.trial() as trial:
            for count, progress in enumerate(trial.run(self.learning_steps), start=1):
                if count >= 4 and (progress.steps >= SHORT_STEPS or not self.plans):
                    return max(progress.steps, SHORT_STEPS)
        last = trial.progress[-1].steps
        return last if self.plans else max(last, SHORT_STEPS)

    @cached_property
    def straight(self) -> Straight:
        """A short training without a stop, that others are compared with."""
        with self.trial() as trial:
            before = copies(trial.algorithm.agent())
            middle, pause, last = before, 0, 0
            for progress in trial.run(self.short_steps):
                rest, batch = self.short_steps - progress.steps, progress.steps - last
                last_chance = rest < max(2 * batch, self.short_steps // 7)
                half = progress.steps >= self.short_steps // 2
                telling = self.plans or last_chance or _is_telling(trial.env)
                if not pause and half and telling:
                    middle, pause = copies(trial.algorithm.agent()), progress.steps
                last = progress.steps
            after = copies(trial.algorithm.agent())
            return Straight(before, middle, after, trial.progress, pause)


@dataclass(frozen=True)
class Straight:
    """What a short training left: the agent's tensors at three moments, and the progress.

    The middle one is where others pause, after `pause` steps.
    """

    before: dict[str, np.ndarray]
    middle: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    progress: list[Progress]
    pause: int


def _is_telling(env: Any) -> bool:
    """Whether this is a good moment to stop and resume: an episode has just begun, or, where
    there is only one, it is under way.
    """
    begun = [getattr(copy.unwrapped, "elapsed", 0) == 0 for copy in env.envs]
    return any(begun) if len(begun) > 1 else not begun[0]


class Trial:
    """One training under way: an algorithm, its environment, and what it has yielded.

    `material` is what the algorithm trains on: the environment, or its known model.
    """

    def __init__(self, algorithm: Algorithm, env: Any, material: Any) -> None:
        self.algorithm, self.env, self.material = algorithm, env, material
        self.progress: list[Progress] = []
        self._stretch: Iterator[Progress] | None = None

    def run(self, steps: int, *, until: float = np.inf) -> Iterator[Progress]:
        """Train towards `steps`, yielding each Progress, and pause at the first from `until` on."""
        self._limit = 10 * steps + 10_000
        self._stretch = self.algorithm.train(self.material, steps)
        return self.go_on(until=until)

    def go_on(self, *, until: float = np.inf) -> Iterator[Progress]:
        """Take up a training that was paused."""
        assert self._stretch is not None
        for progress in self._stretch:
            require(
                isinstance(progress, Progress),
                f"train yielded {type(progress).__name__}",
                "Yield zoo.Progress(steps, episodes, metrics)",
            )
            self.progress.append(progress)
            require(
                max(progress.steps, len(self.progress)) < self._limit,
                f"train does not end: it is at {progress.steps} steps after "
                f"{len(self.progress)} Progress",
                "Return from train when Progress.steps reaches `steps`",
            )
            yield progress
            if progress.steps >= until:
                return

    def finish(self, steps: int) -> Agent:
        """Train until the end and return the agent."""
        for _ in self.run(steps):
            pass
        return self.algorithm.agent()

    def abandon(self) -> None:
        """Close a training that may be under way, whatever it says to that."""
        with suppress(Exception):
            self._stretch.close()  # type: ignore[union-attr]

    def stop(self) -> None:
        """Close a training that was paused, as the host does on Ctrl-C."""
        close = getattr(self._stretch, "close", None)
        require(
            close is not None,
            f"train returned {type(self._stretch).__name__}, which cannot be closed",
            "Write train as a generator, with `yield Progress(...)` in its loop",
        )
        assert close is not None
        try:
            close()
        except RuntimeError as error:
            raise ConformanceFailure(
                f"train cannot be stopped at a yield: {error}",
                "Do not yield in `finally` or after GeneratorExit",
            ) from error


def copies(agent: Agent) -> dict[str, np.ndarray]:
    """Return the agent's tensors as they are now."""
    return {name: np.array(tensor, copy=True) for name, tensor in agent.tensors().items()}


def same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Say whether two sets of tensors are equal bit for bit."""
    return one.keys() == other.keys() and all(
        array.dtype == other[name].dtype
        and array.shape == other[name].shape
        and array.tobytes() == other[name].tobytes()
        for name, array in one.items()
    )


def difference(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> str:
    """Return in words which tensor differs most, for messages."""
    if one.keys() != other.keys():
        return f"tensors {sorted(one)} against {sorted(other)}"
    for name, array in one.items():
        if array.shape != other[name].shape:
            return f"{name} has shape {array.shape} against {other[name].shape}"
    gaps = {
        name: float(np.max(np.abs(array.astype(np.float64) - other[name]), initial=0.0))
        for name, array in one.items()
    }
    worst = max(gaps, key=lambda name: gaps[name])
    return f"{worst} differs by up to {gaps[worst]:.3g}"

"""Evaluate an agent: over whole episodes, by raw returns, without favouring the short ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv

from zoo.acting import (
    AgentLike,
    EnvironmentLike,
    action_masks_of,
    algorithm_of,
    check_finite,
    failure,
    prepare,
)
from zoo.agent import Agent
from zoo.components import statistics
from zoo.environments.compatibility import check_agent_fits
from zoo.environments.make import make_evaluation
from zoo.errors import ZooError

MOST_COPIES = 10
EPISODES_PER_COPY = 2
LONGEST_EPISODE = 1_000_000
"""An episode of more steps counts as endless: its environment lacks a time limit."""

_SUCCESS = ("is_success", "success")
_STEPS_BETWEEN_CHECKS = 4096
_SIMULATORS = {"mujoco": "mujoco", "box2d": "box2d", "ale_py": "ale-py"}
"""what a module of the environment's classes has in its name -> the distribution"""


@dataclass(frozen=True)
class Evaluation:
    """What an agent is worth: statistics of the raw returns of whole episodes.

    `returns` and `lengths` are in the order in which the episodes ended. `ci95_return` is the
    95 % percentile bootstrap interval of the mean. `success_rate` is the share of episodes
    whose last info has a true `is_success` or `success`, None where no info has either.
    """

    algorithm: str | None
    env_id: str
    episodes: int
    seed: int
    deterministic: bool
    mean_return: float
    std_return: float
    median_return: float
    iqm_return: float
    ci95_return: tuple[float, float]
    mean_length: float
    success_rate: float | None
    returns: list[float]
    lengths: list[int]
    n_envs: int
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return all fields as plain data, every number finite."""
        return asdict(self) | {"ci95_return": list(self.ci95_return)}


class Episode(NamedTuple):
    """One counted episode; `success` is None where the environment does not tell."""

    total: float
    length: int
    success: bool | None


def evaluate(
    agent: AgentLike,
    env: EnvironmentLike = None,
    *,
    episodes: int = 100,
    seed: int = 0,
    n_envs: int | None = None,
    deterministic: bool = True,
    env_kwargs: Mapping[str, Any] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Evaluation:
    """Let `agent` play `episodes` whole episodes and return what it is worth.

    `agent` is an agent, a bundle or a reference; `env` an id or an `EnvironmentConfig`, by
    default the agent's own. `n_envs` copies run at once, and each contributes a number of
    episodes fixed beforehand: taking the first to end would favour the short ones. Copy i is
    first reset with `seed + i`; where the environment's own vector environment runs the copies,
    `seed` seeds all of it at once, so the episodes are others. Later resets have no seed;
    stochastic actions are drawn from `seed`, so the agent's own stream and its memory are left
    changed. `progress` is called with the number of episodes done.

    Raises `ZooError` where the agent does not fit the environment, the environment raises, an
    action or a reward is not finite, or an episode exceeds `LONGEST_EPISODE` steps.
    """
    if episodes < 1:
        raise ZooError(f"{episodes} episodes are too few to evaluate on", "Ask for at least one")
    actor, config = prepare(agent, env, env_kwargs)
    copies = min(default_copies(episodes) if n_envs is None else n_envs, episodes)
    vector = make_evaluation(config, copies, seed=seed)
    try:
        spaces = vector.single_observation_space, vector.single_action_space
        check_agent_fits(actor, *spaces, env_id=config.id)
        rollout = _Rollout(vector, actor, config.id, deterministic=deterministic)
        played = rollout.play(episodes, seed, progress or _ignore)
        versions = _versions(vector)
    finally:
        with suppress(Exception):  # what was measured is not worth less for it
            vector.close()
    return _summarise(
        played,
        algorithm=algorithm_of(actor),
        env_id=config.id,
        seed=seed,
        deterministic=deterministic,
        n_envs=copies,
        versions=versions,
    )


def default_copies(episodes: int) -> int:
    """Return how many copies run at once: few enough that the slowest holds up little work."""
    return max(min(MOST_COPIES, episodes // EPISODES_PER_COPY), 1)


class _Rollout:
    """An agent that plays in a vector environment, whichever way that resets its copies."""

    def __init__(self, env: VectorEnv, agent: Agent, name: str, *, deterministic: bool) -> None:
        self.env, self.agent, self.name = env, agent, name
        self.deterministic = deterministic
        self.mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self.masks = action_masks_of(agent, env)
        self.checks_actions = isinstance(agent.action_space, Box)

    def play(self, episodes: int, seed: int, progress: Callable[[int], object]) -> list[Episode]:
        """Return `episodes` episodes, as many of each copy as it was given to play."""
        n = self.env.num_envs
        left = [(episodes + i) // n for i in range(n)]  # as SB3's evaluate_policy shares them out
        totals, began = np.zeros(n), np.zeros(n, np.int64)
        resetting = None  # NEXT_STEP: the copies whose coming step only resets them
        played: list[Episode] = []
        self.agent.seed(seed)
        self.agent.reset()
        observations = self._reset(seed=seed)
        step = 0
        while len(played) < episodes:
            step += 1
            observations, rewards, terminated, truncated, infos = self._step(observations)
            totals += rewards
            done = terminated | truncated
            if resetting is not None:
                done &= ~resetting
                self._begin(resetting, totals, began, step)
                resetting = None
            if done.any():
                for i in np.flatnonzero(done).tolist():
                    if left[i]:
                        left[i] -= 1
                        played.append(self._episode(i, totals[i], step - began[i], infos))
                progress(len(played))
                if self.mode is AutoresetMode.NEXT_STEP:
                    resetting = done
                    continue
                if self.mode is AutoresetMode.DISABLED:
                    observations = self._reset(options={"reset_mask": done})
                self._begin(done, totals, began, step)
            if step % _STEPS_BETWEEN_CHECKS == 0:
                self._check_length(step - began)
        return played

    def _begin(self, rows: np.ndarray, totals: np.ndarray, began: np.ndarray, step: int) -> None:
        """Note that fresh episodes begin in `rows` (n,) bool after `step`."""
        totals[rows] = 0.0
        began[rows] = step
        self.agent.reset(rows)

    def _step(self, observations: Any) -> tuple[Any, Any, np.ndarray, np.ndarray, dict[str, Any]]:
        masks = None if self.masks is None else self.masks()
        actions = self.agent.act(observations, deterministic=self.deterministic, action_masks=masks)
        if self.checks_actions:
            check_finite(actions, self.name)
        try:
            return self.env.step(actions)
        except ZooError:
            raise
        except Exception as error:
            raise failure(self.name, "step", error) from error

    def _reset(self, **kwargs: Any) -> Any:
        try:
            return self.env.reset(**kwargs)[0]
        except ZooError:
            raise
        except Exception as error:
            raise failure(self.name, "reset", error) from error

    def _episode(self, i: int, total: float, length: int, infos: dict[str, Any]) -> Episode:
        if not np.isfinite(total):
            raise ZooError(
                f"environment {self.name} gave a reward that is not finite: the return of an "
                f"episode is {total}",
                "The fault lies in the environment's code",
            )
        if self.mode is AutoresetMode.SAME_STEP:
            infos = infos.get("final_info", {})
        return Episode(float(total), int(length), _success(infos, i))

    def _check_length(self, lengths: np.ndarray) -> None:
        if lengths.max() > LONGEST_EPISODE:
            raise ZooError(
                f"an episode of {self.name} has not ended after {LONGEST_EPISODE:,} steps",
                "Give the environment a time limit, such as the wrapper time-limit",
            )


def _success(infos: Mapping[str, Any], i: int) -> bool | None:
    """Return what the last info of copy i says; `_key` tells which copies have a `key`."""
    for key in _SUCCESS:
        told = infos.get(f"_{key}")
        if key in infos and (told is None or told[i]):
            return bool(infos[key][i])
    return None


def _summarise(played: list[Episode], **facts: Any) -> Evaluation:
    returns = [episode.total for episode in played]
    lengths = [episode.length for episode in played]
    told = any(episode.success is not None for episode in played)
    return Evaluation(
        episodes=len(played),
        mean_return=statistics.mean(returns),
        std_return=statistics.std(returns),
        median_return=statistics.median(returns),
        iqm_return=statistics.iqm(returns),
        ci95_return=statistics.bootstrap_ci(returns),
        mean_length=statistics.mean(lengths),
        success_rate=statistics.mean([bool(e.success) for e in played]) if told else None,
        returns=returns,
        lengths=lengths,
        **facts,
    )


def _versions(env: VectorEnv) -> dict[str, str]:
    """Return the versions of Gymnasium and of what simulates the environment."""
    copies = getattr(env, "envs", None)
    single = copies[0].unwrapped if copies else env.unwrapped
    modules = {cls.__module__ for cls in type(single).__mro__}
    distributions = ["agent-zoo", "numpy", "gymnasium"]
    for part, distribution in _SIMULATORS.items():
        if any(part in module for module in modules):
            distributions.append(distribution)
    root = type(single).__module__.partition(".")[0]
    if root not in ("gymnasium", "ale_py"):
        distributions.append(root)
    versions = {}
    for distribution in distributions:
        with suppress(PackageNotFoundError):
            versions[distribution] = version(distribution)
    return versions


def _ignore(done: int) -> None:
    """Show no progress."""

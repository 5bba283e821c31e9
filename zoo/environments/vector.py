"""A vector environment to train on, which can be put back into the middle of its episodes.

Environments cannot be saved, but an episode can be repeated: every reset draws its seed from a
generator of ours, and the actions since then are kept. A restored episode counts only when the
observation under way, the return and the length come out the same bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector.utils import concatenate, create_empty_array

from zoo.algorithm import State
from zoo.environments.episodes import ActionLog, SeededEpisodes
from zoo.environments.same_step import SameStepVectorEnv
from zoo.errors import ZooError


class ReplayableVectorEnv(SameStepVectorEnv):
    """Copies that are stepped one after the other, with autoreset in the same step.

    `state` and `load_state` save and restore the episodes under way. `take_episodes` returns
    the (return, length) of those that have finished, measured inside all wrappers: before
    rewards are clipped, and over lost lives.

    An algorithm that steps copies in processes of its own has them made there by what
    `elsewhere` returns, and tells of their episodes by `add_episodes`. Such copies are no part of
    `state`.
    """

    def __init__(
        self,
        factories: Sequence[Callable[[], gym.Env[Any, Any]]],
        *,
        seed: int,
        name: str = "",
        prepare: Callable[[], object] | None = None,
    ) -> None:
        """Make one copy by each factory; `seed` and a copy's index determine its episodes.

        `prepare` has to be called before the factories are, in a process that is not this one.
        """
        super().__init__([partial(_seeded, make) for make in factories], name=name)
        self._prepare = prepare
        self._finished: list[tuple[float, int]] = []
        self._episodes = [_episodes_of(env) for env in self.envs]
        for i, episodes in enumerate(self._episodes):
            episodes.rng = np.random.default_rng([seed, i])
            episodes.finished = self._finished
        self._log = ActionLog(self.single_action_space, self.num_envs)
        self._replayable = [True] * self.num_envs
        self._pending: tuple[np.ndarray, list[dict[str, Any]], State] | None = None
        for space in (self.action_space, self.single_action_space, self.observation_space,
                      self.single_observation_space):  # fmt: skip
            space.seed(seed)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin new episodes; or, after `load_state` and without a seed, continue the restored.

        In the second case `info["resumed"]` (num_envs,) bool tells which copies do.
        """
        pending, self._pending = self._pending, None
        if pending is not None and seed is None and options is None:
            return self._resume(*pending[:2])
        for episodes in self._episodes:
            episodes.abandoned = True
        try:
            return super().reset(seed=seed, options=options)
        finally:
            for episodes in self._episodes:
                episodes.abandoned = False

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Step all copies, and note the actions."""
        if self._array_actions:
            actions = np.asarray(actions)
            self._log.append(actions)
        return super().step(actions)

    def take_episodes(self) -> list[tuple[float, int]]:
        """Return (return, length) of the episodes that finished since the last call."""
        episodes = self._finished.copy()
        self._finished.clear()
        return episodes

    def add_episodes(self, episodes: Iterable[tuple[float, int]]) -> None:
        """Note (return, length) of episodes that finished elsewhere, for `take_episodes`."""
        self._finished.extend(episodes)

    def elsewhere(self, copies: Sequence[int], *, seed: int) -> Callable[[], ReplayableVectorEnv]:
        """Return what makes some of the copies anew, in another process, with episodes by `seed`.

        What it needs there goes with it when it is pickled: factories that are no functions of a
        module, such as lambdas, take cloudpickle, which Gymnasium brings.
        """
        factories = [self.env_fns[i] for i in copies]
        return partial(_made_elsewhere, factories, seed, self.name, self._prepare)

    def state(self) -> State:
        """Return what `load_state` needs to restore the episodes under way."""
        if self._pending is not None:
            return self._pending[2]  # nothing has happened since it was loaded
        leaves = None if self._first_reset else list(_leaves(self._batch(self._env_obs)))
        if leaves is not None and any(leaf.dtype == object for leaf in leaves):
            leaves = None  # observations of no fixed size are not kept, so not restored
        return {
            "started": not self._first_reset,
            "copies": [self._copy_state(i) for i in range(self.num_envs)],
            "log": self._log.state(),
            "observations": leaves,
            "finished": np.array(self._finished, np.float64).reshape(-1, 2),
            "spaces": [space.np_random.bit_generator.state for space in self._sampled_spaces()],
        }

    def load_state(self, state: State) -> np.ndarray:
        """Restore the episodes under way; return (num_envs,) bool, False where that failed.

        Such copies, and those of an environment that does not repeat itself, begin a fresh
        episode at the next reset, with the next seed of their generator. Raises `ZooError`
        where the state is that of another number of copies.
        """
        copies = state["copies"]
        if len(copies) != self.num_envs:
            raise ZooError(
                f"the state of {len(copies)} copies of {self.name} does not fit {self.num_envs}",
                "Continue with the number of environments that the run began with",
            )
        used = not self._first_reset
        self._log.load_state(state["log"])
        restored = np.ones(self.num_envs, np.bool_)
        infos: list[dict[str, Any]] = [{} for _ in copies]
        for i, copy in enumerate(copies):
            if used:
                self._rebuild(i)
            if state["started"]:
                restored[i], infos[i] = self._replay(i, copy, state["observations"])
            self._episodes[i].rng.bit_generator.state = copy["generator"]
        self._finished[:] = [(float(total), int(length)) for total, length in state["finished"]]
        for space, generator in zip(self._sampled_spaces(), state["spaces"], strict=True):
            space.np_random.bit_generator.state = generator
        self._pending = (restored.copy(), infos, state) if state["started"] else None
        self._first_reset = not state["started"]
        return restored

    def _reset_copy(
        self, i: int, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset one copy, and note whether that began an episode of the environment itself."""
        episodes = self._episodes[i]
        before, episodes.seeds = episodes.seeds, []
        result = super()._reset_copy(i, seed=seed, options=options)
        if episodes.seeds:
            self._log.began(i)
            self._replayable[i] = options is None
        else:  # a wrapper went on with the same episode, after a lost life
            episodes.seeds = before
            self._log.resets[i].append(self._log.steps)
        return result

    def _resume(
        self, restored: np.ndarray, each: list[dict[str, Any]]
    ) -> tuple[Any, dict[str, Any]]:
        infos: dict[str, Any] = {}
        for i in range(self.num_envs):
            if not restored[i]:
                self._env_obs[i], each[i] = self._reset_copy(i)
            infos = self._add_info(infos, each[i], i)
        infos["resumed"] = restored
        return self._batch(self._env_obs), infos

    def _copy_state(self, i: int) -> State:
        episodes = self._episodes[i]
        return {
            "generator": episodes.rng.bit_generator.state,
            "seeds": list(episodes.seeds) if self._replayable[i] and self._array_actions else [],
            "return": episodes.total,
            "length": episodes.length,
        }

    def _replay(
        self, i: int, copy: State, observations: list[np.ndarray] | None
    ) -> tuple[bool, dict[str, Any]]:
        """Repeat the episode of copy i; return whether it came out as it was, and its last info.

        Where it did not, the copy is made anew: its wrappers may be in the middle of something.
        """
        episodes = self._episodes[i]
        if copy["seeds"] and observations is not None and not _is_nondeterministic(self.envs[i]):
            episodes.replay = [int(seed) for seed in copy["seeds"]]
            episodes.finished = []  # those of the replay were counted the first time
            with suppress(Exception):  # an environment that cannot be repeated may fail anyhow
                self._env_obs[i], info = self._repeat(i)
                measured = (episodes.total, episodes.length) == (copy["return"], copy["length"])
                if measured and self._is_row(self._env_obs[i], observations, i):
                    episodes.replay, episodes.finished = [], self._finished
                    return True, info
        self._rebuild(i)
        self._log.began(i)
        return False, {}

    def _repeat(self, i: int) -> tuple[Any, dict[str, Any]]:
        """Reset copy i and pass it the noted actions, with the resets in between."""
        env, step, resets = self.envs[i], self._log.start[i], list(self._log.resets[i])
        observation, info = env.reset()
        for action in self._log.actions(i):
            observation, _, terminated, truncated, info = env.step(action)
            step += 1
            if bool(terminated or truncated) != (step in resets):
                raise ValueError("an episode ended at another step")
            while resets and resets[0] == step:
                observation, info = env.reset()
                resets.pop(0)
        return observation, info

    def _is_row(self, observation: Any, saved: list[np.ndarray], i: int) -> bool:
        """Whether an observation equals row i of the saved ones, bit for bit."""
        space = self.single_observation_space
        batch = concatenate(space, [observation], cast(Any, create_empty_array(space, 1)))
        rows = zip(_leaves(batch), saved, strict=True)
        return all(now[0].tobytes() == np.asarray(then)[i].tobytes() for now, then in rows)

    def _rebuild(self, i: int) -> None:
        """Make copy i anew, with the generator of the old one."""
        old = self._episodes[i]
        self.envs[i].close()
        self.envs[i] = self.env_fns[i]()
        self._episodes[i] = _episodes_of(self.envs[i])
        self._episodes[i].rng, self._episodes[i].finished = old.rng, self._finished

    def _sampled_spaces(self) -> list[spaces.Space[Any]]:
        """Return the action spaces, whose own generators algorithms may draw from."""
        return [*_subspaces(self.action_space), *_subspaces(self.single_action_space)]


def _made_elsewhere(
    factories: Sequence[Callable[[], gym.Env[Any, Any]]],
    seed: int,
    name: str,
    prepare: Callable[[], object] | None,
) -> ReplayableVectorEnv:
    if prepare is not None:
        prepare()
    return ReplayableVectorEnv(factories, seed=seed, name=name, prepare=prepare)


def _seeded(factory: Callable[[], gym.Env[Any, Any]]) -> gym.Env[Any, Any]:
    """Make an environment that has `SeededEpisodes` in it, outermost where it had none."""
    env = factory()
    try:
        _episodes_of(env)
    except LookupError:
        return SeededEpisodes(env)
    return env


def _episodes_of(env: gym.Env[Any, Any]) -> SeededEpisodes:
    while isinstance(env, gym.Wrapper):
        if isinstance(env, SeededEpisodes):
            return env
        env = env.env
    raise LookupError("no SeededEpisodes among the wrappers")


def _is_nondeterministic(env: gym.Env[Any, Any]) -> bool:
    return env.spec is not None and env.spec.nondeterministic


def _leaves(tree: Any) -> Iterator[np.ndarray]:
    """Yield the arrays of a batch of observations, in the order of the space."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _leaves(value)
    elif isinstance(tree, tuple):
        for value in tree:
            yield from _leaves(value)
    else:
        yield np.asarray(tree)


def _subspaces(space: spaces.Space[Any]) -> Iterator[spaces.Space[Any]]:
    yield space
    if isinstance(space, spaces.Dict):
        for inner in space.spaces.values():
            yield from _subspaces(inner)
    elif isinstance(space, spaces.Tuple):
        for inner in space.spaces:
            yield from _subspaces(inner)

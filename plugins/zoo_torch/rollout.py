"""Experience: what a policy has just done, as the arrays that an update learns from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from gymnasium.vector import AutoresetMode

from zoo import ZooError
from zoo_torch.actor_critic import ActorCritic
from zoo_torch.checks import check_actions, check_finite
from zoo_torch.normalization import ObservationNormalizer, RewardScaler

_LARGE = 1 << 12
"""Bytes of a row from which on arrays are copied by minibatches."""


class Rollout(NamedTuple):
    """T steps of n copies of the environment; row t * n + i is step t of copy i."""

    rows: np.ndarray
    """(T * n, inputs) float32: the observations as the networks read them; images as they are"""
    actions: np.ndarray
    """(T * n, ...): as the policy's distributions take them"""
    rewards: np.ndarray
    """(T, n) float32; where an episode was truncated, with the discounted value of its end"""
    dones: np.ndarray
    """(T, n) bool: whether the step ended an episode"""
    values: np.ndarray
    """(T, n) float32: V(s_t)"""
    last_values: np.ndarray
    """(n,) float32: V(s_T)"""
    outputs: np.ndarray | None = None
    """(T * n, outputs) float32: the policy's, kept where an encoder makes a second pass dear"""


@dataclass
class Senses:
    """What lies between the environment and the networks."""

    preprocess: Callable[[Any], np.ndarray]
    """A `Preprocess`, or `zoo_torch.rows.Rows`."""
    observations: ObservationNormalizer | None
    rewards: RewardScaler | None

    def rows(self, observations: Any) -> np.ndarray:
        """Return a batch of observations as the networks read it, (n, inputs) float32, or as an
        encoder does."""
        if self.observations is not None:
            observations = self.observations(observations)
        return np.ascontiguousarray(self.preprocess(observations))


class Collector:
    """Acts in a vector environment, and keeps where its episodes stand."""

    def __init__(
        self, env: Any, model: ActorCritic, senses: Senses, *, n_steps: int, gamma: float
    ) -> None:
        """Begin or go on with the copies' episodes; `ZooError` for a wrong autoreset mode."""
        require_same_step(env)
        self.env, self.model, self.senses = env, model, senses
        self.n_steps, self.gamma = n_steps, gamma
        self.episodes = 0
        """Episodes that ended since."""
        observations, info = env.reset()
        check_finite("observation", observations, "at a reset")
        resumed = np.asarray(info.get("resumed", np.zeros(env.num_envs, np.bool_)), np.bool_)
        self.resumed = resumed
        """Copies (n,) that go on with an episode from before."""
        if senses.rewards is not None:
            senses.rewards.begin(resumed)
        if senses.observations is not None and not resumed.all():
            senses.observations.update(_select(observations, ~resumed))
        self._row = senses.rows(observations)
        T, n, family = n_steps, env.num_envs, model.family
        self._rows = np.empty((T, *self._row.shape), self._row.dtype)
        self._actions = np.empty((T, n, *family.row), family.dtype)
        self._rewards, self._dones = np.empty((T, n), np.float32), np.empty((T, n), np.bool_)
        self._values = np.empty((T, n), np.float32)
        self._outputs = np.empty((T, n, family.outputs), np.float32)

    def collect(self, rng: np.random.Generator, steps: int) -> Rollout:
        """Act for T steps of each copy; the arrays are overwritten by the next call.

        `steps` have been taken before, for messages: `ZooError` where an observation or a reward
        is not finite.
        """
        model, family, env, n = self.model, self.model.family, self.env, self.env.num_envs
        noise = family.noise(rng, self.n_steps, n)
        ends: list[tuple[int, int, np.ndarray]] = []
        for t in range(self.n_steps):
            self._rows[t] = self._row
            with np.errstate(all="ignore"):  # what is not finite is refused at once
                outputs, values = model.act(self._seen(t))
                actions = family.draw(outputs, model.log_std, noise[t])
            check_actions(actions, steps)
            if model.encoder is not None:
                self._outputs[t] = outputs
            if values is not None:
                self._values[t] = values
            self._actions[t] = actions
            observations, rewards, terminated, truncated, infos = env.step(family.in_space(actions))
            steps += n
            check_finite("observation", observations, f"at step {steps:,}")
            check_finite("reward", rewards, f"at step {steps:,}")
            self._dones[t] = dones = terminated | truncated
            self._stepped(t, dones)
            if self.senses.observations is not None:
                self.senses.observations.update(observations)
            if self.senses.rewards is not None:
                rewards = self.senses.rewards(rewards, dones)
            self._rewards[t] = rewards
            if dones.any():
                self.episodes += int(dones.sum())
                for i in np.flatnonzero(truncated & ~terminated).tolist():
                    final = batch_of_one(infos["final_obs"][i])
                    check_finite("observation", final, f"at step {steps:,}", i)
                    ends.append((t, i, self.senses.rows(final)))
            self._row = self.senses.rows(observations)
        return self._finished(ends)

    @np.errstate(all="ignore")
    def _finished(self, ends: list[tuple[int, int, np.ndarray]]) -> Rollout:
        """Add the values; a truncated episode is worth what its last observation (t, i, row)
        promises (https://arxiv.org/abs/1712.00378, eq. 6)."""
        rows = self._rows.reshape(-1, *self._rows.shape[2:])
        for t, i, final in ends:  # one by one: there are a few, each time another number of them
            self._rewards[t, i] += self.gamma * self._value_at_end(t, i, final)[0]
        model, shape = self.model, self._rewards.shape
        return Rollout(
            rows,
            self._actions.reshape(len(rows), *model.family.row),
            self._rewards,
            self._dones,
            self._values if model.shares_features else model.values(rows).reshape(shape),
            model.values(self._seen(self.n_steps)),
            self._outputs.reshape(len(rows), -1) if model.encoder is not None else None,
        )

    def _seen(self, t: int) -> Any:
        """Return what the model is given at step t of a rollout, or at its end."""
        return self._row

    def _stepped(self, t: int, dones: np.ndarray) -> None:
        """Note that step t was taken, and which copies' episodes (n,) it ended."""

    def _value_at_end(self, t: int, i: int, row: np.ndarray) -> np.ndarray:
        """Return V (1,) of the last observation (1, *row) of copy i, whose episode step t ended."""
        return self.model.values(row)


class Shuffle:
    """Minibatches of a rollout, in another order in each epoch.

    The order is drawn once per epoch and the arrays are copied in it, so that a minibatch is a
    piece of memory which is not cut anew for each update. Of images, which take too much memory
    to have all of them twice, each minibatch is copied by itself.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], batch_size: int) -> None:
        """Make room for arrays like these; the last minibatch has the samples that are left."""
        self._size = len(next(iter(arrays.values())))
        large = {name for name, array in arrays.items() if array[0].nbytes > _LARGE}
        self._room = {n: np.empty_like(one) for n, one in arrays.items() if n not in large}
        self._part = {n: np.empty_like(arrays[n][:batch_size]) for n in sorted(large)}
        self._batches: list[tuple[slice, dict[str, np.ndarray]]] = []
        for start in range(0, self._size, batch_size):
            part = slice(start, min(start + batch_size, self._size))
            batch = {name: room[part] for name, room in self._room.items()}
            batch |= {name: room[: part.stop - start] for name, room in self._part.items()}
            self._batches.append((part, batch))

    def epoch(
        self, arrays: Mapping[str, np.ndarray], rng: np.random.Generator
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yield every sample once, in minibatches that last until the next one: the arrays as they
        are where one minibatch holds all of them, since order does not matter within it."""
        if len(self._batches) == 1:
            yield dict(arrays)
            return
        order = rng.permutation(self._size)
        for name, room in self._room.items():
            np.take(arrays[name], order, axis=0, out=room, mode="clip")
        for part, batch in self._batches:
            for name in self._part:
                np.take(arrays[name], order[part], axis=0, out=batch[name], mode="clip")
            yield batch


def require_same_step(env: Any) -> None:
    """Raise `ZooError` unless `env` gives the last observations of ended episodes at once."""
    mode = env.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.SAME_STEP:
        raise ZooError(
            f"a vector environment with autoreset mode {mode} cannot be learnt from",
            "Use one with AutoresetMode.SAME_STEP, as zoo.train makes them",
        )


def batch_of_one(observation: Any) -> Any:
    """Return an observation as a batch of one."""
    if isinstance(observation, dict):
        return {key: np.asarray(value)[None] for key, value in observation.items()}
    return np.asarray(observation)[None]


def _select(observations: Any, copies: np.ndarray) -> Any:
    if isinstance(observations, dict):
        return {key: value[copies] for key, value in observations.items()}
    return observations[copies]

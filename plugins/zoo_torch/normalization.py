"""Running normalisation of observations and rewards while training."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo import State, ZooError, did_you_mean
from zoo.agents.preprocess import Step
from zoo_torch.configuration import Normalize


class RunningMoments:
    """Mean and variance of all rows seen so far, in float64.

    Chan et al. (1979): https://en.wikipedia.org/wiki/Algorithms_for_calculating_variance#Parallel_algorithm
    It begins as if it had seen 1e-4 rows of mean 0 and variance 1.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.mean, self.var, self.count = np.zeros(shape), np.ones(shape), 1e-4

    def update(self, rows: np.ndarray) -> None:
        """Take in `rows` (n, *shape)."""
        n = len(rows)
        total = self.count + n
        mean = np.add.reduce(rows, axis=0, dtype=np.float64) / n
        spread = rows - mean
        spread *= spread
        delta = mean - self.mean
        squares = self.var * self.count + np.add.reduce(spread, axis=0)
        squares += delta * delta * (self.count * n / total)
        self.mean, self.var, self.count = self.mean + delta * (n / total), squares / total, total

    def state(self) -> State:
        return {"mean": np.array(self.mean), "var": np.array(self.var), "count": self.count}

    def load_state(self, state: State) -> None:
        self.mean, self.var = np.array(state["mean"]), np.array(state["var"])
        self.count = state["count"]


class ObservationNormalizer:
    """`clip((x - mean) / sqrt(var + epsilon), -clip, clip)`, for arrays or entries of dicts."""

    def __init__(
        self, settings: Normalize, space: Space[Any], images: Collection[str | None] = ()
    ) -> None:
        """Refuse, by a `ZooError`, observations that cannot be normalised.

        `images` are the entries that an encoder reads, None for all of the observation: they are
        left out.
        """
        self.settings = settings
        inner: dict[str, Space[Any]] = getattr(space, "spaces", {})
        keys = settings.norm_obs_keys
        if None in images or set(images) & set(keys or ()):
            raise ZooError(
                "normalize is not for images, which their encoder scales",
                "Set normalize: {norm_obs: false, norm_reward: true}",
            )
        if keys and not inner:
            raise ZooError(f"normalize.norm_obs_keys is for Dict observations, not {space}")
        for key in keys or ():
            if key not in inner:
                raise ZooError(
                    f"normalize.norm_obs_keys: the observations have no {key!r}",
                    did_you_mean(key, inner, otherwise=f"They have: {', '.join(inner)}"),
                )
        parts: dict[str | None, Space[Any]] = (
            {key: inner[key] for key in keys or inner if key not in images}
            if inner
            else {None: space}
        )
        for part in parts.values():
            if not isinstance(part, spaces.Box):
                raise ZooError(
                    f"normalize cannot normalise observations from {part}",
                    "Set normalize: {norm_obs: false}, or name the others in norm_obs_keys",
                )
        self.moments = {key: RunningMoments(part.shape or ()) for key, part in parts.items()}

    def update(self, observations: Any) -> None:
        """Take in a batch of observations."""
        for key, moments in self.moments.items():
            moments.update(observations if key is None else observations[key])

    def __call__(self, observations: Any) -> Any:
        """Return the batch normalised, as float32."""
        if None in self.moments:
            return self._normalize(observations, self.moments[None])
        normalized = {
            key: self._normalize(observations[key], moments)
            for key, moments in self.moments.items()
            if key is not None
        }
        return {**observations, **normalized}

    def steps(self) -> list[Step]:
        """Return the preprocessing of an agent that does the same."""
        settings = {"epsilon": self.settings.epsilon, "clip": self.settings.clip_obs}
        return [
            (
                "normalize",
                {"mean": moments.mean, "var": moments.var, **settings}
                | ({} if key is None else {"key": key}),
            )
            for key, moments in self.moments.items()
        ]

    def state(self) -> State:
        return {"each": [moments.state() for moments in self.moments.values()]}

    def load_state(self, state: State) -> None:
        for moments, saved in zip(self.moments.values(), state["each"], strict=True):
            moments.load_state(saved)

    def _normalize(self, x: np.ndarray, moments: RunningMoments) -> np.ndarray:
        x = (x - moments.mean) / np.sqrt(moments.var + self.settings.epsilon)
        clip = self.settings.clip_obs
        return np.minimum(np.maximum(x, -clip), clip).astype(np.float32)


class RewardScaler:
    """Divides rewards by the deviation of the discounted sum of rewards so far, and clips."""

    def __init__(self, settings: Normalize, gamma: float) -> None:
        self.settings, self.gamma = settings, gamma
        self.moments = RunningMoments(())
        self.sums = np.zeros(0)

    def begin(self, resumed: np.ndarray) -> None:
        """Start from 0 in the copies (n,) that do not go on with an episode."""
        if len(self.sums) != len(resumed):
            self.sums = np.zeros(len(resumed))
        self.sums[~resumed] = 0.0

    def __call__(self, rewards: np.ndarray, dones: np.ndarray) -> np.ndarray:
        """Return the rewards (n,) of a step scaled; `dones` (n,) ended their episode with it."""
        self.sums = self.sums * self.gamma + rewards
        self.moments.update(self.sums)
        self.sums[dones] = 0.0
        clip = self.settings.clip_reward
        scaled = rewards / np.sqrt(self.moments.var + self.settings.epsilon)
        return np.minimum(np.maximum(scaled, -clip), clip)

    def state(self) -> State:
        return {"moments": self.moments.state(), "sums": self.sums.copy()}

    def load_state(self, state: State) -> None:
        self.moments.load_state(state["moments"])
        self.sums = np.array(state["sums"])

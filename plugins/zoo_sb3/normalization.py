"""The running normalisation of observations, as part of an agent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.vec_env import VecNormalize

from zoo import ZooError

Moments = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Normalization:
    """`clip((x - mean) / sqrt(var + epsilon), -clip, clip)` with float64 statistics.

    `moments` holds (mean, var) of the observations, or of some entries of Dict observations by
    their keys; the key of observations that are arrays is None.
    """

    moments: dict[str | None, Moments]
    epsilon: float
    clip: float

    @classmethod
    def of(cls, normalizer: VecNormalize | None) -> Normalization | None:
        """Return a copy of what SB3 has measured; None where it leaves observations alone."""
        if normalizer is None or not normalizer.norm_obs:
            return None
        rms: Any = normalizer.obs_rms
        each = rms if isinstance(rms, dict) else {None: rms}
        moments = {key: (np.array(one.mean), np.array(one.var)) for key, one in each.items()}
        return cls(moments, float(normalizer.epsilon), float(normalizer.clip_obs))

    def __call__(self, observations: Any) -> Any:
        """Return normalised observations (n, ...) as float32."""
        if None in self.moments:
            return self._normalize(observations, self.moments[None])
        normalized = {
            key: self._normalize(observations[key], moments)
            for key, moments in self.moments.items()
            if key is not None
        }
        return {**observations, **normalized}

    def space(self, space: spaces.Space[Any]) -> spaces.Space[Any]:
        """Return the space that SB3 then learns in: it changes those of images only."""
        if isinstance(space, spaces.Dict):
            inner = (
                (key, self._bounded(one) if key in self.moments else one)
                for key, one in space.spaces.items()
            )
            return spaces.Dict(OrderedDict(inner))  # a plain dict would be sorted
        return self._bounded(space)

    def steps(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the preprocessing steps of a portable agent that do the same."""
        return [
            (
                "normalize",
                {"mean": mean, "var": var, "epsilon": self.epsilon, "clip": self.clip}
                | ({} if key is None else {"key": key}),
            )
            for key, (mean, var) in self.moments.items()
        ]

    def describe(self) -> dict[str, Any]:
        """Return all but the numbers that `tensors` returns, as JSON."""
        keys = [key for key in self.moments if key is not None]
        return {"epsilon": self.epsilon, "clip": self.clip, "keys": keys or None}

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the statistics as `normalize.<n>.mean` and `normalize.<n>.var`."""
        return {
            f"normalize.{i}.{name}": array
            for i, moments in enumerate(self.moments.values())
            for name, array in zip(("mean", "var"), moments, strict=True)
        }

    @classmethod
    def restore(
        cls, description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]
    ) -> Normalization:
        """Rebuild from what `describe` and `tensors` returned."""
        keys: list[str | None] = description["keys"] or [None]
        try:
            moments = {
                key: (tensors[f"normalize.{i}.mean"], tensors[f"normalize.{i}.var"])
                for i, key in enumerate(keys)
            }
        except KeyError as error:
            raise ZooError(f"the agent's weights lack {error}") from None
        return cls(moments, float(description["epsilon"]), float(description["clip"]))

    def _normalize(self, x: np.ndarray, moments: Moments) -> np.ndarray:
        mean, var = moments
        normalized = (x - mean) / np.sqrt(var + self.epsilon)
        return np.clip(normalized, -self.clip, self.clip).astype(np.float32)

    def _bounded(self, space: spaces.Space[Any]) -> spaces.Space[Any]:
        if not is_image_space(space):
            return space
        return spaces.Box(-self.clip, self.clip, space.shape, np.float32)

"""The running statistics of observations in a `vecnormalize.pkl`, read as data."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo.agents.preprocess import Step
from zoo.foreign import pickles
from zoo.foreign.arrays import NotPlain, explained, mapping, plain, shown, state_of
from zoo.foreign.records import is_made_by
from zoo.foreign.spaces import space
from zoo.storage.files import explain

_NORMALIZER = "stable_baselines3.common.vec_env.vec_normalize.VecNormalize"
_MOMENTS = "stable_baselines3.common.running_mean_std.RunningMeanStd"

Moments = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Statistics:
    """`clip((x - mean) / sqrt(var + epsilon), -clip, clip)`, by the keys of Dict observations.

    `moments` holds (mean, var), float64; the key of observations that are arrays is None.
    `observation_space` is the environment's, before anything is normalised.
    """

    moments: Mapping[str | None, Moments]
    epsilon: float
    clip: float
    observation_space: Space[Any]

    def steps(self) -> list[Step]:
        """Return the preprocessing of a portable agent."""
        return [
            (
                "normalize",
                {"mean": mean, "var": var, "epsilon": self.epsilon, "clip": self.clip}
                | ({} if key is None else {"key": key}),
            )
            for key, (mean, var) in self.moments.items()
        ]

    def seen(self, own: Space[Any]) -> Space[Any]:
        """Return the space of normalised observations: images are none afterwards."""
        if isinstance(own, spaces.Dict):
            inner = ((k, self._bounded(s) if k in self.moments else s) for k, s in own.items())
            return spaces.Dict(OrderedDict(inner))
        return self._bounded(own)

    def _bounded(self, own: Space[Any]) -> Space[Any]:
        if not isinstance(own, spaces.Box) or own.dtype != np.uint8:
            return own
        return spaces.Box(-self.clip, self.clip, own.shape, np.float32)


def read_statistics(path: Path) -> Statistics | None:
    """Read a pickled `VecNormalize`; None where it leaves observations alone."""
    with explain(path, "read"), open(path, "rb") as file:
        data = file.read(pickles.MAX_BYTES + 1)
    try:
        state = state_of(pickles.loads(data, str(path)), _NORMALIZER)
        if plain(state.get("norm_obs", True)) is False:
            return None
        return _statistics(state)
    except NotPlain as error:
        raise explained(error, str(path)) from error


def _statistics(state: Mapping[str, Any]) -> Statistics:
    rms = state.get("obs_rms")
    if isinstance(rms, dict) or is_made_by(rms, "collections.OrderedDict"):
        each: dict[str | None, Any] = dict(mapping(rms))
    else:
        each = {None: rms}
    observation_space = space(state.get("observation_space"))
    keys = plain(state.get("norm_obs_keys"))
    if isinstance(keys, list | tuple):
        each = {key: one for key, one in each.items() if key in keys}
    moments = {}
    for key, one in each.items():
        own = observation_space if key is None else _entry(observation_space, key)
        moments[key] = _moments(one)
        if moments[key][0].shape != own.shape:
            raise NotPlain("its statistics do not fit its observation space")
    return Statistics(
        moments,
        _number(state.get("epsilon", 1e-8), "epsilon"),
        _number(state.get("clip_obs", 10.0), "clip_obs"),
        observation_space,
    )


def _moments(value: Any) -> Moments:
    state = state_of(value, _MOMENTS)
    mean, var = (np.asarray(plain(state.get(name)), np.float64) for name in ("mean", "var"))
    if mean.shape != var.shape or not (np.isfinite(mean).all() and (var >= 0).all()):
        raise NotPlain("a mean and its variance do not fit each other")
    return mean, var


def _entry(own: Space[Any], key: str) -> Space[Any]:
    inner = own.spaces if isinstance(own, spaces.Dict) else {}
    if key not in inner:
        raise NotPlain(f"its statistics speak of {shown(key)}, which is not observed")
    return inner[key]


def _number(value: Any, name: str) -> float:
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float | np.floating):
        raise NotPlain(f"its {name} is {shown(value)} and no number")
    return float(number)

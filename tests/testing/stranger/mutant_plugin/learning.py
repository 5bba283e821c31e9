"""Faults of the update."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from reference_plugin.actor_critic import LinearActorCritic
from reference_plugin.planner import Planner

from mutant_plugin.base import mutant
from zoo import Progress


@mutant("bootstraps_at_truncation", "Bootstrap where an episode is truncated")
class IgnoresTruncation(LinearActorCritic):
    def last(self, x_next: np.ndarray, done: np.ndarray, info: Any) -> np.ndarray:
        return super().last(x_next, done, info) * ~done[:, None]


@mutant("stops_at_termination", "Do not bootstrap where an episode terminates")
class IgnoresTermination(LinearActorCritic):
    def update(self, x: Any, score: Any, r: Any, terminated: Any, x_last: Any) -> float:
        return super().update(x, score, r, np.zeros_like(terminated), x_last)


@mutant("bootstraps_from_final_observation", "info['final_obs']")
class BootstrapsFromTheNextEpisode(LinearActorCritic):
    def last(self, x_next: np.ndarray, done: np.ndarray, info: Any) -> np.ndarray:
        return x_next


class WrongSign(LinearActorCritic):
    def update(self, x: Any, score: Any, *rest: Any) -> float:
        return super().update(x, -score, *rest)


@mutant("learns_discrete_actions", "wrong sign")
class WrongSignDiscrete(WrongSign):
    pass


@mutant("learns_multi_discrete_actions", "wrong sign", actions=("multi-discrete",))
class WrongSignMultiDiscrete(WrongSign):
    pass


@mutant("learns_multi_binary_actions", "wrong sign", actions=("multi-binary",))
class WrongSignMultiBinary(WrongSign):
    pass


@mutant("learns_box_actions", "wrong sign")
class WrongSignBox(WrongSign):
    pass


@mutant("learns_box_actions", "one action for all contexts")
class IgnoresTheObservation(LinearActorCritic):
    def features(self, observations: Any) -> np.ndarray:
        return super().features(observations) * 0 + 1


@mutant(
    "learns_known_model",
    "the policy of the chain is",
    observations=("discrete",),
    actions=("discrete",),
    needs="model",
)
class ForgetsToBootstrap(Planner):
    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        for progress in super().train(env, steps):
            self.q[:, 1] -= 1
            yield progress

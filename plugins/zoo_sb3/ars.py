"""Augmented random search: learning by trying random changes of the policy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sb3_contrib
from gymnasium import spaces

from zoo import Progress
from zoo_sb3.base import SB3Algorithm
from zoo_sb3.configs.ars import ARSConfig


class ARS(SB3Algorithm):
    """Augmented random search, https://arxiv.org/abs/1803.07055, algorithm 2.

    Every direction is tried for whole episodes, so a run passes its number of steps by what is
    left of an update. More copies of the environment than `n_eval_episodes` are of no use.
    """

    Config = ARSConfig
    Model = sb3_contrib.ARS
    actions = (spaces.Box, spaces.Discrete)
    monitored = True  # directions are compared by the environment's own returns

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        model, callback = self.begin(env, steps)
        before = model.num_timesteps
        while True:
            if model.num_timesteps < steps:
                with self.streams:
                    model._update_current_progress_remaining(model.num_timesteps, steps)
                    model._do_one_update(callback, None)
                # SB3 counts a step of n copies up to n times
                model.num_timesteps = before + self.vec_env.steps
            yield self.progress()
            if model.num_timesteps >= steps:
                return

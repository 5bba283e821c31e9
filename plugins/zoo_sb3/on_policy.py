"""The algorithms that learn from what the current policy has just done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import sb3_contrib
import stable_baselines3
from gymnasium import Space, spaces

from zoo import Progress, ZooError
from zoo_sb3.base import SB3Algorithm
from zoo_sb3.configs.on_policy import (
    A2CConfig,
    MaskablePPOConfig,
    PPOConfig,
    RecurrentPPOConfig,
    TRPOConfig,
)

STEPS_PER_PROGRESS = 64
"""Least steps of each copy between yields: A2C's rollouts are short, and yielding costs."""


class OnPolicyAlgorithm(SB3Algorithm):
    """Rollout, update, rollout, update: the loop of SB3's `OnPolicyAlgorithm.learn`."""

    actions: ClassVar[tuple[type[Space[Any]], ...]] = (
        spaces.Box,
        spaces.Discrete,
        spaces.MultiDiscrete,
        spaces.MultiBinary,
    )
    rollout_options: ClassVar[tuple[str, ...]] = ()
    """Keys of the config that `collect_rollouts` takes."""

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        model, callback = self.begin(env, steps)
        options = {name: getattr(self.config, name) for name in self.rollout_options}
        while True:
            until = min(model.num_timesteps + STEPS_PER_PROGRESS * env.num_envs, steps)
            with self.streams:
                while model.num_timesteps < until:
                    model.collect_rollouts(
                        model.env, callback, model.rollout_buffer, model.n_steps, **options
                    )
                    model._update_current_progress_remaining(model.num_timesteps, steps)
                    model.train()
            yield self.progress()
            if model.num_timesteps >= steps:
                return

    def arguments(self, num_envs: int) -> dict[str, Any]:
        arguments = super().arguments(num_envs)
        return {name: arguments[name] for name in arguments if name not in self.rollout_options}


class PPO(OnPolicyAlgorithm):
    """Proximal policy optimisation, https://arxiv.org/abs/1707.06347."""

    Config = PPOConfig
    Model = stable_baselines3.PPO


class A2C(OnPolicyAlgorithm):
    """Advantage actor-critic, the synchronous form of https://arxiv.org/abs/1602.01783."""

    Config = A2CConfig
    Model = stable_baselines3.A2C


class TRPO(OnPolicyAlgorithm):
    """Trust region policy optimisation, https://arxiv.org/abs/1502.05477."""

    Config = TRPOConfig
    Model = sb3_contrib.TRPO


class RecurrentPPO(OnPolicyAlgorithm):
    """PPO with an LSTM before the policy and the value function.

    sb3-contrib 2.9 fails on the spaces that are left out here.
    """

    Config = RecurrentPPOConfig
    Model = sb3_contrib.RecurrentPPO
    observations = (spaces.Box, spaces.Discrete, spaces.MultiBinary)
    actions = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete)


class MaskablePPO(OnPolicyAlgorithm):
    """PPO that leaves out invalid actions, https://arxiv.org/abs/2006.14171."""

    Config = MaskablePPOConfig
    Model = sb3_contrib.MaskablePPO
    actions = OnPolicyAlgorithm.actions[1:]
    rollout_options = ("use_masking",)

    def check_environment(self) -> None:
        if self.config.use_masking and not self.vec_env.has_attr("action_masks"):
            raise ZooError(
                "the environment does not say which actions are valid: it has no action_masks()",
                "Use sb3-ppo, or set use_masking to false",
            )

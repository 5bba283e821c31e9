"""The algorithms that learn from a replay buffer of everything done so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sb3_contrib
import stable_baselines3
from gymnasium import spaces
from stable_baselines3.common.noise import (
    ActionNoise,
    NormalActionNoise,
    OrnsteinUhlenbeckActionNoise,
    VectorizedActionNoise,
)
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer

from zoo import Progress, ZooError
from zoo_sb3.base import SB3Algorithm
from zoo_sb3.configs.off_policy import (
    CrossQConfig,
    DDPGConfig,
    DQNConfig,
    QRDQNConfig,
    SACConfig,
    TD3Config,
    TQCConfig,
)

UPDATES_PER_PROGRESS, STEPS_PER_PROGRESS = 64, 512
"""Gradient steps, and steps of each copy, after which to yield: yielding costs a little."""


class OffPolicyAlgorithm(SB3Algorithm):
    """Act a little, learn a little: the loop of SB3's `OffPolicyAlgorithm.learn`."""

    def train(self, env: Any, steps: int) -> Iterator[Progress]:
        model, callback = self.begin(env, steps)
        while True:
            updates = 0
            until = min(model.num_timesteps + STEPS_PER_PROGRESS * env.num_envs, steps)
            with self.streams:
                while model.num_timesteps < until and updates < UPDATES_PER_PROGRESS:
                    rollout = model.collect_rollouts(
                        model.env,
                        callback,
                        model.train_freq,
                        model.replay_buffer,
                        model.action_noise,
                        model.learning_starts,
                    )
                    if model.num_timesteps <= model.learning_starts:
                        continue
                    gradient_steps = model.gradient_steps
                    if gradient_steps < 0:  # as many as steps of the environment
                        gradient_steps = rollout.episode_timesteps
                    if gradient_steps > 0:
                        model.train(batch_size=model.batch_size, gradient_steps=gradient_steps)
                        updates += gradient_steps
            yield self.progress()
            if model.num_timesteps >= steps:
                return

    def arguments(self, num_envs: int) -> dict[str, Any]:
        arguments = super().arguments(num_envs)
        kwargs = self.config.replay_buffer_kwargs
        if self.config.replay_buffer_class == "her":
            arguments["replay_buffer_class"] = HerReplayBuffer
        arguments["replay_buffer_kwargs"] = kwargs and kwargs.model_dump(exclude_none=True)
        return arguments

    def check_environment(self) -> None:
        freq = self.config.train_freq
        if isinstance(freq, tuple) and freq[1] == "episode" and self.vec_env.num_envs > 1:
            raise ZooError(
                f"train_freq {list(freq)} counts episodes, which works with one copy of the "
                f"environment and not with {self.vec_env.num_envs}",
                "Use --n-envs 1, or a train_freq in steps",
            )
        hindsight = self.config.replay_buffer_class == "her"
        if hindsight and not self.vec_env.has_attr("compute_reward"):
            raise ZooError(
                "replay_buffer_class: her needs an environment that has compute_reward()",
                "Leave replay_buffer_class out, or use an environment with goals",
            )


class DQN(OffPolicyAlgorithm):
    """Deep Q-network, https://arxiv.org/abs/1312.5602."""

    Config = DQNConfig
    Model = stable_baselines3.DQN
    actions = (spaces.Discrete,)


class QRDQN(OffPolicyAlgorithm):
    """Quantile-regression DQN, https://arxiv.org/abs/1710.10044."""

    Config = QRDQNConfig
    Model = sb3_contrib.QRDQN
    actions = (spaces.Discrete,)


class ActorAlgorithm(OffPolicyAlgorithm):
    """What has an actor, to whose actions noise may be added."""

    def arguments(self, num_envs: int) -> dict[str, Any]:
        arguments = super().arguments(num_envs)
        kind, std = arguments.pop("noise_type"), arguments.pop("noise_std")
        return arguments | {"action_noise": self._noise(kind, std, num_envs)}

    def _noise(self, kind: str | None, std: float, num_envs: int) -> ActionNoise | None:
        """Return noise for every component of the scaled action, as RL Zoo makes it."""
        if kind is None:
            return None
        size = int(np.prod(self.action_space.shape or ()))
        made = {"normal": NormalActionNoise, "ornstein-uhlenbeck": OrnsteinUhlenbeckActionNoise}
        noise = made[kind](np.zeros(size), std * np.ones(size))
        return noise if num_envs == 1 else VectorizedActionNoise(noise, num_envs)


class DDPG(ActorAlgorithm):
    """Deep deterministic policy gradient, https://arxiv.org/abs/1509.02971."""

    Config = DDPGConfig
    Model = stable_baselines3.DDPG


class TD3(ActorAlgorithm):
    """Twin delayed DDPG, https://arxiv.org/abs/1802.09477."""

    Config = TD3Config
    Model = stable_baselines3.TD3


class SAC(ActorAlgorithm):
    """Soft actor-critic, https://arxiv.org/abs/1801.01290."""

    Config = SACConfig
    Model = stable_baselines3.SAC


class TQC(ActorAlgorithm):
    """Truncated quantile critics, https://arxiv.org/abs/2005.04269."""

    Config = TQCConfig
    Model = sb3_contrib.TQC


class CrossQ(ActorAlgorithm):
    """SAC with batch normalisation and no target networks, https://arxiv.org/abs/1902.05605."""

    Config = CrossQConfig
    Model = sb3_contrib.CrossQ

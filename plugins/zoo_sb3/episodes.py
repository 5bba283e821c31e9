"""How training takes up its episodes: from the start, or where it was interrupted."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.buffers import NStepReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer

from zoo_sb3.state import load_noise_state, noise_state
from zoo_sb3.vec_env import HostVecEnv


def begin_episodes(model: Any, vec_env: HostVecEnv, steps: int) -> BaseCallback:
    """Reset the environment as SB3's `learn` does."""
    return model._setup_learn(steps)[1]


def continue_episodes(model: Any, vec_env: HostVecEnv, steps: int) -> BaseCallback:
    """Go on in the middle of the episodes that the host has restored.

    For the others, which begin anew, the old episode's end is made known to the replay buffer.
    The observations that come back have been counted by the normaliser before.
    """
    normalizer = model.get_vec_normalize_env()
    if normalizer is not None:
        returns, normalizer.training = normalizer.returns, False
    model._last_obs = model.env.reset()
    resumed = vec_env.resumed
    if normalizer is not None:
        normalizer.returns, normalizer.training = np.where(resumed, returns, 0.0), True
        model._last_original_obs = normalizer.get_original_obs()
    model._last_episode_starts = ~resumed | model._last_episode_starts
    noise = noise_state(model.action_noise)
    _, callback = model._setup_learn(steps - model.num_timesteps, reset_num_timesteps=False)
    load_noise_state(model.action_noise, noise, resumed)
    if getattr(model, "replay_buffer", None) is not None:
        _cut_off(model.replay_buffer, np.flatnonzero(~resumed))
    return callback


def _cut_off(buffer: Any, copies: np.ndarray) -> None:
    """Mark the newest transitions of `copies` as the last of their episodes."""
    newest = (buffer.pos - 1) % buffer.buffer_size
    if not buffer.full and buffer.pos == 0:
        return
    if isinstance(buffer, HerReplayBuffer):
        for copy in copies[buffer._current_ep_start[copies] != buffer.pos].tolist():
            buffer._compute_episode_length(copy)
            buffer.dones[newest, copy] = 1.0
            buffer.timeouts[newest, copy] = float(buffer.handle_timeout_termination)
    elif buffer.optimize_memory_usage:  # its next observation is overwritten
        buffer.dones[newest, copies] = 1.0
    elif isinstance(buffer, NStepReplayBuffer):
        ended = buffer.dones[newest, copies] > 0
        buffer.timeouts[newest, copies[~ended]] = 1.0

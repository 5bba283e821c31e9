"""A model of SB3 as a tree of plain data and arrays, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.noise import OrnsteinUhlenbeckActionNoise, VectorizedActionNoise
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from zoo import State

COUNTERS = (
    "num_timesteps",
    "_total_timesteps",
    "_current_progress_remaining",
    "_episode_num",
    "_n_updates",
    "_n_calls",
    "exploration_rate",
)
"""Numbers of SB3's models, as far as they have them."""
REPLAY_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
HINDSIGHT_ARRAYS = ("ep_start", "ep_length")


def model_state(model: Any) -> State:
    """Return everything in `model` that learning changes, all of it copied."""
    modules, tensors = model._get_torch_save_params()
    state: State = {
        "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
        "modules": {name: _module_state(_at(model, name)) for name in modules},
        "tensors": {name: _array(_at(model, name)) for name in tensors},
        "actions": model.action_space.np_random.bit_generator.state,
        "noise": noise_state(model.action_noise),
    }
    if model._last_episode_starts is not None:
        state["episode_starts"] = np.array(model._last_episode_starts, np.bool_)
    normalizer = model.get_vec_normalize_env()
    if normalizer is not None:
        state["normalizer"] = _normalizer_state(normalizer)
    if getattr(model, "replay_buffer", None) is not None:
        state["replay"] = _replay_state(model.replay_buffer)
    if getattr(model, "_last_lstm_states", None) is not None:
        state["lstm"] = [[_array(part) for part in pair] for pair in model._last_lstm_states]
    if getattr(model, "weights", None) is not None:  # of ARS
        state["weights"] = _array(model.weights)
    return state


def load_model_state(model: Any, state: State) -> None:
    """Put `state` into a model that was built with the same config for as many copies."""
    for name, value in state["counters"].items():
        setattr(model, name, value)
    for name, saved in state["modules"].items():
        _load_module_state(_at(model, name), saved)
    for name, array in state["tensors"].items():
        _at(model, name).data.copy_(_tensor(array))
    model.action_space.np_random.bit_generator.state = state["actions"]
    load_noise_state(model.action_noise, state["noise"])
    if "episode_starts" in state:
        model._last_episode_starts = state["episode_starts"].copy()
    if "normalizer" in state:
        _load_normalizer_state(model.get_vec_normalize_env(), state["normalizer"])
    if "replay" in state:
        _load_replay_state(model.replay_buffer, state["replay"])
    if "lstm" in state:
        old = model._last_lstm_states
        pairs = (tuple(_tensor(part).to(model.device) for part in p) for p in state["lstm"])
        model._last_lstm_states = type(old)(*pairs)
    if "weights" in state:
        model.weights = _tensor(state["weights"]).to(model.device)


def noise_state(noise: Any) -> list[Any]:
    """Return where each copy's Ornstein-Uhlenbeck process is; nothing for other noise."""
    return [one.noise_prev.copy() for one in _processes(noise)]


def load_noise_state(noise: Any, state: list[Any], copies: np.ndarray | None = None) -> None:
    """Put the processes where `state` says, those of `copies` (num_envs,) bool only if given."""
    for i, (process, previous) in enumerate(zip(_processes(noise), state, strict=True)):
        if copies is None or copies[i]:
            process.noise_prev = np.array(previous)


def _processes(noise: Any) -> list[OrnsteinUhlenbeckActionNoise]:
    each = noise.noises if isinstance(noise, VectorizedActionNoise) else [noise]
    return [one for one in each if isinstance(one, OrnsteinUhlenbeckActionNoise)]


def _at(model: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        model = getattr(model, name)
    return model


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(array))


def _module_state(module: Any) -> State:
    """Return a network's parameters and buffers, or an optimiser's memory and step sizes.

    An optimiser's other settings come from the config.
    """
    state = module.state_dict()
    if not isinstance(module, torch.optim.Optimizer):
        return {name: _array(tensor) for name, tensor in state.items()}
    return {
        "memory": {
            str(index): {
                name: _array(value) if isinstance(value, torch.Tensor) else value
                for name, value in memory.items()
            }
            for index, memory in state["state"].items()
        },
        "learning_rates": [float(group["lr"]) for group in state["param_groups"]],
    }


def _load_module_state(module: Any, saved: State) -> None:
    if not isinstance(module, torch.optim.Optimizer):
        module.load_state_dict({name: _tensor(array) for name, array in saved.items()})
        return
    state = module.state_dict()
    state["state"] = {
        int(index): {
            name: _tensor(value) if isinstance(value, np.ndarray) else value
            for name, value in memory.items()
        }
        for index, memory in saved["memory"].items()
    }
    for group, rate in zip(state["param_groups"], saved["learning_rates"], strict=True):
        group["lr"] = rate
    module.load_state_dict(state)


def _normalizer_state(normalizer: VecNormalize) -> State:
    state = {"returns": normalizer.returns.copy(), "ret_rms": _moments(normalizer.ret_rms)}
    if normalizer.norm_obs:
        rms = normalizer.obs_rms
        state["obs_rms"] = (
            {key: _moments(one) for key, one in rms.items()}
            if isinstance(rms, dict)
            else _moments(rms)
        )
    return state


def _load_normalizer_state(normalizer: VecNormalize, state: State) -> None:
    normalizer.returns = np.array(state["returns"])
    _load_moments(normalizer.ret_rms, state["ret_rms"])
    if not normalizer.norm_obs:
        return
    if isinstance(normalizer.obs_rms, dict):
        for key, one in normalizer.obs_rms.items():
            _load_moments(one, state["obs_rms"][key])
    else:
        _load_moments(normalizer.obs_rms, state["obs_rms"])


def _moments(rms: RunningMeanStd) -> State:
    return {"mean": np.array(rms.mean), "var": np.array(rms.var), "count": float(rms.count)}


def _load_moments(rms: RunningMeanStd, state: State) -> None:
    rms.mean, rms.var = np.array(state["mean"]), np.array(state["var"])
    rms.count = state["count"]


def _replay_state(buffer: Any) -> State:
    """Return the part of a replay buffer that is filled."""
    size = buffer.buffer_size if buffer.full else buffer.pos
    state: State = {"pos": buffer.pos, "full": buffer.full}
    for name in REPLAY_ARRAYS:
        # Where observations are kept once, the newest one's successor is in the next row
        more = name == "observations" and buffer.optimize_memory_usage
        if hasattr(buffer, name):
            state[name] = _rows(getattr(buffer, name), size + more)
    if hasattr(buffer, "_current_ep_start"):
        state["_current_ep_start"] = buffer._current_ep_start.copy()
        for name in HINDSIGHT_ARRAYS:
            state[name] = _rows(getattr(buffer, name), size)
    return state


def _rows(arrays: Any, size: int) -> Any:
    if isinstance(arrays, dict):
        return {key: array[:size].copy() for key, array in arrays.items()}
    return arrays[:size].copy()


def _load_replay_state(buffer: Any, state: State) -> None:
    for name, value in state.items():
        current = getattr(buffer, name)
        if isinstance(current, dict):
            for key, array in value.items():
                current[key][: len(array)] = array
        elif isinstance(current, np.ndarray):
            current[: len(value)] = value
        else:
            setattr(buffer, name, value)

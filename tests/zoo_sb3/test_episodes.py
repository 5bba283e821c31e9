"""Copies whose episode could not be restored: learning does not run across the gap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.zoo_sb3.learners import Reach, cartpole, learner, pendulum
from zoo_sb3 import off_policy, on_policy

SMALL = {"learning_starts": 10_000, "buffer_size": 300}


def resumed_with(
    algorithm_class: Any, make: Any, config: dict[str, Any], restored: list[bool], steps: int
) -> tuple[Any, Any, Any]:
    """Return (state, learner, its model): only the copies marked True were restored."""
    first, env = learner(algorithm_class, make, config, num_envs=len(restored))
    for _ in first.train(env, steps):
        pass
    again, env = learner(algorithm_class, make, config, num_envs=len(restored))
    again.load_state(first.state())
    fresh = env.reset

    def reset(**kwargs: Any) -> Any:
        observations, infos = fresh(**kwargs)
        return observations, {**infos, "resumed": np.array(restored)}

    env.reset = reset
    model, _ = again.begin(env, steps + 100)
    return first.model, again, model


def test_starts_of_episodes_are_known() -> None:
    _, _, model = resumed_with(on_policy.A2C, cartpole, {}, [True, False], 50)
    assert model._last_episode_starts.tolist() == [False, True]
    assert model.num_timesteps == 50


def test_n_step_returns_end_at_the_gap() -> None:
    config = {**SMALL, "n_steps": 3}
    before, _, model = resumed_with(off_policy.DQN, cartpole, config, [True, False], 40)
    last = model.replay_buffer.pos - 1
    assert not before.replay_buffer.dones[last].any()
    assert model.replay_buffer.timeouts[last].tolist() == [0.0, 1.0]
    assert not model.replay_buffer.dones[last].any()


def test_an_overwritten_next_observation_is_not_bootstrapped_from() -> None:
    config = {
        **SMALL,
        "optimize_memory_usage": True,
        "replay_buffer_kwargs": {"handle_timeout_termination": False},
    }
    _, _, model = resumed_with(off_policy.DQN, cartpole, config, [False, True], 40)
    assert model.replay_buffer.dones[model.replay_buffer.pos - 1].tolist() == [1.0, 0.0]


def test_hindsight_ends_the_episode_at_the_gap() -> None:
    config = {**SMALL, "replay_buffer_class": "her"}
    before, _, model = resumed_with(off_policy.SAC, Reach, config, [True, False], 70)
    buffer, steps = model.replay_buffer, 35
    assert before.replay_buffer.ep_length[steps - 1].tolist() == [0, 0]
    assert buffer.ep_length[steps - 1].tolist() == [0, 15]  # 20 steps before, 15 since
    assert buffer.timeouts[steps - 1].tolist() == [0.0, 1.0]
    assert buffer._current_ep_start.tolist() == [20, 35]


def test_a_gap_in_an_empty_buffer_is_none() -> None:
    algorithm, env = learner(off_policy.DQN, cartpole, {**SMALL, "n_steps": 3})
    algorithm.begin(env, 100)
    model, _ = algorithm.begin(env, 100)
    assert not model.replay_buffer.timeouts.any()


def test_noise_and_returns_go_on_where_the_episode_does() -> None:
    config = {
        **SMALL,
        "learning_starts": 0,
        "gradient_steps": 0,
        "normalize": True,
        "noise_type": "ornstein-uhlenbeck",
        "noise_std": 1.0,
    }
    before, _, model = resumed_with(off_policy.TD3, pendulum, config, [True, False], 60)
    was, now = before.action_noise.noises, model.action_noise.noises
    assert now[0].noise_prev == was[0].noise_prev != 0
    assert now[1].noise_prev == 0 != was[1].noise_prev
    then, there = before.get_vec_normalize_env(), model.get_vec_normalize_env()
    assert there.returns.tolist() == [then.returns[0], 0.0]
    np.testing.assert_array_equal(there.obs_rms.mean, then.obs_rms.mean)
    assert there.obs_rms.count == then.obs_rms.count
    np.testing.assert_array_equal(model._last_obs, there.normalize_obs(model._last_original_obs))
    assert there.training


@pytest.mark.parametrize("whole", [True, False])
def test_an_environment_that_restores_nothing_starts_afresh(whole: bool) -> None:
    algorithm, env = learner(on_policy.A2C, cartpole, {}, num_envs=2)
    for _ in algorithm.train(env, 50):
        pass
    if whole:  # without `resumed` in the infos at all
        env.reset()
    *_, last = algorithm.train(env, 100)
    assert last.steps == 100

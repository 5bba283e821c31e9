"""What the configs of the deep algorithms refuse."""

from __future__ import annotations

import numpy as np
import pytest

import zoo
from zoo import ZooError
from zoo.config.schema import validate
from zoo_actor_critic.a2c import A2C, A2CConfig


@pytest.mark.parametrize("log_std_init", [-20.1, 1000])
def test_deviations_that_float32_cannot_compute_with_are_refused(log_std_init: float) -> None:
    with pytest.raises(ZooError, match=r"policy_kwargs\.log_std_init.*must be"):
        validate(A2CConfig, {"policy_kwargs": {"log_std_init": log_std_init}})


@pytest.mark.parametrize("log_std_init", [-20, 20])
def test_the_least_and_the_largest_are_learnt_with(log_std_init: float) -> None:
    from zoo.environments.make import make_vector

    env = make_vector(zoo.EnvironmentConfig("Pendulum-v1"), 2, seed=0)
    config = validate(A2CConfig, {"policy_kwargs": {"log_std_init": log_std_init}})
    a2c = A2C(config, env.single_observation_space, env.single_action_space, seed=0)
    *_, progress = a2c.train(env, 200)
    assert a2c.updates == 200 // (2 * 5)
    assert np.isfinite(a2c.model.parameters).all()
    assert all(np.isfinite(number) for number in progress.metrics.values())

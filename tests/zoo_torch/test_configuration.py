"""What the configs of the deep algorithms refuse."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import BaseModel

import zoo
from zoo import ZooError
from zoo.config.schema import describe, validate
from zoo_actor_critic.a2c import A2C, A2CConfig
from zoo_actor_critic.q_actor_critic import QActorCriticConfig
from zoo_actor_critic.td_actor_critic import TDActorCriticConfig


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


@pytest.mark.parametrize("config_class", [TDActorCriticConfig, QActorCriticConfig])
def test_what_reads_no_images_takes_no_encoder(config_class: type[BaseModel]) -> None:
    with pytest.raises(ZooError, match=r"'policy_kwargs\.encoder': unknown key"):
        validate(config_class, {"policy_kwargs": {"encoder": "flatten"}})
    assert not any("encoder" in key.name for key in describe(config_class))
    assert any("encoder" in key.name for key in describe(A2CConfig))

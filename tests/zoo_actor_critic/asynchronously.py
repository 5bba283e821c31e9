"""A3C in turns or by processes, and an environment for it."""

from __future__ import annotations

from typing import Any

import zoo
from zoo.environments.make import make_vector
from zoo_actor_critic.a3c import A3C, A3CConfig


def learner(env: Any, seed: int = 0, **config: Any) -> A3C:
    spaces_ = env.single_observation_space, env.single_action_space
    return A3C(A3CConfig(**{"processes": 0} | config), *spaces_, seed=seed)


def cartpole(n: int, seed: int = 0) -> Any:
    return make_vector(zoo.EnvironmentConfig("CartPole-v1"), n, seed=seed)

"""What these tests learn in: shipped environments and small models, by name."""

from typing import Any

from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make_vector
from zoo.plugin.registry import get_registry


def learner(
    algorithm: str,
    env_id: str,
    *,
    n_envs: int = 1,
    seed: int = 0,
    wrappers: Any = (),
    **config: Any,
) -> tuple[Any, Any]:
    """Return an algorithm by name with a config, and the vector environment to train it on."""
    env = make_vector(EnvironmentConfig(id=env_id, wrappers=tuple(wrappers)), n_envs, seed=seed)
    cls: Any = get_registry().algorithm_class(algorithm)
    spaces = env.single_observation_space, env.single_action_space
    made = cls(cls.Config(**config), *spaces, seed=seed)
    return getattr(made, "learner", made), env


def trained(algorithm: str, env_id: str, steps: int, **settings: Any) -> Any:
    """Return an algorithm after `steps` of training."""
    made, env = learner(algorithm, env_id, **settings)
    for _ in made.train(env, steps):
        pass
    return made

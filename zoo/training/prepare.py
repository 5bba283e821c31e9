"""From the words of a command or of `run.json` to a learner and its environments."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.algorithm import Algorithm
from zoo.components.transitions import TransitionModel
from zoo.config.recipes import load_recipe
from zoo.config.schema import to_json, validate
from zoo.environments.compatibility import algorithms_for, check_supported
from zoo.environments.config import EnvironmentConfig
from zoo.environments.ids import resolve
from zoo.environments.make import make, make_vector
from zoo.environments.model import find_model
from zoo.errors import ZooError
from zoo.plugin.registry import get_registry
from zoo.plugin.specs import AlgorithmSpec
from zoo.training.devices import choose_device
from zoo.training.faults import fault


def plan(
    algorithm: str,
    env: str,
    *,
    steps: int | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    recipe_file: str | Path | None = None,
    n_envs: int | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the part of `run.json` that says what is learnt, out of the recipe and the call.

    Two calls that ask for the same training have equal plans.
    """
    get_registry().algorithm(algorithm)
    recipe = load_recipe(
        algorithm,
        resolve(env),
        overrides=overrides,
        user_file=Path(recipe_file) if recipe_file is not None else None,
    )
    settings = recipe.settings
    environment = EnvironmentConfig(
        id=env,
        kwargs=settings.env_kwargs | _plain(env_kwargs),
        wrappers=settings.wrappers,
    )
    return {
        "algorithm": algorithm,
        "environment": environment.to_json(),
        "n_envs": settings.n_envs if n_envs is None else _positive("n_envs", n_envs),
        "steps": settings.n_timesteps if steps is None else _positive("steps", steps),
        "config": to_json(recipe.config),
        "sources": {key: value.source for key, value in recipe.values.items()},
    }


def build(
    algorithm: str,
    config: Any,
    environment: EnvironmentConfig,
    *,
    n_envs: int,
    seed: int,
    device: str,
) -> tuple[Algorithm, Any]:
    """Return the learner, and what it is to be trained on: a vector environment, or the known
    model of one. `config` is a Config or JSON; `device` is `auto`, `cpu` or `cuda[:N]`, and the
    learner's `device` is what was chosen."""
    registry = get_registry()
    spec, cls = registry.algorithm(algorithm), registry.algorithm_class(algorithm)
    if isinstance(config, Mapping):
        config = validate(cls.Config, config, lambda key: f"config of {algorithm}")

    def learner(spaces: tuple[Any, Any]) -> Algorithm:
        chosen = choose_device(device, algorithm, encodes=cls.encodes(config, spaces[0]))
        return _learner(algorithm, cls, config, spaces, seed=seed, device=chosen)

    if spec.needs == "model":
        model, spaces = _known_model(spec, environment)
        return _checked(learner(spaces), model), model
    env = make_vector(environment, n_envs, seed=seed)
    spaces = env.single_observation_space, env.single_action_space
    try:
        check_supported(spec, *spaces)
        return _checked(learner(spaces), env), env
    except ZooError:
        env.close()
        raise


def _checked(learner: Algorithm, env: Any) -> Algorithm:
    """Let the learner refuse what it would be trained on."""
    learner.check(env)
    return learner


def _known_model(
    spec: AlgorithmSpec, environment: EnvironmentConfig
) -> tuple[TransitionModel, tuple[Any, Any]]:
    """Return the model of an environment and its spaces; `ZooError` where it has none."""
    env = make(environment, training=True)
    try:
        spaces = env.observation_space, env.action_space
        model = find_model(env)
    finally:
        env.close()
    if model is not None:
        check_supported(spec, *spaces)
        return model, spaces
    fitting = algorithms_for(*spaces)
    raise ZooError(
        f"{spec.name} plans on known transition probabilities, and {environment.id} has none",
        f"These learn without: {', '.join(fitting)}" if fitting else "See `zoo algos`",
    )


def _learner(
    algorithm: str, cls: type[Algorithm], config: Any, spaces: tuple[Any, Any], **settings: Any
) -> Algorithm:
    """Make the learner; what else than a `ZooError` it raises becomes one that names it."""
    try:
        return cls(config, *spaces, **settings)
    except ZooError:
        raise
    except Exception as error:
        raise fault(f"{algorithm} cannot be built", error, to_json(config)) from error


def commit() -> str | None:
    """Return the commit of the zoo's own source, None when it was installed without one."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None
    try:
        answer = subprocess.run(  # noqa: S603
            ["git", "-C", str(source), "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def _plain(env_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the environment's arguments as they will stand in `run.json`."""
    try:
        return json.loads(json.dumps(dict(env_kwargs or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ZooError(f"the environment's arguments are not plain data: {error}") from None


def _positive(what: str, value: int) -> int:
    if value < 1:
        raise ZooError(f"{what} must be at least 1, not {value}")
    return int(value)

"""Makes environments: one, a vector of them to train on, a vector of them to evaluate on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv

from zoo.environments import rendering
from zoo.environments.code import origin, summary
from zoo.environments.config import EnvironmentConfig, Wrapper
from zoo.environments.episodes import FreshWorld, SeededEpisodes, keeps_its_world
from zoo.environments.ids import is_atari, resolve
from zoo.environments.vector import ReplayableVectorEnv, SameStepVectorEnv
from zoo.errors import MissingExtra, ZooError

_EXTRAS = {"box2d": "box2d", "mujoco": "mujoco", "ale_py": "atari"}
"""part of an environment's entry point -> the extra that installs what it needs"""


def make(
    config: EnvironmentConfig, *, training: bool = False, render_mode: str | None = None
) -> gym.Env[Any, Any]:
    """Make one environment with its wrappers, the training-only ones only with `training`.

    An id in one of the two code forms must have been resolved before (`ids.resolve`), by the
    user's own flag. Raises `ZooError` for an unknown id, unknown or unfit arguments, a wrapper
    that does not exist or fit, and `MissingExtra` where an extra brings what is needed.
    """
    return _wrap(_make_base(config, render_mode), config, training=training)


def vectorize(
    factories: Sequence[Callable[[], gym.Env[Any, Any]]], *, seed: int, name: str = ""
) -> ReplayableVectorEnv:
    """Make a vector environment to train on, one copy by each factory.

    `name` stands for the environment in messages; without it, its own id or class does.
    """
    return ReplayableVectorEnv(factories, seed=seed, name=name)


def make_vector(
    config: EnvironmentConfig, n_envs: int, *, seed: int, training: bool = True
) -> ReplayableVectorEnv:
    """Make `n_envs` copies to train on, whose episodes can be restored; errors as `make`'s."""
    factory = partial(_make_seeded, config, training)
    return ReplayableVectorEnv(
        [factory] * _checked(n_envs),
        seed=seed,
        name=config.id,
        prepare=partial(_make_known, config.id, gym.registry.get(config.id)),
    )


def make_evaluation(config: EnvironmentConfig, n_envs: int, *, seed: int) -> VectorEnv:
    """Make `n_envs` copies to evaluate on, without the training-only wrappers.

    Seeds are those of Stable-Baselines3's `DummyVecEnv`: the first reset of copy i has the seed
    `seed + i` (also where the caller gives none), later ones have no seed. Where the
    environment has a vector entry point of its own for the same spaces, several copies without
    wrappers use it: `metadata["autoreset_mode"]` says how it resets, and `seed` seeds all of it.
    """
    wrapped = _without_training_only(config.wrappers)
    if _checked(n_envs) > 1 and not wrapped:
        native = _make_native(config, n_envs, seed)
        if native is not None:
            return native
    factory = partial(make, config)
    return SameStepVectorEnv([factory] * n_envs, first_seed=seed, name=config.id)


def _make_known(reference: str, spec: EnvSpec | None) -> None:
    """Let a process that has just begun make the environment that this one was allowed to make:
    one of a file or a module, or one that the user's own script has registered."""
    if spec is not None:
        gym.registry.setdefault(spec.id, spec)
    resolve(reference)


def _make_seeded(config: EnvironmentConfig, training: bool) -> gym.Env[Any, Any]:
    env = _make_base(config, None)
    if keeps_its_world(env):
        env = FreshWorld(env)
    return _wrap(SeededEpisodes(env), config, training=training)


def _make_base(config: EnvironmentConfig, render_mode: str | None) -> gym.Env[Any, Any]:
    """Make the environment without the wrappers of `config`."""
    env_id = resolve(config.id, code_allowed=False)
    rendering.hush(env_id)
    kwargs = dict(config.kwargs)
    if is_atari(env_id) and isinstance(kwargs.get("frameskip"), list):
        kwargs["frameskip"] = tuple(kwargs["frameskip"])  # JSON and YAML have no tuples
    if render_mode is not None:
        kwargs["render_mode"] = render_mode
    if render_mode == "rgb_array":
        rendering.prepare_headless(env_id)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*is out of date", DeprecationWarning)
            env = gym.make(env_id, disable_env_checker=True, **kwargs)
    except ZooError:
        raise
    except (gym.error.DependencyNotInstalled, ImportError) as error:
        raise _missing(config.id, env_id, error) from error
    except TypeError as error:
        hint = "Check the arguments: --env-kwargs on the command line, env_kwargs in a recipe"
        given = ", ".join(sorted(kwargs)) or "none"
        reason = summary(error)
        message = f"environment {config.id} does not take these arguments ({given}): {reason}"
        raise ZooError(message, hint if kwargs else "") from error
    except Exception as error:
        raise ZooError(
            f"environment {config.id} could not be made: {summary(error)} ({origin(error)})"
        ) from error
    if render_mode == "rgb_array":
        rendering.simplify(env)
    return env


def _missing(name: str, env_id: str, error: Exception) -> ZooError:
    """Say what to install for an environment whose packages are missing."""
    target = str(gym.registry[env_id].entry_point)
    for part, extra in _EXTRAS.items():
        if part in target:
            return MissingExtra(f"environment {name}", extra)
    return ZooError(
        f"environment {name} could not be made: {summary(error)}",
        "Install the package that it needs",
    )


def _wrap(
    env: gym.Env[Any, Any], config: EnvironmentConfig, *, training: bool
) -> gym.Env[Any, Any]:
    """Put the wrappers of `config` around `env`; close it where one does not fit."""
    wrappers = config.wrappers if training else _without_training_only(config.wrappers)
    try:
        for name, kwargs in wrappers:
            env = _apply(env, name, kwargs, config.id)
    except BaseException:
        env.close()
        raise
    return env


def _apply(
    env: gym.Env[Any, Any], name: str, kwargs: dict[str, Any], env_id: str
) -> gym.Env[Any, Any]:
    from zoo.plugin.registry import WRAPPER, get_registry
    from zoo.plugin.targets import load_target

    registry = get_registry()
    spec, owner = registry.wrapper(name), registry.owner(name, WRAPPER)
    wrapper = load_target(spec.target, feature=f"wrapper {name!r}", extra=spec.extra, plugin=owner)
    try:
        return wrapper(env, **kwargs)
    except ZooError:
        raise
    except (gym.error.DependencyNotInstalled, ImportError) as error:
        if spec.extra:
            raise MissingExtra(f"wrapper {name!r}", spec.extra) from error
        raise ZooError(f"wrapper {name!r} cannot be used: {summary(error)}") from error
    except Exception as error:
        raise ZooError(
            f"wrapper {name!r} does not fit environment {env_id}: {summary(error)}",
            f"It is: {spec.summary}",
        ) from error


def _without_training_only(wrappers: tuple[Wrapper, ...]) -> tuple[Wrapper, ...]:
    if not wrappers:
        return ()
    from zoo.plugin.registry import get_registry

    registry = get_registry()
    return tuple(item for item in wrappers if not registry.wrapper(item[0]).training_only)


def _make_native(config: EnvironmentConfig, n_envs: int, seed: int) -> VectorEnv | None:
    """Make the environment's own vector version; None where it has none that is the same."""
    env_id = resolve(config.id, code_allowed=False)
    spec = gym.registry[env_id]
    if spec.vector_entry_point is None or is_atari(env_id):
        return None  # ale-py's preprocesses the frames: it is another environment
    single = make(config)
    try:
        native = gym.make_vec(
            env_id,
            num_envs=n_envs,
            vectorization_mode=gym.VectorizeMode.VECTOR_ENTRY_POINT,
            **config.kwargs,
        )
    except Exception:  # whatever it lacks, copies of the single environment do the same
        return None
    finally:
        single.close()
    spaces = (native.single_observation_space, native.single_action_space)
    if spaces != (single.observation_space, single.action_space):
        native.close()
        return None
    native.reset(seed=seed)
    return native


def _checked(n_envs: int) -> int:
    if n_envs < 1:
        raise ZooError(f"{n_envs} copies of an environment are too few", "Ask for at least one")
    return n_envs

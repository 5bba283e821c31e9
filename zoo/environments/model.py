"""The known model of an environment, where it has one and nothing around it changes it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from zoo.components.transitions import TransitionModel
from zoo.environments.episodes import SeededEpisodes
from zoo.errors import ZooError

_TRANSPARENT = (gym.wrappers.OrderEnforcing, gym.wrappers.PassiveEnvChecker, SeededEpisodes)
"""Wrappers that change nothing about the process; `TimeLimit` gives the model its time limit."""


def find_model(env: Any) -> TransitionModel | None:
    """Return the transition probabilities of an environment, or of a vector environment's copies.

    They come from the `ModelSpec` that a plugin registers for the environment's id, else from
    its attribute `transition_model`, else from Gymnasium's `P` and `initial_state_distrib`.
    None where there is none, where a wrapper may change the process, and where the environment
    adds randomness that `P` does not hold. State i is the i-th observation, counting the parts
    of a tuple as digits, the last one fastest (as `zoo.agents.table` does).

    Raises `ZooError`, naming the environment, where its model is wrong.
    """
    single, limits = _first_copy(env), []
    while isinstance(single, gym.Wrapper):
        if type(single) is gym.wrappers.TimeLimit:
            limits.append(single._max_episode_steps)
        elif type(single) not in _TRANSPARENT:
            return None
        single = single.env
    if single is None or _count(single.observation_space) is None:
        return None
    name = _name(single)
    try:
        model = _model_of(single)
        if model is not None:
            _check_fits(model, single)
    except ZooError as error:
        raise ZooError(
            f"the model of environment {name} is wrong: {error.message}",
            error.hint or "Correct it where the environment is made, or tell its author",
        ) from error
    if model is None or not limits or model.time_limit == min(limits):
        return model
    return replace(model, time_limit=min(limits))


def _first_copy(env: Any) -> gym.Env[Any, Any] | None:
    """Return a vector environment's first copy, a single environment itself."""
    copies = getattr(env, "envs", None) if isinstance(env, gym.vector.VectorEnv) else [env]
    return copies[0] if copies else None


def _name(env: gym.Env[Any, Any]) -> str:
    return env.spec.id if env.spec is not None else type(env).__name__


def _model_of(env: Any) -> TransitionModel | None:
    """Return what is known of an unwrapped environment."""
    from zoo.plugin.registry import MODEL, get_registry
    from zoo.plugin.targets import load_target

    registry, name = get_registry(), _name(env)
    if name in registry.models:
        target, owner = registry.models[name].target, registry.owner(name, MODEL)
        return _typed(load_target(target, feature=f"the model of {name}", plugin=owner)(env))
    if hasattr(env, "transition_model"):
        return _typed(env.transition_model)
    if not (hasattr(env, "P") and hasattr(env, "initial_state_distrib")):
        return None
    if getattr(env, "fickle_passenger", False):  # Taxi draws a destination outside of P
        return None
    return TransitionModel.from_table(env.P, env.initial_state_distrib)


def _typed(found: Any) -> TransitionModel | None:
    if not isinstance(found, TransitionModel | None):
        raise ZooError(f"it is a {type(found).__name__}, not a zoo.TransitionModel")
    return found


def _check_fits(model: TransitionModel, env: gym.Env[Any, Any]) -> None:
    """Raise `ZooError` where the model has other states or actions than the spaces."""
    for what, count, space in (
        ("states", model.n_states, env.observation_space),
        ("actions", model.n_actions, env.action_space),
    ):
        if _count(space) != count:
            raise ZooError(f"it has {count} {what}, but the environment has {space}")


def _count(space: Any) -> int | None:
    """Return how many members a finite space has, None for other spaces."""
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return math.prod(space.nvec.ravel().tolist())
    if isinstance(space, spaces.Tuple):
        sizes = [_count(part) for part in space.spaces]
        return None if None in sizes else math.prod(size for size in sizes if size is not None)
    return None

"""An agent in an environment: what evaluating, recording and playing have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import concatenate, create_empty_array

from zoo.agent import Agent
from zoo.environments import rendering
from zoo.environments.compatibility import check_agent_fits
from zoo.environments.config import EnvironmentConfig
from zoo.environments.ids import resolve
from zoo.environments.make import make
from zoo.errors import ZooError
from zoo.hub.references import load
from zoo.storage.bundle import Bundle

AgentLike = Agent | Bundle | Path | str
"""An agent, a bundle, or a reference to one."""
EnvironmentLike = EnvironmentConfig | str | None
"""An environment, an id, or the agent's own."""


def prepare(
    agent: AgentLike, env: EnvironmentLike = None, env_kwargs: Mapping[str, Any] | None = None
) -> tuple[Agent, EnvironmentConfig]:
    """Return the agent that is meant, and the environment for it to act in.

    Without `env` that is the one that the agent was trained on. An id keeps the wrappers of
    that one, which shape what the agent observes, and its arguments too where it names the
    same environment; `env_kwargs` are put over them. Raises `ZooError` where nothing says
    which environment is meant.
    """
    actor = agent if isinstance(agent, Agent) else load(agent)
    chosen = _choose(env, _own_environment(actor))
    kwargs = {**chosen.kwargs, **(env_kwargs or {})}
    return actor, EnvironmentConfig(chosen.id, kwargs, chosen.wrappers)


def algorithm_of(agent: Agent) -> str | None:
    """Return the algorithm that trained `agent`, None where it is not known."""
    return agent.origin.algorithm if isinstance(agent.origin, Bundle) else None


def action_masks_of(agent: Agent, env: VectorEnv) -> Callable[[], np.ndarray] | None:
    """Return what gives the masks (n, number of actions) of a vector environment's next actions.

    None where the agent takes no masks, or the environment has no method `action_masks`.
    """
    if not agent.takes_action_masks:
        return None
    copies = getattr(env, "envs", None)
    if copies is None:
        return getattr(env.unwrapped, "action_masks", None)
    if not copies[0].has_wrapper_attr("action_masks"):
        return None
    sources = [copy.get_wrapper_attr("action_masks") for copy in copies]
    return lambda: np.stack([np.asarray(source(), np.bool_) for source in sources])


class Moment(NamedTuple):
    """Where an episode stands: its return and length so far, and whether it has ended."""

    total: float
    length: int
    ended: bool


def make_visible(config: EnvironmentConfig, render_mode: str) -> gym.Env[Any, Any]:
    """Make one environment that can be seen: `rgb_array` for frames, `human` for a window.

    Raises `ZooError` where it has no such mode; errors of `make` besides.
    """
    env_id = resolve(config.id, code_allowed=False)
    if render_mode == "rgb_array":
        rendering.prepare_headless(env_id)
    modes = _render_modes(env_id)
    if modes is not None and render_mode not in modes:
        raise ZooError(
            f"environment {config.id} cannot be drawn: it has no render mode {render_mode}",
            f"It has {', '.join(map(str, modes))}" if modes else "It has none at all",
        )
    return make(config, render_mode=render_mode)


def act_on(
    agent: Agent, env: gym.Env[Any, Any], name: str, *, seed: int, deterministic: bool
) -> Iterator[Moment]:
    """Let `agent` play one episode after the other, handing over at each reset and each step.

    The first reset has the `seed`, later ones none: the episodes are those of an evaluation
    with one copy. Raises `ZooError` where agent and environment do not fit or one of them fails.
    """
    space = env.observation_space
    check_agent_fits(agent, space, env.action_space, env_id=name)
    masked = agent.takes_action_masks and env.has_wrapper_attr("action_masks")
    agent.seed(seed)
    first: int | None = seed
    while True:
        observation = _call(name, "reset", env.reset, seed=first)[0]
        agent.reset()
        first, moment = None, Moment(0.0, 0, False)
        yield moment
        while not moment.ended:
            row = concatenate(space, [observation], cast(Any, create_empty_array(space, 1)))
            mask = np.asarray(env.get_wrapper_attr("action_masks")())[None] if masked else None
            action = agent.act(row, deterministic=deterministic, action_masks=mask)[0]
            check_finite(action, name)
            result = _call(name, "step", env.step, action)
            observation, reward, terminated, truncated, _ = result
            total = moment.total + float(reward)
            moment = Moment(total, moment.length + 1, bool(terminated or truncated))
            yield moment


def check_finite(actions: np.ndarray, name: str) -> None:
    """Raise `ZooError` where actions in the environment `name` hold NaN or infinity."""
    if not np.isfinite(actions).all():
        raise ZooError(
            f"the agent's actions in {name} are not finite: {np.ravel(actions)[:4].tolist()}",
            "Its weights or the observations hold NaN or infinity",
        )


def failure(name: str, verb: str, error: Exception) -> ZooError:
    """Say that the environment `name` raised `error` in `verb`."""
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
    return ZooError(
        f"environment {name} raised {reason} in {verb}",
        "The fault lies in the environment's code, or in the action that it was given",
    )


def _render_modes(env_id: str) -> list[str] | None:
    """Return what an environment's class says it can draw, None where it does not say."""
    creator: Any = gym.registry[env_id].entry_point
    with suppress(Exception):  # whatever is wrong with it, `make` says it better
        creator = load_env_creator(creator) if isinstance(creator, str) else creator
        return getattr(creator, "metadata", {}).get("render_modes")
    return None


def _call(name: str, verb: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return method(*args, **kwargs)
    except ZooError:
        raise
    except Exception as error:
        raise failure(name, verb, error) from error


def _own_environment(agent: Agent) -> EnvironmentConfig | None:
    if not isinstance(agent.origin, Bundle):
        return None
    return EnvironmentConfig.from_json(agent.origin.environment)


def _choose(env: EnvironmentLike, own: EnvironmentConfig | None) -> EnvironmentConfig:
    if isinstance(env, EnvironmentConfig):
        return env
    if env is None:
        if own is None:
            raise ZooError(
                "the agent does not say which environment it was trained on",
                'Name one: evaluate(agent, "CartPole-v1")',
            )
        return own
    resolve(env)  # the user names it, so its code may be run
    if own is None:
        return EnvironmentConfig(env)
    same = _last_part(env) == _last_part(own.id)
    return EnvironmentConfig(env, own.kwargs if same else {}, own.wrappers)


def _last_part(env_id: str) -> str:
    """Return the id or the class in `package.module:Id-v0` and `path/to/file.py:Class`."""
    return env_id.rpartition(":")[2]

"""What SB3 cannot learn from or act in, said before anything is built."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import Space, spaces

from zoo import ZooError, did_you_mean

ARRAYS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
GOAL_KEYS = {"observation", "achieved_goal", "desired_goal"}


def shown(space: Space[Any]) -> str:
    """Return a space for a message: on one line, and not too long for it."""
    text = " ".join(str(space).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def check_observations(name: str, space: Space[Any], fitting: tuple[type[Space[Any]], ...]) -> None:
    """Raise `ZooError` unless the space, or each entry of a Dict, is one of the `fitting`."""
    inner: dict[str, Space[Any]] = getattr(space, "spaces", {})
    entries = inner.items() if isinstance(space, spaces.Dict) else [("", space)]
    for key, entry in entries:
        if not isinstance(entry, fitting):
            under = f" under {key!r}" if key else ""
            raise ZooError(
                f"{name} cannot read observations{under} from {shown(entry)}",
                f"It reads: {_names(fitting)}, and a Dict of these",
            )
        _check_integers(name, "observations", entry)


def check_actions(name: str, space: Space[Any], fitting: tuple[type[Space[Any]], ...]) -> None:
    """Raise `ZooError` unless the space is one of the `fitting`, and bounded where it is a Box."""
    if not isinstance(space, fitting):
        raise ZooError(f"{name} cannot act in {shown(space)}", f"It acts in: {_names(fitting)}")
    if isinstance(space, spaces.Box):
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise ZooError(
                f"{name} needs actions with finite bounds, not {shown(space)}",
                "Wrap the environment so that its actions have bounds",
            )
        if not np.issubdtype(space.dtype, np.floating):
            raise ZooError(f"{name} cannot act in {shown(space)}: its Box actions are real numbers")
    _check_integers(name, "actions", space)
    if isinstance(space, spaces.MultiBinary) and len(space.shape) != 1:
        raise ZooError(
            f"{name} cannot act in {shown(space)}", "Flatten the actions to one dimension"
        )


def check_config(config: Any, observation_space: Space[Any], action_space: Space[Any]) -> None:
    """Raise `ZooError` where a key of the config does not go with the spaces."""
    if getattr(config, "use_sde", False) and not isinstance(action_space, spaces.Box):
        raise ZooError(
            f"use_sde explores Box actions, not {shown(action_space)}", "Set use_sde to false"
        )
    if getattr(config, "replay_buffer_class", None) == "her":
        keys = set(getattr(observation_space, "spaces", ()))
        if not keys >= GOAL_KEYS:
            raise ZooError(
                "replay_buffer_class: her needs Dict observations with the keys "
                f"{', '.join(sorted(GOAL_KEYS))}, not {shown(observation_space)}",
                "Leave replay_buffer_class out, or use an environment with goals",
            )
    _check_normalization(config, observation_space)


def _names(kinds: tuple[type[Space[Any]], ...]) -> str:
    return ", ".join(kind.__name__ for kind in kinds)


def _check_integers(name: str, what: str, space: Space[Any]) -> None:
    """SB3 counts from 0, and knows lists of choices but no tables of them."""
    if np.any(getattr(space, "start", 0)):
        raise ZooError(
            f"{name} needs {what} that count from 0, not {shown(space)}",
            "Wrap the environment so that they do",
        )
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim != 1:
        raise ZooError(f"{name} cannot handle {what} from {shown(space)}", "Flatten them")


def _check_normalization(config: Any, space: Space[Any]) -> None:
    settings = config.normalization
    if settings is None or not settings.norm_obs:
        return
    keys, members = settings.norm_obs_keys, [space]
    inner: dict[str, Space[Any]] = getattr(space, "spaces", {})
    if keys and not inner:
        raise ZooError(f"normalize.norm_obs_keys is for Dict observations, not {shown(space)}")
    for key in keys or ():
        if key not in inner:
            raise ZooError(
                f"normalize.norm_obs_keys: the observations have no {key!r}",
                did_you_mean(key, inner, otherwise=f"They have: {', '.join(inner)}"),
            )
    if inner:
        members = [inner[key] for key in keys or inner]
    for member in members:
        if not isinstance(member, spaces.Box):
            raise ZooError(
                f"normalize cannot normalise observations from {shown(member)}",
                "Set normalize: {norm_obs: false}"
                + ("" if not inner else ", or name the others in norm_obs_keys"),
            )

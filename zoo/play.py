"""Play: watch an agent in a window."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from zoo.acting import (
    AgentLike,
    EnvironmentLike,
    Moment,
    act_on,
    make_visible,
    prepare,
)
from zoo.environments import rendering
from zoo.errors import ZooError
from zoo.storage.bundle import Bundle


def play(
    agent: AgentLike,
    *,
    env: EnvironmentLike = None,
    episodes: int | None = None,
    seed: int = 0,
    deterministic: bool = True,
    env_kwargs: Mapping[str, Any] | None = None,
) -> list[Moment]:
    """Show `agent` in a window for `episodes` episodes, or without them until it is closed.

    Arguments are as in `evaluate`. Returns the last moment of each whole episode: its return
    and its length. Raises `ZooError` where there is no display, naming the command that films.
    """
    if episodes is not None and episodes < 1:
        raise ZooError(f"there is nothing to see in {episodes} episodes", "Ask for at least one")
    film = f"Film it instead: zoo record {_name(agent)} -o FILE.mp4"
    actor, config = prepare(agent, env, env_kwargs)
    if not rendering.has_display():
        raise ZooError("there is no display to open a window on", film)
    rendering.prepare_window()
    environment = make_visible(config, "human")
    played: list[Moment] = []
    try:
        for moment in act_on(actor, environment, config.id, seed=seed, deterministic=deterministic):
            if moment.ended:
                played.append(moment)
            if len(played) == episodes or _is_closed(environment):
                break
    except ZooError as error:
        if _is_about_display(error):
            raise ZooError(f"no window could be opened: {error.message}", film) from error
        raise
    finally:
        with suppress(Exception):
            environment.close()
    return played


def _name(agent: AgentLike) -> str:
    """Return what to call an agent in a command."""
    origin = getattr(agent, "origin", agent)
    if isinstance(origin, Bundle):
        return str(origin.path)
    return str(agent) if isinstance(agent, str) else "AGENT"


def _is_about_display(error: ZooError) -> bool:
    """Whether an environment failed because its window cannot be opened."""
    cause = error.__cause__
    module = type(cause).__module__.partition(".")[0] if cause is not None else ""
    return module in ("pygame", "glfw")


def _is_closed(environment: Any) -> bool:
    """Whether the user has closed the window; environments themselves do not look."""
    pygame = sys.modules.get("pygame")
    if pygame is not None and pygame.display.get_init() and pygame.event.peek(pygame.QUIT):
        return True
    glfw = sys.modules.get("glfw")
    renderer = getattr(environment.unwrapped, "mujoco_renderer", None)
    window = getattr(getattr(renderer, "viewer", None), "window", None)
    return bool(glfw is not None and window is not None and glfw.window_should_close(window))

"""Record an agent: a video of what it does, made without a display."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.acting import AgentLike, EnvironmentLike, act_on, failure, make_visible, prepare
from zoo.errors import ZooError
from zoo.storage.video import Video

MOST_STEPS = 10_000
_FPS = 30.0


@dataclass(frozen=True)
class Recording:
    """A video and what it shows: the return and the length of each episode.

    `is_cut` tells that the last one was still under way when filming stopped. A recording can
    be used where a path can.
    """

    path: Path
    returns: list[float]
    lengths: list[int]
    fps: float
    is_cut: bool

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)


def record(
    agent: AgentLike,
    output: str | Path,
    *,
    env: EnvironmentLike = None,
    episodes: int = 1,
    seed: int = 0,
    max_steps: int = MOST_STEPS,
    fps: float | None = None,
    deterministic: bool = True,
    env_kwargs: Mapping[str, Any] | None = None,
) -> Recording:
    """Film `episodes` episodes of `agent`, and at most `max_steps` steps, as H.264 in `output`.

    `agent`, `env` and `seed` are as in `evaluate`: the episodes are those that it counts with
    one copy of the environment. `fps` is the environment's own unless given. Raises
    `MissingExtra` without the extra `video`, `ZooError` where the environment draws no frames;
    nothing half-written is left, and an existing file is replaced only by a whole one.
    """
    if episodes < 1 or max_steps < 1:
        raise ZooError(f"there is nothing to film in {episodes} episodes of {max_steps} steps")
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise ZooError(f"{fps} frames per second cannot be filmed", "Leave fps out, or say 30")
    actor, config = prepare(agent, env, env_kwargs)
    environment = make_visible(config, "rgb_array")
    try:
        speed = fps or _fps_of(environment.metadata)
        returns: list[float] = []
        lengths: list[int] = []
        steps = 0
        with Video(Path(output), speed) as video:
            play = act_on(actor, environment, config.id, seed=seed, deterministic=deterministic)
            for moment in play:
                video.add(_draw(environment, config.id))
                steps += moment.length > 0
                is_cut = steps == max_steps and not moment.ended
                if moment.ended or is_cut:
                    returns.append(moment.total)
                    lengths.append(moment.length)
                if len(returns) == episodes or steps == max_steps:
                    break
    finally:
        with suppress(Exception):
            environment.close()
    return Recording(video.path, returns, lengths, speed, is_cut)


def _draw(environment: Any, name: str) -> Any:
    try:
        return environment.render()
    except Exception as error:
        raise failure(name, "render", error) from error


def _fps_of(metadata: Mapping[str, Any]) -> float:
    fps = metadata.get("render_fps")
    is_speed = isinstance(fps, int | float) and math.isfinite(fps) and fps > 0
    return float(fps) if is_speed else _FPS  # type: ignore[arg-type]

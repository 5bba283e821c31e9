"""The environment of a model that does not bring its spaces along."""

from __future__ import annotations

from typing import Any

from gymnasium import Space

from zoo.config import rlzoo_names
from zoo.environments.aliases import successor
from zoo.environments.config import EnvironmentConfig, Wrapper
from zoo.environments.make import make
from zoo.errors import ZooError
from zoo.exchange import ImportRequest


def today(source: str) -> tuple[str, list[Wrapper], list[str]]:
    """Return (today's id, wrappers that it needs, notes) for an environment of any age."""
    env_id, names, report = rlzoo_names.environment(source)
    notes = []
    if report:
        newer = successor(source)
        env_id = newer[0] if newer is not None else env_id
        notes.append(f"{source} is retired; {env_id} is not quite the same")
    elif env_id != source:
        notes.append(f"{source} is retired and became {env_id}")
    return env_id, [(name, {}) for name in names], notes


def find(
    request: ImportRequest, named: str | None, where: str
) -> tuple[EnvironmentConfig, Space[Any], Space[Any], list[str]]:
    """Return (environment, its observation space, its action space, notes).

    `named` is what the files say; the request overrules it. Raises `ZooError` where neither
    names one, or it cannot be made here.
    """
    source = request.env_id or named
    if source is None:
        raise ZooError(
            f"{where} does not say which environment it was trained on", "Name it with --env"
        )
    env_id, wrappers, notes = today(source)
    config = EnvironmentConfig(env_id, dict(request.env_kwargs), tuple(wrappers))
    env = make(config)
    try:
        return config, env.observation_space, env.action_space, notes
    finally:
        env.close()

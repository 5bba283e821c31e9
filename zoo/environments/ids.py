"""From what a user writes after `--env` to an id that Gymnasium can make.

Three forms: an id (`CartPole-v1`, `ALE/Pong-v5`), a module that registers ids
(`package.module:EnvId-v0`), and a file with an environment class (`path/to/file.py:ClassName`).
The last two run the user's code, so they are refused wherever a reference comes out of a file.
"""

from __future__ import annotations

import re

import gymnasium as gym

from zoo.environments.aliases import successor
from zoo.environments.code import load_file, load_module, registered_class
from zoo.errors import MissingExtra, ZooError, did_you_mean

_FILE = re.compile(r"(?P<path>.+\.py):(?P<name>[^:]+)")
_MODULE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<id>[^:]+)")
_ATARI = re.compile(r"ALE/\w+-v\d+|\w+NoFrameskip-v[04]")
_GYMNASIUM_EXTERNAL = ("GymV21Environment-v0", "GymV26Environment-v0")


def resolve(reference: str, *, code_allowed: bool = True) -> str:
    """Return the id under which Gymnasium knows the environment that `reference` means.

    With `code_allowed`, for references that the user wrote, a module or a file is imported.
    Without it, for references out of a bundle or a run file, these two forms are accepted only
    when the user has resolved the same reference earlier in this process. Raises `ZooError`
    with suggestions, naming the successor of a retired id, and `MissingExtra` for Atari.
    """
    _register_plugin_environments()
    if file := _FILE.fullmatch(reference):
        known = registered_class(file["path"], file["name"])
        if code_allowed:
            return load_file(file["path"], file["name"])
        return known or _refuse(reference)
    if module := _MODULE.fullmatch(reference):
        if module["id"] in gym.registry:
            return module["id"]
        if not code_allowed:
            return _refuse(reference)
        load_module(module["module"])
        return _find(module["id"], f" in {module['module']}")
    return _find(reference)


def known_ids() -> list[str]:
    """Return all ids that can be made, sorted: Gymnasium's, the plugins', and installed Atari."""
    _register_plugin_environments()
    _register_atari()
    return sorted(env_id for env_id, spec in gym.registry.items() if _is_usable(env_id, spec))


def is_atari(env_id: str) -> bool:
    """Whether an id has the form of those that ale-py registers."""
    return _ATARI.fullmatch(env_id) is not None


def _find(env_id: str, where: str = "") -> str:
    spec = gym.registry.get(env_id)
    if spec is None and is_atari(env_id):
        if not _register_atari():
            raise MissingExtra(f"the Atari environment {env_id}", "atari")
        spec = gym.registry.get(env_id)
    if spec is not None and _is_usable(env_id, spec):
        return env_id
    if (replacement := successor(env_id)) is not None:
        newer, remark = replacement
        raise ZooError(
            f"environment {env_id} has been retired",
            f"Use {newer}" + (f", {remark}" if remark else ""),
        )
    raise ZooError(f"there is no environment {env_id!r}{where}", _suggestion(env_id))


def _suggestion(env_id: str) -> str:
    """Return what to write instead of an id that does not exist."""
    if env_id.endswith(".py"):
        return f"Name the class too: {env_id}:ClassName"
    known = known_ids()
    if not re.search(r"-v\d+$", env_id):
        same = [other for other in known if other.rpartition("-v")[0].lower() == env_id.lower()]
        if same:
            newest = max(same, key=lambda other: gym.registry[other].version or 0)
            return f"Did you mean {newest}?"
    return did_you_mean(env_id, known, otherwise="`zoo envs` lists the environments")


def _refuse(reference: str) -> str:
    raise ZooError(
        f"the environment {reference} is code, which is not run because a file names it",
        f"If you trust that code, say so: --env {reference}",
    )


def _is_usable(env_id: str, spec: gym.envs.registration.EnvSpec) -> bool:
    """Whether an id is more than Gymnasium's note that the environment has moved away."""
    if env_id in _GYMNASIUM_EXTERNAL or spec.entry_point is None:
        return False
    moved = callable(spec.entry_point) and spec.entry_point.__module__ == "gymnasium.envs"
    return not moved


def _register_plugin_environments() -> None:
    """Make the plugins' environments known to Gymnasium."""
    from zoo.plugin.registry import get_registry

    for spec in get_registry().environments.values():
        if spec.id not in gym.registry:
            gym.register(
                spec.id,
                entry_point=spec.target,
                max_episode_steps=spec.max_episode_steps,
                reward_threshold=spec.reward_threshold,
            )


def _register_atari() -> bool:
    """Let ale-py register its ids, which it does when it is first imported, unless they have
    been taken out of the registry since; return whether it is there."""
    try:
        from ale_py import registration
    except ImportError:
        return False
    if "ALE/Pong-v5" not in gym.registry:
        registration.register_v0_v4_envs()
        registration.register_v5_envs()
    return True

"""Environment ids that have been retired, and what takes their place."""

from __future__ import annotations

import re

_SUCCESSORS: dict[str, tuple[str, str]] = {
    "LunarLander-v2": ("LunarLander-v3", ""),
    "LunarLanderContinuous-v2": (
        "LunarLanderContinuous-v3",
        'which is LunarLander-v3 with the argument {"continuous": true}',
    ),
    "BipedalWalker-v2": ("BipedalWalker-v3", ""),
    "BipedalWalkerHardcore-v2": ("BipedalWalkerHardcore-v3", ""),
    "CarRacing-v0": ("CarRacing-v3", ""),
    "CarRacing-v1": ("CarRacing-v3", ""),
    "CarRacing-v2": ("CarRacing-v3", ""),
    "Pendulum-v0": ("Pendulum-v1", ""),
    "Blackjack-v0": ("Blackjack-v1", ""),
    "FrozenLake-v0": ("FrozenLake-v1", ""),
    "FrozenLake8x8-v0": ("FrozenLake8x8-v1", ""),
    "CliffWalking-v0": ("CliffWalking-v1", ""),
    "Taxi-v1": ("Taxi-v4", ""),
    "Taxi-v2": ("Taxi-v4", ""),
    "Taxi-v3": ("Taxi-v4", ""),
}

_MUJOCO = (
    "Ant", "HalfCheetah", "Hopper", "Humanoid", "HumanoidStandup", "InvertedDoublePendulum",
    "InvertedPendulum", "Pusher", "Reacher", "Swimmer", "Walker2d",
)  # fmt: skip
_MUJOCO_NEWEST, _MUJOCO_OLDEST = 5, 4  # of the versions that Gymnasium still makes

_FAMILIES: tuple[tuple[str, int, str], ...] = (
    # (names of a package outside Gymnasium, their newest version, the package)
    (r"Fetch(Reach|Push|Slide|PickAndPlace)(Dense)?", 4, "gymnasium-robotics"),
    (r"HandReach(Dense)?", 3, "gymnasium-robotics"),
    (r"HandManipulate(Block|Egg|Pen)\w*", 1, "gymnasium-robotics"),
    (r"Panda(Reach|Push|Slide|PickAndPlace|Stack|Flip)(Joints)?(Dense)?", 3, "panda-gym"),
)

_VERSIONED = re.compile(r"(?P<name>\w+)-v(?P<version>\d+)")
_BULLET = re.compile(r"(?P<name>\w+)BulletEnv-v\d+")


def successor(env_id: str) -> tuple[str, str] | None:
    """Return (the id that replaces a retired `env_id`, a remark on the difference or "").

    None where `env_id` is not known to be retired. Ids that Gymnasium still makes, such as
    MuJoCo's v4, are not retired.
    """
    if env_id in _SUCCESSORS:
        return _SUCCESSORS[env_id]
    if bullet := _BULLET.fullmatch(env_id):
        name = bullet["name"].replace("2D", "2d")
        remark = "the same task in MuJoCo, for which agents must be trained anew"
        return (f"{name}-v{_MUJOCO_NEWEST}", remark) if name in _MUJOCO else None
    match = _VERSIONED.fullmatch(env_id)
    if match is None:
        return None
    name, version = match["name"], int(match["version"])
    if name in _MUJOCO:
        return (f"{name}-v{_MUJOCO_NEWEST}", "") if version < _MUJOCO_OLDEST else None
    for family, newest, package in _FAMILIES:
        if version < newest and re.fullmatch(family, name):
            return f"{name}-v{newest}", f"which the package {package} brings"
    return None

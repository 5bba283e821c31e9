"""Families of environments that share a named base in the recipe files."""

from __future__ import annotations

import re

FAMILIES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("atari-v5", "ALE/*-v5", re.compile(r"ALE/(?!.*-ram).+-v5")),
    ("atari", "*NoFrameskip-v4", re.compile(r"ALE/(?!.*-ram).+|(?!.*-ram).+NoFrameskip-v\d+")),
    (
        "mujoco",
        "MuJoCo",
        re.compile(
            r"(HalfCheetah|Hopper|Walker2d|Ant|Humanoid|HumanoidStandup|Swimmer|Reacher|Pusher"
            r"|InvertedPendulum|InvertedDoublePendulum)-v\d+"
        ),
    ),
)
"""(base, what it covers in words, ids it covers); an id takes the first base its file has."""

DEFAULT, PROBE = "default", "probe"
"""The base under every entry, and the one that the conformance suite trains with."""


def bases_for(env_id: str) -> list[str]:
    """Return the names of the bases that cover an environment, most specific first."""
    return [name for name, _, pattern in FAMILIES if pattern.fullmatch(env_id)]

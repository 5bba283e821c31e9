"""What RL Zoo calls things and what the zoo calls them: algorithms, environments, wrappers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from zoo.environments.aliases import successor

ALGORITHMS: dict[str, str] = {
    "a2c": "sb3-a2c",
    "ars": "sb3-ars",
    "crossq": "sb3-crossq",
    "ddpg": "sb3-ddpg",
    "dqn": "sb3-dqn",
    "ppo": "sb3-ppo",
    "ppo_lstm": "sb3-recurrent-ppo",
    "ppo_mask": "sb3-maskable-ppo",
    "qrdqn": "sb3-qrdqn",
    "sac": "sb3-sac",
    "td3": "sb3-td3",
    "tqc": "sb3-tqc",
    "trpo": "sb3-trpo",
}
"""The stem of a file, or the value of `model_class`, and the algorithm it is for."""

_MUJOCO = (
    "Ant|HalfCheetah|Hopper|Humanoid|HumanoidStandup|InvertedDoublePendulum|InvertedPendulum"
    "|Pusher|Reacher|Swimmer|Walker2d"
)
_EQUAL: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(LunarLander|LunarLanderContinuous)-v2"), "v3"),
    # v4 has the observations of v2 and v3; those of v5 are others.
    (re.compile(rf"({_MUJOCO})-v[23]"), "v4"),
    (re.compile(r"(Fetch(?:Reach|Push|Slide|PickAndPlace))-v[123]"), "v4"),
    (re.compile(r"(Panda(?:Reach|Push|Slide|PickAndPlace|Stack|Flip))-v[12]"), "v3"),
)
_WITHOUT_VELOCITY = re.compile(r"(\w+)NoVel(-v\d+)")


def environment(env_id: str) -> tuple[str, list[str], str]:
    """Return (today's id, wrappers that its behaviour needs, what to report or "").

    An id changes only where the environment behaves the same under the new one.
    """
    wrappers: list[str] = []
    if masked := _WITHOUT_VELOCITY.fullmatch(env_id):
        env_id, wrappers = masked[1] + masked[2], ["mask-velocity"]
    for pattern, version in _EQUAL:
        if match := pattern.fullmatch(env_id):
            return f"{match[1]}-{version}", wrappers, ""
    newer = successor(env_id) if "Bullet" not in env_id else None
    report = (
        f"the id is retired and kept; its successor {newer[0]} is not the same" if newer else ""
    )
    return env_id, wrappers, report


_WRAPPERS: dict[str, tuple[str, tuple[str, ...]]] = {
    # class name -> (our name, its arguments, which are called the same)
    "FrameSkip": ("frame-skip", ("skip",)),
    "HistoryWrapper": ("history", ("horizon",)),
    "HistoryWrapperObsDict": ("history-dict", ("horizon",)),
    "MaskVelocityWrapper": ("mask-velocity", ()),
    "TimeFeatureWrapper": ("time-feature", ("max_steps", "test_mode")),
    "TruncatedOnSuccessWrapper": ("truncated-on-success", ("reward_offset", "n_successes")),
    "YAMLCompatResizeObservation": ("resize-observation", ("shape",)),
    "ResizeObservation": ("resize-observation", ("shape",)),
    "GrayscaleObservation": ("grayscale-observation", ("keep_dim",)),
    "GrayScaleObservation": ("grayscale-observation", ("keep_dim",)),
    "FlattenObservation": ("flatten-dict-observation", ()),
    "TimeLimit": ("time-limit", ("max_episode_steps",)),
}
_WRAPPER_PACKAGES = (
    "rl_zoo3.",
    "utils.",
    "stable_baselines3.",
    "sb3_contrib.",
    "gymnasium.",
    "gym.",
)
_ATARI_ARGUMENTS = ("noop_max", "frame_skip", "screen_size")


def wrapper(dotted: str, arguments: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
    """Return (entries for `env_wrapper`, what is left out) for a wrapper by its dotted name."""
    name = dotted.rpartition(".")[2]
    if name == "Monitor":
        return [], [f"{dotted}: returns are measured without it"]
    if not dotted.startswith(_WRAPPER_PACKAGES):
        return [], [f"{dotted}: the wrapper is not known"]
    if name == "AtariWrapper":
        return _atari(arguments)
    if name not in _WRAPPERS:
        return [], [f"{dotted}: the wrapper is not known"]
    ours, known = _WRAPPERS[name]
    return [_entry(ours, arguments, known)], _unknown(dotted, arguments, known)


def _atari(arguments: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
    """Split SB3's AtariWrapper: two of its parts belong to training only."""
    entries = [_entry("atari", arguments, _ATARI_ARGUMENTS)]
    if arguments.get("terminal_on_life_loss", True):
        entries.append("atari-episodic-life")
    if arguments.get("clip_reward", True):
        entries.append("atari-clip-reward")
    known = (*_ATARI_ARGUMENTS, "terminal_on_life_loss", "clip_reward")
    return entries, _unknown("AtariWrapper", arguments, known)


def _entry(name: str, arguments: Mapping[str, Any], known: tuple[str, ...]) -> Any:
    kept = {key: value for key, value in arguments.items() if key in known}
    return {name: kept} if kept else name


def _unknown(dotted: str, arguments: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    return [f"{dotted}: its argument {key!r} is not known" for key in arguments if key not in known]

"""What a bundle's JSON files must look like before anything in them is believed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from zoo.errors import ZooError

FORMAT_VERSION = 1
MANIFEST = "agent.json"
WEIGHTS = "weights.safetensors"
FETCH_AGAIN = "Fetch or train the agent again"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_KEYS: dict[str, type] = {
    "algorithm": str, "plugin": str, "versions": dict, "config": dict, "environment": dict,
    "observation_space": dict, "action_space": dict, "agent": dict, "training": dict,
    "files": dict,
}  # fmt: skip

_MEASURES = (
    "mean_return", "std_return", "median_return", "iqm_return", "mean_length", "episodes",
    "success_rate",
)  # fmt: skip


def is_file_name(name: str) -> bool:
    """Say whether a file beside agent.json may be called so: no path, nothing hidden."""
    return bool(_NAME.fullmatch(name)) and name != MANIFEST


def check_manifest(value: Any, path: Path) -> None:
    """Raise `ZooError` unless `value`, read from `path`, is the content of an agent.json."""
    version = value.get("format_version") if isinstance(value, dict) else None
    if type(version) is int and version > FORMAT_VERSION:
        raise ZooError(
            f"{path.parent} was written by a newer zoo (format {version}, this one reads "
            f"{FORMAT_VERSION})",
            "Upgrade with: pip install --upgrade agent-zoo",
        )
    reason = ""
    if type(version) is not int or version != FORMAT_VERSION:
        reason = "it has no format_version"
    elif wrong := [key for key, kind in _KEYS.items() if type(value.get(key)) is not kind]:
        reason = f"{wrong[0]} is missing or of a wrong type"
    elif not isinstance(value["environment"].get("id"), str):
        reason = "environment has no id"
    else:
        match value["agent"]:
            case {"kind": str(), "description": dict()}:
                reason = _wrong_files(value["files"])
            case _:
                reason = "agent has no kind or no description"
    if reason:
        raise ZooError(f"{path} is damaged: {reason}", FETCH_AGAIN)


def check_evaluation(value: Any, path: Path) -> None:
    """Raise `ZooError` unless what is shown of an evaluation.json, where it is there, is numbers.

    A success rate may be null: not every environment tells of success.
    """
    if not isinstance(value, dict):
        raise ZooError(f"{path} is no JSON object", FETCH_AGAIN)
    for key in _MEASURES:
        is_unknown = key == "success_rate" and value.get(key) is None
        if key in value and not is_unknown and not _is_number(value[key]):
            raise ZooError(f"{path} is damaged: {key} is no number", FETCH_AGAIN)
    bounds = value.get("ci95_return", [0, 0])
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(map(_is_number, bounds)):
        raise ZooError(f"{path} is damaged: ci95_return is no pair of numbers", FETCH_AGAIN)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _wrong_files(files: dict[str, Any]) -> str:
    """Say what is wrong with a manifest's list of files; nothing where it is right."""
    for name, entry in files.items():
        if not is_file_name(name):
            return f"{name[:100]!r} is no name of a file in a bundle"
        match entry:
            case {"sha256": str(digest), "size": int(size)} if (
                re.fullmatch(r"[0-9a-f]{64}", digest) and size >= 0 and type(size) is int
            ):
                continue
        return f"{name} has no sha256 or no size"
    return "" if WEIGHTS in files else f"{WEIGHTS} is not listed"

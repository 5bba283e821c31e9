"""Checkpoints: what a run needs to continue exactly. The newest whole one counts.

    checkpoints/000000050000/    named by the run's steps
        checkpoint.json          format version, steps, SHA-256 and size of the other two
        tree.json
        arrays.safetensors

A checkpoint is written under a temporary name and renamed when it is on the disk; only then is
the one before it deleted. Whenever the writer is killed, one whole checkpoint is there.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from zoo.algorithm import State
from zoo.errors import ZooError
from zoo.storage import strict_json
from zoo.storage.files import explain, new_directory, write_durably
from zoo.storage.tree import load_tree, save_tree

FORMAT_VERSION = 1
MANIFEST = "checkpoint.json"


def save_checkpoint(directory: Path | str, state: State, *, steps: int) -> Path:
    """Write `state`, reached after `steps` steps of the run, and delete the older checkpoints.

    `directory` is the run's `checkpoints`; it is made where missing. Raises `ZooError` where the
    disk refuses or the state holds what it must not; then the older checkpoints are untouched.
    """
    final = Path(directory) / f"{steps:012d}"
    with new_directory(final) as temporary:
        digests = save_tree(temporary, state)
        manifest = {"format_version": FORMAT_VERSION, "steps": steps, "files": digests}
        write_durably(temporary / MANIFEST, strict_json.dumps(manifest))
    for path in _checkpoints(final.parent):
        if path != final:
            shutil.rmtree(path, ignore_errors=True)
    return final


def load_checkpoint(directory: Path | str) -> tuple[State, int] | None:
    """Return the state and the steps of the newest whole checkpoint; None where there is none.

    Raises `ZooError` where there are checkpoints but all of them are damaged, or where the
    newest was written by a newer zoo.
    """
    damage: ZooError | None = None
    for path in _checkpoints(Path(directory)):
        try:
            return _load(path)
        except _NewerFormat:
            raise
        except ZooError as error:
            damage = damage or error
    if damage:
        raise ZooError(
            f"no checkpoint in {directory} is whole: {damage.message}", "Start the run anew"
        ) from damage
    return None


def has_checkpoint(directory: Path | str) -> bool:
    """Say whether there is a checkpoint to try, without reading it."""
    return bool(_checkpoints(Path(directory)))


class _NewerFormat(ZooError):
    pass


def _load(path: Path) -> tuple[State, int]:
    with explain(path / MANIFEST, "read"):
        data = (path / MANIFEST).read_bytes()
    match strict_json.loads(data, str(path / MANIFEST), max_bytes=1 << 20):
        case {"format_version": int(version)} if version > FORMAT_VERSION:
            raise _NewerFormat(
                f"{path} was written by a newer zoo (format {version})",
                "Upgrade with: pip install --upgrade agent-zoo",
            )
        case {"format_version": 1, "steps": int(steps), "files": dict(files)}:
            return load_tree(path, files), steps
    raise ZooError(f"{path / MANIFEST} is damaged: keys are missing")


def _checkpoints(directory: Path) -> list[Path]:
    """Return the checkpoints by their steps, newest first."""
    if not directory.is_dir():
        return []
    found = [p for p in directory.iterdir() if re.fullmatch(r"\d{12,}", p.name) and p.is_dir()]
    return sorted(found, key=lambda path: int(path.name), reverse=True)

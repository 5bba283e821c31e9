"""Where the files that ship with the zoo lie: in the installed package, or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Return the directory of a shipped resource: `hyperparams` or `models`.

    A wheel carries it as `zoo/_data/<name>`; in a checkout it lies beside the package. The path
    is returned whether or not it exists, so that a caller may treat an absent one as empty.
    """
    packaged = _PACKAGE / "_data" / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name

"""What `zoo verify` found, kept in the local hub: verdicts/<digest>.json.

A verdict lies beside the bundles and in none: it is this machine's finding about an agent that
may lie anywhere, and looking at an agent must not change its identity, the digest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.hub.blobs import is_digest
from zoo.hub.local import LocalHub
from zoo.storage import strict_json
from zoo.storage.files import explain, write_atomically

_MOST = 1 << 20  # bytes


def keep_verdict(digest: str, verdict: dict[str, Any]) -> Path:
    """Write the newest verdict about the agent with this digest, and return where it lies."""
    LocalHub().create()
    path = _path(digest)
    write_atomically(path, strict_json.dumps(verdict))
    return path


def verdict_on(digest: str) -> dict[str, Any] | None:
    """Return the newest verdict about the agent with this digest; None where there is none."""
    path = _path(digest)
    if not is_digest(digest) or not path.is_file():
        return None
    with explain(path, "read"):
        value = strict_json.loads(path.read_bytes(), str(path), max_bytes=_MOST)
    return value if isinstance(value, dict) else None


def _path(digest: str) -> Path:
    return LocalHub().root / "verdicts" / f"{digest}.json"

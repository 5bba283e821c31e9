"""Real agents that others have published, where they lie beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2].parent / "shared" / "sb3-agents"
PUBLISHED = Path(os.environ.get("ZOO_PUBLISHED_AGENTS", _BESIDE))
FOLDERS = sorted(PUBLISHED.glob("*/*_1"))
needs_published = pytest.mark.skipif(
    not FOLDERS, reason="no published agents; name their directory in ZOO_PUBLISHED_AGENTS"
)

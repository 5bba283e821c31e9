"""What every test stands on: its own place for runs, no network, one thread."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before NumPy and torch are imported, and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ["HF_HUB_OFFLINE"] = "1"
for variable in ("ZOO_PLUGINS", "ZOO_DISABLE_PLUGINS", "ZOO_DEBUG", "ZOO_RUNS", "ZOO_HUB"):
    os.environ.pop(variable, None)

# The same examples every time: a change fails for what it changes. `make fuzz` looks further.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have runs and the hub lie in the test's own directory, so that none sees another's."""
    runs = tmp_path / "runs"
    monkeypatch.setenv("ZOO_RUNS", str(runs))
    monkeypatch.setenv("ZOO_HUB", str(tmp_path / "hub"))
    return runs

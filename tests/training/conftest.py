"""Training with the stranger's plugin of `tests/testing`: NumPy only, so a run takes a second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from zoo.plugin.registry import register_plugin, reset_registry

STRANGER = Path(__file__).parents[1] / "testing" / "stranger"
ALGORITHM = "reference-actor-critic"


@pytest.fixture(autouse=True)
def reference(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the plugin for this process."""
    monkeypatch.syspath_prepend(str(STRANGER))
    reset_registry()
    register_plugin("reference", import_module("reference_plugin.hooks"))
    yield
    reset_registry()


@pytest.fixture
def installed_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have other processes find the plugin by an entry point, as if pip had installed it."""
    info = tmp_path / "site" / "reference_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: reference-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nreference = reference_plugin.hooks\n")
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}:{STRANGER}:{':'.join(sys.path)}")

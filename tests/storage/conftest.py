"""A saved bundle, and no plugins for those that read it."""

import pytest

from tests.storage.bundles import save
from zoo.plugin.registry import reset_registry


@pytest.fixture
def no_plugins(monkeypatch):
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "1")
    reset_registry()
    yield
    reset_registry()


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path / "agent", files={"README.md": b"# card", "curve.csv": b"steps\n1\n"})

"""Plugins as they come into the world: a module and an entry point on `sys.path`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo.plugin.registry import reset_registry

Install = Callable[..., Path]

HEADER = (
    "from zoo import AgentSpec, AlgorithmSpec, EnvironmentSpec, ExporterSpec, HubSpec\n"
    "from zoo import ImporterSpec, ModelSpec, WrapperSpec, hookimpl\n"
)


@pytest.fixture(autouse=True)
def fresh_plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every test discover plugins anew, whatever the caller's environment says."""
    monkeypatch.delenv("ZOO_PLUGINS", raising=False)
    monkeypatch.delenv("ZOO_DISABLE_PLUGINS", raising=False)
    modules = set(sys.modules)
    reset_registry()
    yield
    reset_registry()
    for name in set(sys.modules) - modules:
        if name.startswith("stranger_"):
            del sys.modules[name]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a plugin: `install(name, source, distribution=...)`.

    The plugin's module is `stranger_<name>` (none is written where the source is empty);
    further modules go in as `module_name="source"`.
    """
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install_plugin(
        name: str, source: str, *, distribution: str = "", module: str = "", **modules: str
    ) -> Path:
        module = module or f"stranger_{name}"
        distribution = distribution or f"dist-{name}"
        info = site / f"{distribution.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {module}\n")
        if source:
            modules[module] = HEADER + textwrap.dedent(source)
        for stem, text in modules.items():
            (site / f"{stem}.py").write_text(textwrap.dedent(text))
        monkeypatch.syspath_prepend(str(site))  # drops the import system's view of the folder
        return site

    return install_plugin

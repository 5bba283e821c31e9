"""A plugin to train with, installed for the test alone, and the command line to drive it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zoo.cli.main import main
from zoo.plugin.registry import reset_registry
from zoo.plugin.scaffold import new_plugin


@pytest.fixture(scope="session")
def toy_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that, on the path, is an installed plugin with the algorithm toy-cem."""
    project = new_plugin("toy", tmp_path_factory.mktemp("toy"))
    facts = project / "zoo_toy-0.1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-toy\nVersion: 0.1\n")
    (facts / "entry_points.txt").write_text("[zoo]\ntoy = zoo_toy.hooks\n")
    return project


@pytest.fixture
def toy(toy_project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have that plugin and no other, in this process and in those that it starts."""
    monkeypatch.syspath_prepend(str(toy_project))
    monkeypatch.setenv("PYTHONPATH", str(toy_project))
    monkeypatch.setenv("ZOO_PLUGINS", "toy")
    reset_registry()
    yield "toy-cem"
    reset_registry()


@pytest.fixture
def zoo_command(toy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs `zoo` with its arguments, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **options: object) -> Result:
        return CliRunner().invoke(main, [str(a) for a in arguments], **options)  # type: ignore

    return run

"""A toy algorithm, and recipes for it in every layer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Literal

import pytest
from pydantic import model_validator

from zoo.algorithm import Algorithm
from zoo.config.schema import Config, Field, ScheduleValue
from zoo.errors import ZooError
from zoo.plugin.hookspecs import hookimpl
from zoo.plugin.registry import register_plugin, reset_registry
from zoo.plugin.specs import AlgorithmSpec


class Net(Config):
    net_arch: list[int] | dict[str, list[int]] = Field([64, 64], description="Layer sizes.")
    activation_fn: Literal["tanh", "relu"] = Field("tanh", description="Between the layers.")


class ToyConfig(Config):
    gamma: float = Field(0.99, ge=0, le=1, description="Discount factor.")
    n_steps: int = Field(5, gt=0, description="Steps.")
    learning_rate: ScheduleValue = Field(3e-4, description="Step size.")
    normalize: bool | dict[str, bool] = Field(False, description="Either.")
    policy_kwargs: Net = Field(Net(), description="The network.")

    @model_validator(mode="after")
    def _together(self) -> ToyConfig:
        if self.n_steps == 13 and self.gamma == 1:
            raise ZooError("13 steps need a discount below 1", "Lower gamma")
        return self


class Toy(Algorithm):
    Config = ToyConfig


class Layers(SimpleNamespace):
    """Writes the recipe file of a layer, as in `layers.project(text)`, and returns its path."""

    shipped: Callable[[str], Path]
    plugin: Callable[[str], Path]
    project: Callable[[str], Path]
    user: Callable[[str], Path]


@pytest.fixture
def layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layers]:
    places = {
        "shipped": tmp_path / "shipped" / "hyperparams" / "toy.yml",
        "plugin": tmp_path / "plugin" / "toy.yml",
        "project": tmp_path / "work" / "hyperparams" / "toy.yml",
        "user": tmp_path / "work" / "mine.yml",
    }
    for path in places.values():
        path.parent.mkdir(parents=True, exist_ok=True)

    class Plugin:
        @hookimpl
        def zoo_algorithms(self) -> list[AlgorithmSpec]:
            return [AlgorithmSpec("toy", "toy_for_tests:Toy", "A toy", ("box",), ("discrete",))]

        @hookimpl
        def zoo_recipes(self) -> Path:
            return places["plugin"].parent

    module = ModuleType("toy_for_tests")
    module.Toy = Toy  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_for_tests", module)
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "1")
    monkeypatch.setattr("zoo.config.recipes.shipped", lambda name: tmp_path / "shipped" / name)
    monkeypatch.chdir(tmp_path / "work")
    reset_registry()
    register_plugin("toys", Plugin())

    def writer(path: Path) -> Callable[[str], Path]:
        def write(text: str) -> Path:
            path.write_text(text, encoding="utf-8")
            return path

        return write

    yield Layers(**{name: writer(path) for name, path in places.items()})
    reset_registry()

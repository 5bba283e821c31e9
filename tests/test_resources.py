from __future__ import annotations

from pathlib import Path

import pytest

import zoo.resources


def test_a_checkout_has_its_resources_beside_the_package() -> None:
    assert (zoo.resources.shipped("hyperparams") / "sb3-ppo.yml").is_file()


def test_a_wheel_has_them_inside_and_an_absent_one_is_a_path_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "zoo"
    (package / "_data" / "models").mkdir(parents=True)
    monkeypatch.setattr(zoo.resources, "_PACKAGE", package)
    assert zoo.resources.shipped("models") == package / "_data" / "models"
    assert not zoo.resources.shipped("hyperparams").exists()

"""The page about importing names what there is."""

from __future__ import annotations

from pathlib import Path

from zoo.importers.layers import _HEADS, _KEYS
from zoo.plugin.registry import get_registry

PAGE = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")


def test_every_format_and_every_key_is_described() -> None:
    assert set(get_registry().exporters) == {"numpy", "onnx", "sb3", "torchscript"}
    for word in (*get_registry().exporters, *_HEADS, *_KEYS):
        assert word in PAGE

"""The map of the modules is whole, and what it says of PyTorch is so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "plugins" / "zoo_torch"


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_each_module_has_its_place_in_the_map() -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    named = re.findall(r"`(\w+)`", "\n".join(rows))
    assert sorted(named) == sorted(p.stem for p in PACKAGE.glob("*.py") if p.stem != "__init__")


def test_two_modules_alone_import_pytorch() -> None:
    importing = sorted(p.stem for p in PACKAGE.glob("*.py") if "torch" in imported(p))
    assert importing == ["convolutions", "fused"]

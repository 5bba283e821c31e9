"""docs/conformance.md lists the checks that exist, with the rules that they state."""

from __future__ import annotations

import re
from pathlib import Path

from zoo.testing import probes
from zoo.testing.checks import CHECKS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
BEGIN, END = "<!-- checks: begin -->\n", "<!-- checks: end -->"


def test_the_table_of_checks_is_current() -> None:
    rows = [f"| `{name}` | {check.rule} |" for name, check in CHECKS.items()]
    table = "\n".join(["| check | rule |", "|---|---|", *rows, ""])
    text = DOCUMENT.read_text(encoding="utf-8")
    shown = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    assert shown == table, f"write this between the markers:\n{table}"


def test_the_probes_that_are_described_exist() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    described = re.findall(r"^\| `(\w+)(?:\((\w+))?", text, re.MULTILINE)
    names = {name for pair in described for name in pair if name[:1].isupper()}
    assert {"BanditProbe", "DecisionProbe", "ChainProbe", "TRUNCATED", "TERMINATED"} <= names
    assert all(hasattr(probes, name) for name in names)

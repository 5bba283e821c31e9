"""The README says what the program does: its tables are made from it, and its words exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

from zoo.cli.main import SECTIONS

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/plugins.md",
    "docs/conformance.md",
    "docs/hub.md",
    "docs/importing.md",
    "plugins/zoo_tabular/README.md",
]


def test_the_tables_of_the_readme_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "docs.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_check_notices_a_table_that_is_not_current(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("README.md", "pyproject.toml", "tools/docs.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    readme = tmp_path / "README.md"
    readme.write_text(readme.read_text().replace("| `zoo doctor` |", "| `zoo doktor` |"))
    done = subprocess.run(
        [sys.executable, tools / "docs.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "make docs" in done.stderr


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_shows_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    shown = set(re.findall(r"(?:^|[`$] ?)zoo ([a-z]+)", text, re.MULTILINE))
    assert shown
    assert shown <= {name for rows in SECTIONS.values() for name in rows}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_links_to_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert [link for link in links if not ((ROOT / document).parent / link).exists()] == []


def test_every_make_target_that_the_documents_show_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        shown = set(re.findall(r"`make ([a-z-]+)", (ROOT / document).read_text(encoding="utf-8")))
        assert shown <= targets


def test_the_pins_lie_within_the_ranges() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    asked = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in map(Requirement, chain.from_iterable(asked)):
        if requirement.name != "agent-zoo":
            assert pins[canonicalize_name(requirement.name)] in requirement.specifier

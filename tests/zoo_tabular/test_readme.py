"""The family's README has a section for each algorithm, with the picture that was measured."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from zoo_tabular.hooks import BANDITS, CONTROL, PLANNING, PREDICTION

ROOT = Path(__file__).resolve().parents[2]
FAMILY = ROOT / "plugins" / "zoo_tabular"
TEXT = (FAMILY / "README.md").read_text(encoding="utf-8")
PARTS = {"Control": CONTROL, "Prediction": PREDICTION, "Planning": PLANNING, "Bandits": BANDITS}
NAMES = [spec.name for specs in PARTS.values() for spec in specs]


def family(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, root / "tools" / "family.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def section(name: str) -> str:
    _, found, rest = TEXT.partition(f"\n### `{name}`\n")
    assert found, f"the README has no section for {name}"
    return re.split(r"\n##+ ", rest)[0]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the tool reads and writes, elsewhere."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "plugins" / "zoo_tabular").mkdir(parents=True)
    for name in ("pyproject.toml", "plugins/zoo_tabular/README.md"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_each_algorithm_has_its_rule_its_source_its_needs_and_its_curve(name: str) -> None:
    text = section(name)
    assert re.search(r"```math\n.+?\n```", text, re.DOTALL)
    assert re.search(r"\*\*Book\*\*:\s(page|section)|\*\*Source\*\*:", text)
    assert "**Needs**:" in text
    assert f"](curves/{name}.svg)" in text
    picture = ElementTree.parse(FAMILY / "curves" / f"{name}.svg").getroot()
    lines = picture.iter("{http://www.w3.org/2000/svg}polyline")
    assert all(len(line.attrib["points"].split()) > 10 for line in lines)


def test_each_part_lists_its_algorithms_in_the_order_in_which_they_are_registered() -> None:
    for part, specs in PARTS.items():
        names = [spec.name for spec in specs]
        body = TEXT.partition(f"\n## {part}\n")[2].partition("\n## ")[0]
        assert re.findall(r"^### `(.+)`$", body, re.MULTILINE) == names
        listed = TEXT.partition(f"- [{part}](#{part.lower()}):")[2].partition("\n- ")[0]
        assert re.findall(r"`(.+?)`", listed) == names


def test_no_picture_is_left_over() -> None:
    assert {path.stem for path in (FAMILY / "curves").iterdir()} == set(NAMES)


def test_captions_are_current() -> None:
    pytest.importorskip("scipy")
    done = family(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_the_check_notices_a_caption_that_is_not_current(copy: Path) -> None:
    pytest.importorskip("scipy")
    readme = copy / "plugins" / "zoo_tabular" / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("horizon=100", "horizon=99"))
    done = family(copy, "--check")
    assert done.returncode == 1
    assert "tools/family.py" in done.stderr


@pytest.mark.parametrize("name", ["value-iteration", "policy-iteration"])
def test_the_picture_is_what_the_tool_measures(name: str, copy: Path) -> None:
    pytest.importorskip("scipy")
    done = family(copy, name)
    assert done.returncode == 0, done.stderr
    made = copy / "plugins" / "zoo_tabular" / "curves" / f"{name}.svg"
    assert numbers(made) == pytest.approx(numbers(FAMILY / "curves" / made.name), abs=0.3)


def numbers(picture: Path) -> list[float]:
    """All coordinates of a picture's lines."""
    lines = ElementTree.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}polyline")
    return [float(number) for line in lines for number in re.split(r"[ ,]", line.attrib["points"])]

"""The command line imports little, and so starts fast: `benchmarks/calls.py` says how fast."""

from __future__ import annotations

import subprocess
import sys

import pytest

from zoo.cli.main import SECTIONS

HEAVY = {
    "numpy",
    "gymnasium",
    "torch",
    "pluggy",
    "rich",
    "pydantic",
    "ruamel",
    "stable_baselines3",
    "importlib.metadata",
}


def imported_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after running `code`."""
    report = f"{code}\nimport sys\nprint('\\n' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def run_zoo(*arguments: str) -> str:
    return f"from zoo.cli.main import main\nmain({list(arguments)!r}, standalone_mode=False)"


def test_help_imports_click_and_nothing_heavy() -> None:
    loaded = imported_by(run_zoo("--help"))
    assert loaded & HEAVY == set()
    assert not {name for name in loaded if name.startswith("zoo_")}
    assert {name for name in loaded if name.partition(".")[0] == "zoo"} == {
        "zoo",
        "zoo.errors",
        "zoo.cli",
        "zoo.cli.groups",
        "zoo.cli.main",
    }


@pytest.mark.parametrize("command", [name for rows in SECTIONS.values() for name in rows])
def test_the_help_of_a_command_imports_nothing_heavy(command: str) -> None:
    assert imported_by(run_zoo(command, "--help")) & HEAVY == set()


def test_import_zoo_loads_nothing_but_itself() -> None:
    assert {name for name in imported_by("import zoo") if name.startswith("zoo")} == {"zoo"}


def test_import_zoo_shows_every_public_name() -> None:
    import zoo

    for name in zoo.__all__:
        assert getattr(zoo, name) is not None
    assert set(zoo.__all__) <= set(dir(zoo))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        zoo.nonsense  # noqa: B018


def test_a_verb_stays_a_function_when_its_module_is_imported() -> None:
    code = (
        "import sys, zoo, zoo.train, zoo.evaluate\n"
        "assert callable(zoo.train) and callable(zoo.evaluate)\n"
        "assert zoo.train is sys.modules['zoo.train'].train\n"
    )
    imported_by(code)

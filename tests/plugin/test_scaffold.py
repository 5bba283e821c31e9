"""`zoo plugins new`: what it refuses, and that what it writes works from the first minute."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import zoo
from zoo.errors import ZooError
from zoo.plugin import scaffold
from zoo.plugin.scaffold import new_plugin

ROOT = Path(zoo.__file__).parents[1]


def test_the_project_holds_what_it_should_under_the_plugins_own_names(tmp_path: Path) -> None:
    project = new_plugin("my-lab", tmp_path)
    assert project == tmp_path / "zoo-my-lab"
    files = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert files == {
        "pyproject.toml",
        "README.md",
        ".gitignore",
        ".github/workflows/ci.yml",
        "zoo_my_lab/__init__.py",
        "zoo_my_lab/hooks.py",
        "zoo_my_lab/cross_entropy.py",
        "zoo_my_lab/recipes/my-lab-cem.yml",
        "tests/test_conformance.py",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["zoo-my-lab"]
    assert 'my-lab = "zoo_my_lab.hooks"' in (project / "pyproject.toml").read_text()
    assert "${{ matrix.python }}" in (project / ".github/workflows/ci.yml").read_text()


def test_no_placeholder_is_left_and_every_template_is_used(tmp_path: Path) -> None:
    project = new_plugin("my-lab", tmp_path)
    for path in project.rglob("*"):
        if path.is_file() and path.name != "ci.yml":
            assert "$" not in path.read_text(), path
    templates = {
        str(path.relative_to(scaffold.TEMPLATES)) for path in scaffold.TEMPLATES.rglob("*.tmpl")
    }
    assert templates == set(scaffold.FILES)


def test_the_conformance_test_is_three_lines_and_the_hook_module_is_light(tmp_path: Path) -> None:
    project = new_plugin("my-lab", tmp_path)
    test = (project / "tests/test_conformance.py").read_text()
    assert [line for line in test.splitlines() if line][-3:] == [
        '@parametrize_algorithms("my-lab-cem", expected_failures=EXPECTED)',
        "def test_conformance(check):",
        "    check()",
    ]
    tree = ast.parse((project / "zoo_my_lab/hooks.py").read_text())
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert imported == {"pathlib", "zoo"}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("", "Try my-lab"),
        ("My Lab", "Try my-lab"),
        ("zoo-lab", "Try lab"),
        ("my_lab", "Try my-lab"),
        ("3d", "Try d"),
        ("lab-", "Try lab"),
        ("../lab", "Try lab"),
        ("läb", "Try l-b"),
        ("a" * 41, "Try " + "a" * 40),
        ("lab\n", "Try lab"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_with_one_that_can(
    tmp_path: Path, name: str, hint: str
) -> None:
    with pytest.raises(ZooError, match="a plugin cannot be named") as caught:
        new_plugin(name, tmp_path)
    assert caught.value.hint == hint
    assert list(tmp_path.iterdir()) == []


def test_an_installed_package_is_not_shadowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zoo_taken.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ZooError, match="a package zoo_taken is already there"):
        new_plugin("taken", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_existing_directory_is_left_as_it_is(tmp_path: Path) -> None:
    existing = tmp_path / "zoo-my-lab"
    existing.mkdir()
    (existing / "mine.txt").write_text("mine")
    with pytest.raises(ZooError, match="exists already"):
        new_plugin("my-lab", tmp_path)
    assert [path.name for path in existing.iterdir()] == ["mine.txt"]


def test_nothing_is_left_behind_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def full(path: Path, *arguments: object, **options: object) -> int:
        if path.name == "cross_entropy.py":
            raise OSError(28, "No space left on device")
        return write(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ZooError, match=r"cannot write .*zoo-my-lab: No space left on device"):
        new_plugin("my-lab", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="cannot write"):
        new_plugin("my-lab", tmp_path / "file")


def test_what_is_written_passes_the_linter_and_the_formatter(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    project = new_plugin("a-plugin-with-a-rather-long-name", tmp_path)
    check = ["check", "--select", "E,F,I,B,UP,SIM,RUF,PL", "--target-version", "py311"]
    for command in (check, ["format", "--check"]):
        done = subprocess.run(
            [ruff, *command, "--isolated", "--no-cache", "--line-length=100", "."],
            cwd=project,  # where the zoo is somebody else's package, as for the plugin's author
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


class Installation:
    """A fresh virtual environment in which the scaffolded project is installed.

    It is offline: what this environment holds is visible in the new one through a path file,
    and pip builds the project with the hatchling that is already there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.project = new_plugin("my-lab", directory)
        venv = directory / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
        self.python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
        code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        site = Path(self.run("-c", code).strip())
        parent = sysconfig.get_paths()["purelib"]
        # addsitedir also reads the path files there: an editable install of the zoo is one.
        lines = [f"import site; site.addsitedir({parent!r})", str(ROOT), str(ROOT / "plugins")]
        (site / "parent.pth").write_text("\n".join(lines) + "\n")
        options = "--no-deps --no-build-isolation --no-index --quiet --disable-pip-version-check"
        self.run("-m", "pip", "install", *options.split(), str(self.project))

    def run(self, *arguments: str) -> str:
        """Run the new environment's Python and return what it prints; fail where it fails."""
        environment = {
            key: value
            for key, value in os.environ.items()
            if key not in ("PYTHONPATH", "ZOO_PLUGINS", "ZOO_DISABLE_PLUGINS")
        }
        environment["ZOO_RUNS"] = str(self.directory / "runs")
        done = subprocess.run(
            [str(self.python), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.directory,
            env=environment,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Install a scaffolded plugin once for the tests below."""
    pytest.importorskip("hatchling")
    return Installation(tmp_path_factory.mktemp("scaffold"))


@pytest.mark.slow
def test_the_installed_plugin_is_found_with_its_algorithm(installation: Installation) -> None:
    rows = json.loads(installation.run("-m", "zoo", "plugins", "list", "--json"))
    (row,) = [row for row in rows if row["name"] == "my-lab"]
    assert row["status"] == "ok"
    assert (row["distribution"], row["version"]) == ("zoo-my-lab", "0.1.0")
    algorithms = json.loads(installation.run("-m", "zoo", "algos", "list", "--json"))
    assert "my-lab-cem" in [algorithm["name"] for algorithm in algorithms]
    shown = installation.run("-c", "import zoo_my_lab; print(zoo_my_lab.__file__)")
    assert str(installation.project) not in shown


@pytest.mark.slow
def test_the_installed_plugin_trains_by_its_recipe_and_learns_cartpole(
    installation: Installation,
) -> None:
    command = ["-m", "zoo", "train", "--algo", "my-lab-cem", "--env", "CartPole-v1", "--seed", "1"]
    installation.run(*command)
    command = ["-m", "zoo", "eval", "my-lab-cem/CartPole-v1", "--episodes", "20", "--json"]
    evaluation = json.loads(installation.run(*command))
    assert evaluation["algorithm"] == "my-lab-cem"
    assert evaluation["mean_return"] >= 400


@pytest.mark.slow
def test_the_installed_plugin_passes_its_own_tests(installation: Installation) -> None:
    report = installation.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", str(installation.project)
    )
    assert re.search(r"\b\d\d passed, .* 2 xfailed", report), report

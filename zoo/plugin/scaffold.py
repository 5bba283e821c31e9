"""Writes the beginning of a plugin: a separate project that installs, trains and passes."""

from __future__ import annotations

import re
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from string import Template

from zoo import __version__
from zoo.errors import ZooError

TEMPLATES = Path(__file__).parents[1] / "templates" / "plugin"
LONGEST_NAME = 40

# From a template to its place in the project; both may hold placeholders.
FILES = {
    "pyproject.toml.tmpl": "pyproject.toml",
    "README.md.tmpl": "README.md",
    "gitignore.tmpl": ".gitignore",
    "ci.yml.tmpl": ".github/workflows/ci.yml",
    "package/__init__.py.tmpl": "$package/__init__.py",
    "package/hooks.py.tmpl": "$package/hooks.py",
    "package/cross_entropy.py.tmpl": "$package/cross_entropy.py",
    "package/recipes/recipe.yml.tmpl": "$package/recipes/$algorithm.yml",
    "tests/test_conformance.py.tmpl": "tests/test_conformance.py",
}

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_plugin(name: str, directory: str | Path = ".") -> Path:
    """Write the project `zoo-<name>` into `directory` and return its path.

    It holds the package `zoo_<name>` with the algorithm `<name>-cem`, the cross-entropy method.
    Raises `ZooError`, with nothing written, where the name cannot be one, a package of that
    name is installed, or the project's directory exists.
    """
    _check_name(name)
    values = {
        "name": name,
        "distribution": f"zoo-{name}",
        "package": "zoo_" + name.replace("-", "_"),
        "algorithm": f"{name}-cem",
        "version": __version__,
    }
    if find_spec(values["package"]):
        raise ZooError(f"a package {values['package']} is already there", "Choose another name")
    project = Path(directory) / values["distribution"]
    if project.exists() or project.is_symlink():
        raise ZooError(f"{project} exists already", "Choose another name or another directory")
    try:
        _write(project, values)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ZooError(f"cannot write {project}: {reason}", "Choose another directory") from error
    return project


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) and not name.startswith("zoo-") and len(name) <= LONGEST_NAME:
        return
    fitting = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").removeprefix("zoo-")
    fitting = fitting.lstrip("0123456789-")[:LONGEST_NAME].rstrip("-")
    raise ZooError(
        f"a plugin cannot be named {name!r}: its name is made of lowercase letters, digits and "
        f"single dashes, begins with a letter but not with 'zoo-', and has at most {LONGEST_NAME}",
        f"Try {fitting}" if fitting else "Try my-lab",
    )


def _write(project: Path, values: dict[str, str]) -> None:
    """Write all files beside the final place, then move them there at once."""
    project.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{project.name}-", dir=project.parent))
    try:
        content = draft / project.name  # mkdtemp's own directory is closed to everybody else
        for source, target in FILES.items():
            text = Template((TEMPLATES / source).read_text(encoding="utf-8")).substitute(values)
            path = content / Template(target).substitute(values)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        content.rename(project)
    finally:
        shutil.rmtree(draft, ignore_errors=True)

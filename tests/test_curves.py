"""The deep families' READMEs show what every algorithm learnt, as the committed returns have it."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import zoo_actor_critic.hooks
import zoo_dqn.hooks
import zoo_policy_gradient.hooks

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = {
    "zoo_dqn": zoo_dqn.hooks,
    "zoo_policy_gradient": zoo_policy_gradient.hooks,
    "zoo_actor_critic": zoo_actor_critic.hooks,
}
EXHIBITS = [
    (plugin, spec.name) for plugin, hooks in PLUGINS.items() for spec in hooks.zoo_algorithms()
]
LEARNT = {"0": 400.0, "-": -300.0}
"""Of CartPole-v1, whose returns are positive, and of Pendulum-v1: what the mean over the seeds
should come to at some time."""


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, root / "tools" / "curves.py", "--check"]
    return subprocess.run(command, capture_output=True, text=True)


def returns(plugin: str, name: str) -> dict[str, list[float]]:
    """The returns by the seed."""
    found = defaultdict(list)
    path = ROOT / "plugins" / plugin / "curves" / f"{name}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["seed"]].append(float(row["mean_return"]))
    return found


@pytest.mark.parametrize(("plugin", "name"), EXHIBITS)
def test_each_algorithm_learns_with_several_seeds(plugin: str, name: str) -> None:
    curves = list(returns(plugin, name).values())
    assert len(curves) >= 3
    assert min(map(len, curves)) >= 10
    means = [sum(at) / len(at) for at in zip(*curves, strict=False)]
    first = "-" if means[0] < 0 else "0"
    assert max(means) > LEARNT[first]


def test_pictures_and_tables_are_current() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


def test_the_check_notices_other_returns(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    for plugin in PLUGINS:
        folder = tmp_path / "plugins" / plugin
        shutil.copytree(ROOT / "plugins" / plugin / "curves", folder / "curves")
        shutil.copyfile(ROOT / "plugins" / plugin / "README.md", folder / "README.md")
    assert check(tmp_path).returncode == 0
    changed = tmp_path / "plugins" / "zoo_policy_gradient" / "curves" / "trpo.csv"
    lines = changed.read_text(encoding="utf-8").splitlines()
    lines[-1] = lines[-1].rpartition(",")[0] + ",0.0"
    changed.write_text("\n".join(lines), encoding="utf-8")
    done = check(tmp_path)
    assert done.returncode == 1
    assert "trpo.svg is not current. Run: python tools/curves.py" in done.stderr

"""What can be looked up: algorithms, environments, recipes, plugins, and what is broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Zoo = Callable[..., Result]


def as_json(result: Result) -> object:
    """Return what a command printed, which must be JSON and nothing else."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_algos_lists_what_plugins_bring(zoo_command: Zoo) -> None:
    rows = as_json(zoo_command("algos", "--json"))
    assert [(row["name"], row["plugin"]) for row in rows] == [("toy-cem", "toy")]
    printed = zoo_command("algos").stdout.splitlines()
    assert printed[0].split() == ["ALGORITHM", "ACTIONS", "SUMMARY", "PLUGIN"]
    assert printed[1].split()[:3] == ["toy-cem", "discrete,", "box"]


def test_algos_show_documents_every_hyperparameter(zoo_command: Zoo) -> None:
    facts = as_json(zoo_command("algos", "show", "toy-cem", "--json"))
    by_name = {row["name"]: row for row in facts["hyperparameters"]}
    assert by_name["population"]["default"] == "50"
    assert all(row["description"] for row in by_name.values())
    assert "Weight vectors in a generation" in zoo_command("algos", "show", "toy-cem").stdout


def test_an_unknown_algorithm_gets_a_suggestion(zoo_command: Zoo) -> None:
    result = zoo_command("algos", "show", "toy-cme")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: there is no algorithm 'toy-cme'. Did you mean toy-cem?\n"


@pytest.mark.parametrize("pattern", ["cartpole-v1", "CartPole-v1", "cart*-v1"])
def test_envs_finds_by_part_and_by_pattern(zoo_command: Zoo, pattern: str) -> None:
    assert {"id": "CartPole-v1"} in as_json(zoo_command("envs", pattern, "--json"))
    assert "CartPole-v1" in zoo_command("envs", pattern).stdout.splitlines()


def test_envs_suggests_what_it_does_not_find(zoo_command: Zoo) -> None:
    result = zoo_command("envs", "CartPoel-v1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Did you mean CartPole-v" in result.stderr


def test_plugins_tells_what_works_and_what_does_not(
    zoo_command: Zoo, toy_project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "zoo_broken-0.2.dist-info"
    broken.mkdir()
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-broken\nVersion: 0.2\n")
    (broken / "entry_points.txt").write_text("[zoo]\nbroken = zoo_broken_hooks\n")
    (tmp_path / "zoo_broken_hooks.py").write_text("raise RuntimeError('out of order')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ZOO_PLUGINS", "toy,broken")
    result = zoo_command("plugins", "--json")
    rows = {row["name"]: row for row in as_json(result)}
    assert rows["toy"]["status"] == "ok"
    assert "zoo_algorithms" in rows["toy"]["hooks"]
    assert rows["broken"]["status"] == "FAILED"
    assert "out of order" in rows["broken"]["error"]
    assert result.stderr.count("\n") == 1
    assert "FAILED" in zoo_command("plugins").stdout


def test_plugins_new_writes_a_project_and_says_what_next(zoo_command: Zoo, tmp_path: Path) -> None:
    result = zoo_command("plugins", "new", "fine-lab")
    assert result.exit_code == 0
    assert (tmp_path / "zoo-fine-lab" / "pyproject.toml").is_file()
    assert 'pip install -e "zoo-fine-lab[dev]"' in result.stdout
    again = zoo_command("plugins", "new", "fine-lab")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)


def test_recipes_show_tells_where_each_value_is_from(zoo_command: Zoo, tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    own.write_text("CartPole-v1:\n  population: 7\n")
    shown = ("recipes", "show", "toy-cem", "CartPole-v1", "--recipe", own, "--set", "elite=0.5")
    values = as_json(zoo_command(*shown, "--json"))["values"]
    assert values["population"] == {"value": 7, "source": "own.yml:2"}
    assert values["elite"] == {"value": 0.5, "source": "--set"}
    assert values["variance"]["source"] != values["population"]["source"]
    assert "own.yml:2" in zoo_command(*shown).stdout


def test_recipes_list_and_check(zoo_command: Zoo, tmp_path: Path) -> None:
    rows = as_json(zoo_command("recipes", "--json"))
    assert {row["algorithm"] for row in rows} <= {"toy-cem"}
    assert zoo_command("recipes", "check").exit_code == 0
    wrong = tmp_path / "toy-cem.yml"
    wrong.write_text("CartPole-v1:\n  populatoin: 7\nAcrobot-v1:\n  elite: much\n")
    result = zoo_command("recipes", "check", wrong)
    assert result.exit_code == 1
    assert [line.split(":")[1] for line in result.stdout.splitlines()] == ["2", "4"]
    assert "Did you mean population?" in result.stdout


def test_recipes_import_converts_and_names_what_it_leaves_out(
    zoo_command: Zoo, tmp_path: Path
) -> None:
    theirs = tmp_path / "ppo.yml"
    theirs.write_text(
        "CartPole-v1:\n  n_timesteps: !!float 1e5\n  policy: 'MlpPolicy'\n"
        '  policy_kwargs: "dict(net_arch=[64, 64])"\n  callback: some.Callback\n'
    )
    result = zoo_command("recipes", "import", theirs, "-o", tmp_path / "sb3-ppo.yml")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "ppo.yml:5: CartPole-v1: key 'callback': left out" in result.stderr
    assert "net_arch" in (tmp_path / "sb3-ppo.yml").read_text()
    again = zoo_command("recipes", "import", theirs, "-o", tmp_path / "sb3-ppo.yml")
    assert again.exit_code == 1
    assert "--force" in again.stderr
    assert "net_arch" in zoo_command("recipes", "import", theirs).stdout


def test_doctor_tells_versions(zoo_command: Zoo) -> None:
    result = zoo_command("doctor")
    assert result.exit_code == 0
    assert "numpy" in result.stdout
    as_json(zoo_command("doctor", "--json"))

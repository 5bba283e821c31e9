"""Runs appear whole, are found by many names, and tell the truth about how they stand."""

import json
import subprocess
import sys

import pytest

from zoo.errors import ZooError
from zoo.storage.runs import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUNNING,
    create_run,
    find_run,
    find_unfinished,
    list_runs,
    open_run,
    runs_root,
)


def facts(**changes):
    return {
        "algorithm": "q-learning",
        "environment": {"id": "ALE/Pong-v5", "kwargs": {}, "wrappers": []},
        "seed": 3,
        "plugin": "tabular",
        "versions": {},
        "cadence": {},
        "device": "cpu",
        "n_envs": 1,
        "config": {},
        "steps": 100,
    } | changes


def test_a_run_is_read_back_as_it_was_created(tmp_path):
    run = create_run(facts(), tmp_path)
    assert run.path.parent == tmp_path / "q-learning" / "ALE__Pong-v5"
    again = open_run(run.path)
    assert again.info == run.info
    assert (again.env_id, again.steps) == ("ALE/Pong-v5", 0)


def test_ids_differ_and_listing_is_newest_first(tmp_path):
    runs = [create_run(facts(seed=seed), tmp_path) for seed in range(5)]
    assert len({run.id for run in runs}) == 5
    assert [run.info["seed"] for run in list_runs(tmp_path)] == [4, 3, 2, 1, 0]


def test_a_run_is_found_by_path_id_start_name_and_pair(tmp_path):
    old = create_run(facts(name="first"), tmp_path)
    new = create_run(facts(), tmp_path)
    for reference in (
        str(old.path),
        old.id,
        old.id[:8],
        "first",
        f"q-learning/ALE/Pong-v5/{old.id}",
    ):
        assert find_run(reference, tmp_path).id == old.id
    assert find_run("q-learning/ALE/Pong-v5", tmp_path).id == new.id


def test_an_unknown_run_gets_a_suggestion(tmp_path):
    create_run(facts(name="long-walk"), tmp_path)
    with pytest.raises(ZooError, match="Did you mean long-walk"):
        find_run("long-wolk", tmp_path)


def test_a_name_is_given_once(tmp_path):
    create_run(facts(name="first"), tmp_path)
    with pytest.raises(ZooError, match="already a run named 'first'"):
        create_run(facts(name="first"), tmp_path)
    assert len(list_runs(tmp_path)) == 1


def test_a_run_whose_process_died_was_interrupted(tmp_path):
    run = create_run(facts(), tmp_path)
    assert run.info["status"] == RUNNING
    assert run.status == INTERRUPTED
    with run.lock():
        other = (
            "import sys; from pathlib import Path; from zoo.storage.runs import open_run;"
            "print(open_run(Path(sys.argv[1])).status)"
        )
        command = [sys.executable, "-c", other, str(run.path)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == RUNNING


def test_unfinished_runs_are_those_of_the_same_facts_that_stopped_early(tmp_path):
    done = create_run(facts(), tmp_path)
    done.update(status=FINISHED)
    assert find_unfinished(facts(), tmp_path) is None
    failed = create_run(facts(), tmp_path)
    failed.update(status=FAILED)
    assert find_unfinished(facts(), tmp_path).id == failed.id
    assert find_unfinished(facts(seed=4), tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', "\x00"])
def test_a_damaged_run_file_is_one_clear_error_and_hides_no_other_run(tmp_path, content):
    good, bad = create_run(facts(), tmp_path), create_run(facts(), tmp_path)
    (bad.path / "run.json").write_text(content)
    with pytest.raises(ZooError, match=r"run\.json"):
        open_run(bad.path)
    assert [run.id for run in list_runs(tmp_path)] == [good.id]


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": "x"},
        {"environment": {}},
        {"progress": 3},
        {"progress": {}},
        {"format": "x"},
        {"steps": "x"},
        {"seed": True},
        {"cadence": None},
    ],
)
def test_fields_of_the_wrong_kind_are_damage(tmp_path, changes):
    run = create_run(facts(), tmp_path)
    (run.path / "run.json").write_text(json.dumps(run.info | changes))
    with pytest.raises(ZooError, match="is damaged"):
        open_run(run.path)


def test_deep_nesting_is_damage(tmp_path):
    run = create_run(facts(), tmp_path)
    (run.path / "run.json").write_text("[" * 100_000)
    with pytest.raises(ZooError):
        open_run(run.path)


def test_a_newer_format_asks_for_an_upgrade(tmp_path):
    run = create_run(facts(), tmp_path)
    (run.path / "run.json").write_text(json.dumps(run.info | {"format": 99}))
    with pytest.raises(ZooError, match="newer zoo"):
        open_run(run.path)


def test_deleting_leaves_nothing_but_refuses_while_training(tmp_path):
    run = create_run(facts(), tmp_path)
    with run.lock(), pytest.raises(ZooError, match="training right now"):
        open_run(run.path).delete()
    run.delete()
    assert list(run.path.parent.iterdir()) == []


def test_the_root_is_the_argument_else_the_variable_else_here(tmp_path, monkeypatch):
    monkeypatch.delenv("ZOO_RUNS", raising=False)
    assert str(runs_root()) == "runs"
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path))
    assert runs_root() == tmp_path
    assert runs_root(tmp_path / "mine") == tmp_path / "mine"

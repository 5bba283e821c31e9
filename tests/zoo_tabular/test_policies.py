"""A given policy comes from a word, a file or an agent, and has to fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import zoo
from zoo import ZooError
from zoo_tabular.policies import load_policy

SPACES: tuple[Any, Any] = (spaces.Discrete(3), spaces.Discrete(2))


def saved(directory: Path, array: Any) -> str:
    path = directory / "policy.npy"
    np.save(path, array)
    return str(path)


def test_uniform_is_every_action_alike() -> None:
    tuples = spaces.Tuple((spaces.Discrete(3), spaces.Discrete(2)))
    assert load_policy("uniform", tuples, spaces.Discrete(4)).tolist() == [[0.25] * 4] * 6


def test_a_file_holds_probabilities_or_actions(tmp_path: Path) -> None:
    table = [[0.5, 0.5], [1, 0], [0.25, 0.75]]
    assert load_policy(saved(tmp_path, table), *SPACES).tolist() == table
    assert load_policy(saved(tmp_path, [1, 0, 1]), *SPACES).tolist() == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((4, 2), 0.5), "is for 4 states and 2 actions, the environment has 3 and 2"),
        ([0, 1, 0, 1], "is for 4 states"),
        (np.full((3, 2), 0.6), "no probability distribution"),
        ([[2.0, -1.0]] * 3, "no probability distribution"),
        ([[np.nan, 1.0]] * 3, "no probability distribution"),
        ([0, 2, 0], "names actions that the environment does not have.*0 to 1"),
        ([0.5, 0.5, 0.5], "names actions"),
        (["a", "b", "c"], "holds no policy"),
    ],
)
def test_what_is_no_policy_for_these_spaces_is_refused(
    tmp_path: Path, array: Any, message: str
) -> None:
    with pytest.raises(ZooError, match=message):
        load_policy(saved(tmp_path, array), *SPACES)


def test_a_missing_file_a_pickle_and_no_array_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there is no policy file"):
        load_policy(str(tmp_path / "gone.npy"), *SPACES)
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ZooError, match="is no array file"):
        load_policy(str(tmp_path / "objects.npy"), *SPACES)
    (tmp_path / "text.npy").write_text("left, right")
    with pytest.raises(ZooError, match="is no array file"):
        load_policy(str(tmp_path / "text.npy"), *SPACES)


def test_an_agent_is_evaluated_as_it_acts() -> None:
    run = zoo.train("value-iteration", "FrozenLake-v1", seed=0, eval_every=0)
    evaluated = zoo.train(
        "policy-evaluation",
        "FrozenLake-v1",
        seed=0,
        set={"policy": str(run.path / "last"), "method": "linear"},
        eval_every=0,
    )
    one, other = (zoo.load(str(each.path / "last")) for each in (run, evaluated))
    assert other.v == pytest.approx(one.v, abs=1e-6)
    with pytest.raises(ZooError, match="is for 16 states and 4 actions, the environment has 48"):
        zoo.train("policy-evaluation", "CliffWalking-v1", set={"policy": str(run.path / "last")})


def test_json_and_csv_hold_probabilities_or_actions_too(tmp_path: Path) -> None:
    table, one_hot = [[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]], [[0, 1], [1, 0], [0, 1]]
    texts = {
        "table.json": "[[0.5, 0.5], [1, 0], [0.25, 0.75]]",
        "table.csv": "0.5,0.5\n1,0\n0.25,0.75\n",
        "actions.json": "[1, 0, 1]",
        "actions.csv": "1\n0\n1\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        expected = one_hot if "actions" in name else table
        assert load_policy(str(tmp_path / name), *SPACES).tolist() == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.csv", None, "there is no policy file"),
        ("a.json", "[[1, 0], [1]]", "a.json is no file of lists"),
        ("a.json", "not json", "a.json is no file of lists"),
        ("a.json", '{"0": 1}', "a.json holds no policy"),
        ("a.json", "[true, false, true]", "a.json holds no policy"),
        ("a.json", "[" * 100_000, "a.json is no file of lists"),
        ("a.csv", "left,right\n1,0\n", "a.csv is no file of numbers"),
        ("a.csv", "1,0\n1\n", "a.csv is no file of numbers"),
        ("a.csv", "", "is for 0 states"),
        ("a.csv", "1\n0.5\n1\n", "is for 3 states and 1 actions"),
        ("a.csv", "1\n7\n1\n", "names actions that the environment does not have"),
    ],
)
def test_other_files_are_refused_in_one_line(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ZooError, match=message) as caught:
        load_policy(str(tmp_path / name), *SPACES)
    assert "\n" not in str(caught.value.message)


@pytest.mark.parametrize("algorithm", ["policy-evaluation", "td-prediction"])
def test_a_policy_for_another_environment_leaves_no_run_behind(
    algorithm: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "pi.npy", np.full((3, 2), 0.5))
    policy = {"policy": str(tmp_path / "pi.npy")}
    with pytest.raises(ZooError, match="is for 3 states and 2 actions"):
        zoo.train(algorithm, "FrozenLake-v1", steps=100, set=policy, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()

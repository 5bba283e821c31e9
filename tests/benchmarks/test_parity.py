"""What benchmarks/parity.py makes of its rows: what is left to train, and the verdicts."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def parity():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("parity")
    for name in ("parity", "parity_rows"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def rows(parity):
    return sys.modules["parity_rows"]


@pytest.fixture
def row(rows):
    return rows.Row(
        "ppo", "CartPole-v1", "zoo", 0, 100, 400.0, 410.0, 200.0, 1.5, "abc", "zoo 1; commit 2"
    )


def test_rows_come_back_from_the_file_as_they_were(rows, row, tmp_path):
    path = tmp_path / "parity.csv"
    assert rows.read_rows(path) == []
    written = [row, replace(row, side="sb3", final_mean=-1.25)]
    for one in written:
        rows.append_row(path, one)
    assert rows.read_rows(path) == written
    assert path.read_text().count("algorithm") == 1


def test_only_what_has_no_row_of_its_settings_is_trained(parity, row):
    work = parity.Work("ppo", "CartPole-v1", 100, seeds=2)
    of_others = [replace(row, seed=1, settings="changed"), replace(row, seed=1, env="Acrobot-v1")]
    jobs = parity.missing([work], ["sb3", "zoo"], None, [row, *of_others], lambda work: "abc")
    assert jobs == [(work, "sb3", 0), (work, "sb3", 1), (work, "zoo", 1)]
    assert parity.missing([work], ["zoo"], 1, [row], lambda work: "abc") == []


def test_a_verdict_needs_the_whole_interval_on_one_side_of_zero(rows):
    scores = [100.0, 101.0, 102.0, 103.0, 104.0]
    assert rows.verdict([s - 10 for s in scores], scores) == "worse"
    assert rows.verdict([s + 10 for s in scores], scores) == "better"
    assert rows.verdict([s - 1 for s in scores], scores) == "not significant"
    assert rows.verdict([0.0, 0.0], scores) == "too few seeds"
    assert rows.verdict([500.0] * 5, [500.0] * 5) == "not significant"


def test_the_interval_of_a_difference_is_that_of_independent_samples(rows):
    ours, theirs = [0.0, 0.0, 0.0, 1.0, 1.0], [0.0] * 5
    low, high = rows.difference(ours, theirs)
    assert low == 0.0
    assert 0.75 <= high <= 1.0
    assert rows.difference(theirs, ours) == (-high, 0.0)


def test_the_area_is_the_mean_over_steps_and_not_over_rows(rows):
    metrics = [
        {"steps": 50},
        {"steps": 100, "return": 0.0},
        {"steps": 200, "return": 0.0},
        {"steps": 400, "return": 30.0},
    ]
    assert rows.area(metrics) == pytest.approx(200 * 15.0 / 300)
    assert rows.area(metrics[:2]) == 0.0
    assert rows.area(metrics[:1]) != rows.area(metrics[:1])  # NaN: no episode ended


def test_the_table_compares_sides_of_equal_settings_only(rows, row):
    sides = [replace(row, side=side, seed=seed, final_mean=score + seed)
             for side, score in (("sb3", 450.0), ("zoo", 300.0)) for seed in range(5)]  # fmt: skip
    alone = [replace(row, settings="changed"), replace(row, env="Acrobot-v1", side="sb3")]
    lines = rows.table([*sides, *alone]).splitlines()
    compared = [line for line in lines if line.startswith("| ppo")]
    assert len(compared) == 1
    assert "| 5 + 5 |" in compared[0]
    assert "| 452.0 [" in compared[0]
    assert "| -150.0 [" in compared[0]
    assert "| worse | 200.0 [200.0, 200.0] |" in compared[0]
    assert compared[0].endswith("| 0.0 [0.0, 0.0] |")


@pytest.mark.parametrize("name", ["ppo", "a2c"])
def test_both_sides_come_to_the_same_settings(parity, name):
    pytest.importorskip("stable_baselines3")
    work = parity.Work(name, "Pendulum-v1", 1000)
    given = parity.settings(work)
    ours, theirs = given.config(name), given.config(f"sb3-{name}")
    assert not theirs["use_sde"]
    for key, value in given.shared.items():
        if key != "policy_kwargs":
            assert ours[key] == theirs[key] == value, key
    for key, value in given.shared["policy_kwargs"].items():
        assert ours["policy_kwargs"][key] == theirs["policy_kwargs"][key] == value, key
    assert set(ours) - set(given.shared) <= {"rms_prop_tf_like"}
    assert given.digest != parity.settings(work._replace(steps=2000)).digest

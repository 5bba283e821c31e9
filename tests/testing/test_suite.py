"""How checks are run and reported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mutant_plugin import spec_of

import zoo.testing
from zoo import ZooError, hookimpl
from zoo.plugin.registry import register_plugin
from zoo.testing import ConformanceFailure, check_algorithm, parametrize_algorithms
from zoo.testing.checks import CHECKS


class OneMutant:
    @hookimpl
    def zoo_algorithms(self) -> list[Any]:
        return [spec_of("SeedsGlobally"), spec_of("WrongSignDiscrete")]


@pytest.fixture(autouse=True)
def mutants(reference: None) -> None:
    register_plugin("mutants", OneMutant())


def test_a_right_algorithm_gets_a_report_without_problems() -> None:
    report = check_algorithm("reference-planner")
    assert report.ok
    assert not report.problems
    assert {result.check for result in report.results} == {
        name for name, check in CHECKS.items() if check.needs != "environment"
    }
    assert "exact_resume                         passed" in str(report)


@pytest.mark.slow
def test_all_problems_of_a_wrong_one_are_listed_in_one_error() -> None:
    with pytest.raises(ConformanceFailure) as caught:
        check_algorithm("SeedsGlobally")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("SeedsGlobally breaks 1 of ")
    assert lines[1].strip().startswith("global_rng_untouched: the constructor changes the global")


@pytest.mark.slow
def test_expected_failures_must_fail() -> None:
    reason = {"global_rng_untouched": "seeds the library behind it"}
    report = check_algorithm("SeedsGlobally", expected_failures=reason)
    assert "failed as expected" in [result.outcome for result in report.results]
    report = check_algorithm("reference-planner", expected_failures=reason, on_fail="return")
    (problem,) = report.problems
    assert problem.outcome == "passed unexpectedly"
    assert "seeds the library behind it" in problem.text


def test_a_misspelt_check_or_an_empty_reason_is_refused() -> None:
    with pytest.raises(ZooError, match="Did you mean exact_resume"):
        parametrize_algorithms("reference-planner", expected_failures={"exact_resum": "why"})
    with pytest.raises(ZooError, match="no reason"):
        check_algorithm("reference-planner", expected_failures={"exact_resume": " "})


def test_a_misspelt_algorithm_gets_a_suggestion() -> None:
    with pytest.raises(ZooError, match="Did you mean reference-planner"):
        parametrize_algorithms("reference-planer")


def test_parameters_have_readable_ids_marks_and_strict_reasons() -> None:
    mark = parametrize_algorithms(
        "reference-planner",
        expected_failures={"exact_resume": "has no state"},
        slow=pytest.mark.slow,
    ).mark
    assert mark.args[0] == "check"
    parameters = {parameter.id: parameter for parameter in mark.args[1]}
    expected = parameters["reference-planner-exact_resume"].marks[0]
    assert expected.name == "xfail"
    assert expected.kwargs == {"strict": True, "reason": "has no state"}
    assert parameters["reference-planner-bundle_round_trip"].marks[0].name == "slow"
    assert not parameters["reference-planner-closes_early"].marks
    assert "reference-planner-learns_box_actions" not in parameters


def test_only_checks_of_declared_actions_exist() -> None:
    ids = {p.id for p in parametrize_algorithms("WrongSignDiscrete").mark.args[1]}
    assert "WrongSignDiscrete-learns_box_actions" in ids
    assert "WrongSignDiscrete-learns_multi_binary_actions" not in ids
    assert "WrongSignDiscrete-learns_known_model" not in ids


def test_steps_and_config_reach_the_training() -> None:
    report = check_algorithm(
        "reference-actor-critic", config={"learning_rate": 1e-9}, steps=500, on_fail="return"
    )
    failed = {result.check: result.text for result in report.problems}
    assert "after 512 steps" in failed["learns_discrete_actions"]
    with pytest.raises(ZooError, match="learning_rate"):
        zoo.testing.suite.BoundCheck(
            zoo.testing.subject.Subject("reference-actor-critic", {"learning_rte": 1}),
            CHECKS["closes_early"],
        )()


def test_every_check_states_its_rule() -> None:
    for check in CHECKS.values():
        assert check.rule.endswith(".") or ":" in check.rule
        assert len(check.rule) > 30


def test_collecting_tests_imports_no_algorithm() -> None:
    script = (
        "import sys; from registered import registered; here = registered(); here.__enter__(); "
        "from zoo.testing import parametrize_algorithms; "
        "parametrize_algorithms('reference-actor-critic'); "
        "sys.exit('reference_plugin.actor_critic' in sys.modules or 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_three_lines_are_enough_for_a_plugin_author(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from registered import registered\nhere = registered()\nhere.__enter__()\n"
    )
    (tmp_path / "test_it.py").write_text(
        "from zoo.testing import parametrize_algorithms\n"
        '@parametrize_algorithms("reference-planner", expected_failures={"closes_early": "no"})\n'
        "def test_conformance(check): check()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", str(tmp_path)],
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "test_conformance[reference-planner-exact_resume] PASSED" in done.stdout
    assert "test_conformance[reference-planner-closes_early] FAILED" in done.stdout
    assert "[XPASS(strict)] no" in done.stdout
    assert "1 failed" in done.stdout

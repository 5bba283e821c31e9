"""Runs the checks: as pytest parameters, or all at once for scripts."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.errors import ZooError, did_you_mean
from zoo.testing.check import Check
from zoo.testing.checks import CHECKS
from zoo.testing.failure import ConformanceFailure, NotApplicable
from zoo.testing.subject import Subject

if TYPE_CHECKING:
    import pytest

PASSED, FAILED, SKIPPED, EXPECTED, UNEXPECTED = (
    "passed",
    "failed",
    "skipped",
    "failed as expected",
    "passed unexpectedly",
)


@dataclass(frozen=True, slots=True)
class Result:
    """How one check ended; `text` is the failure or the reason."""

    check: str
    outcome: str
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether this is as it should be."""
        return self.outcome not in (FAILED, UNEXPECTED)


@dataclass(frozen=True, slots=True)
class Report:
    """How all checks of an algorithm ended."""

    algorithm: str
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed, was skipped, or failed as expected."""
        return all(result.ok for result in self.results)

    @property
    def problems(self) -> tuple[Result, ...]:
        """The results that are not as they should be."""
        return tuple(result for result in self.results if not result.ok)

    def __str__(self) -> str:
        rows = (f"{r.check:36} {r.outcome}{': ' if r.text else ''}{r.text}" for r in self.results)
        return "\n".join([self.algorithm, *rows])


def check_algorithm(
    name: str,
    *,
    config: Mapping[str, Any] | None = None,
    steps: int | None = None,
    expected_failures: Mapping[str, str] | None = None,
    on_fail: Literal["raise", "return"] = "raise",
) -> Report:
    """Run every check on the algorithm `name` and return the report.

    `config` (keys as for `--set`) and `steps` (the length of learning a probe) take precedence
    over the recipe `probe` in the algorithm's recipe file. `expected_failures` maps checks to
    the reason why they fail; one that passes after all is a problem too. Raises
    `ConformanceFailure` listing every problem, unless `on_fail` is `return`; `ZooError` where
    there is no such algorithm or check.
    """
    expected = _checked(expected_failures)
    subject = Subject(name, config or {}, steps)
    results = tuple(_run(subject, check, expected) for check in _checks_for(subject))
    report = Report(name, results)
    if on_fail == "raise" and not report.ok:
        listed = "\n".join(f"  {r.check}: {r.text}" for r in report.problems)
        raise ConformanceFailure(
            f"{name} breaks {len(report.problems)} of {len(results)} rules:\n{listed}"
        )
    return report


def parametrize_algorithms(
    *names: str,
    config: Mapping[str, Any] | None = None,
    steps: int | None = None,
    expected_failures: Mapping[str, str] | None = None,
    slow: pytest.MarkDecorator | None = None,
) -> pytest.MarkDecorator:
    """Return a decorator that calls a test with every check of the algorithms `names`:

        @parametrize_algorithms("my-algorithm")
        def test_conformance(check):
            check()

    Test ids read `my-algorithm-exact_resume`. Arguments are `check_algorithm`'s; an expected
    failure becomes a strict xfail with its reason. `slow` is the mark that your project gives
    tests that take long, such as `pytest.mark.slow`: checks that train for long get it.
    """
    import pytest

    expected = _checked(expected_failures)
    parameters = []
    for name in names:
        subject = Subject(name, config or {}, steps)
        for check in _checks_for(subject):
            marks: list[Any] = [slow] if check.slow and slow is not None else []
            if check.name in expected:
                marks.append(pytest.mark.xfail(strict=True, reason=expected[check.name]))
            bound = BoundCheck(subject, check)
            parameters.append(pytest.param(bound, id=f"{name}-{check.name}", marks=marks))
    return pytest.mark.parametrize("check", parameters)


@dataclass(frozen=True, slots=True)
class BoundCheck:
    """A check and the algorithm that it is about. Calling it runs it, as a pytest test."""

    subject: Subject
    check: Check

    def __call__(self) -> None:
        """Raise what the check raises; skip the test where the check does not apply."""
        import pytest

        try:
            with _steady(self.subject):
                self.check.function(self.subject)
        except NotApplicable as reason:
            pytest.skip(str(reason))

    def __repr__(self) -> str:
        return f"{self.subject.name}-{self.check.name}"


def _checks_for(subject: Subject) -> Iterator[Check]:
    return (check for check in CHECKS.values() if check.concerns(subject.spec))


def _run(subject: Subject, check: Check, expected: Mapping[str, str]) -> Result:
    try:
        with _steady(subject):
            check.function(subject)
    except NotApplicable as reason:
        return Result(check.name, SKIPPED, str(reason))
    except Exception as error:
        if check.name in expected:
            return Result(check.name, EXPECTED, expected[check.name])
        text = str(error) if isinstance(error, ZooError) else f"{type(error).__name__}: {error}"
        return Result(check.name, FAILED, text)
    if check.name in expected:
        return Result(check.name, UNEXPECTED, f"expected to fail ({expected[check.name]})")
    return Result(check.name, PASSED)


def _checked(expected: Mapping[str, str] | None) -> Mapping[str, str]:
    """Refuse names of checks that do not exist, and empty reasons."""
    for name, reason in (expected or {}).items():
        if name not in CHECKS:
            hint = did_you_mean(name, CHECKS, otherwise=f"Checks: {', '.join(CHECKS)}")
            raise ZooError(f"expected_failures names no check: {name!r}", hint)
        if not reason.strip():
            raise ZooError(f"expected_failures gives no reason for {name!r}")
    return expected or {}


@contextmanager
def _steady(subject: Subject) -> Iterator[None]:
    """Compute with one thread, as exact comparisons need, and without third-party warnings."""
    with suppress(ZooError):  # a check will say so
        subject.algorithm_class  # noqa: B018 - whoever computes with torch imports it now
    torch = sys.modules.get("torch")
    threads: Callable[[int], None] | None = getattr(torch, "set_num_threads", None)
    before = torch.get_num_threads() if torch is not None and threads else 0
    if threads:
        threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if threads and before:
            threads(before)

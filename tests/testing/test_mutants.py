"""The suite catches a fault of every kind, and its message leads to the fault."""

from __future__ import annotations

from typing import Any

import pytest
from mutant_plugin import MUTANTS, spec_of

from zoo import hookimpl
from zoo.plugin.registry import register_plugin
from zoo.testing.checks import CHECKS
from zoo.testing.failure import ConformanceFailure
from zoo.testing.subject import Subject
from zoo.testing.suite import BoundCheck


class MutantPlugin:
    """Registers every mutant."""

    @hookimpl
    def zoo_algorithms(self) -> list[Any]:
        return [spec_of(name) for name in MUTANTS]


@pytest.fixture(autouse=True)
def mutants(reference: None) -> None:
    register_plugin("mutants", MutantPlugin())


def run(name: str, check: str, **how: Any) -> None:
    BoundCheck(Subject(name, {"n_envs": 2}, **how), CHECKS[check])()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_found_and_named(name: str) -> None:
    mutant = MUTANTS[name]
    with pytest.raises(ConformanceFailure) as caught:
        run(name, mutant.breaks, steps=4000)
    assert mutant.says in str(caught.value)


def test_every_check_has_a_mutant_that_it_catches() -> None:
    caught = {mutant.breaks for mutant in MUTANTS.values()} | {"light_hook_module"}
    assert caught == set(CHECKS)


def test_a_heavy_hook_module_is_found() -> None:
    import heavy_hooks

    register_plugin("heavy", heavy_hooks)
    with pytest.raises(ConformanceFailure, match="heavy_hooks imports numpy"):
        run("heavy", "light_hook_module")


def test_what_a_class_keeps_does_not_help_to_resume() -> None:
    """The state alone continues a training: what the process knows besides is disturbed."""
    with pytest.raises(ConformanceFailure):
        run("ForgetsBetweenObjects", "exact_resume")

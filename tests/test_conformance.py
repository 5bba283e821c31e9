"""Every algorithm in tree passes the suite that a stranger's has to pass."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.plugin.discovery import DISTRIBUTION, plugins
from zoo.plugin.registry import get_registry
from zoo.testing import parametrize_algorithms

SB3 = ("a2c", "ars", "crossq", "ddpg", "dqn", "maskable-ppo", "ppo", "qrdqn", "recurrent-ppo",
       "sac", "td3", "tqc", "trpo")  # fmt: skip

NO_VALUES = "evolution strategy: it compares whole returns and has no value function"
ONE_STEP = "bandit algorithm: it learns what an action pays at once, and ignores what follows"
CERTAIN = "the probe's rewards are certain, so averages are the same whatever has been tried"
TIES_ONLY = "it draws nothing but which of equal arms to pull, and soon none are equal"
BANDIT = {
    "bootstraps_at_truncation": ONE_STEP,
    "bootstraps_from_final_observation": ONE_STEP,
}
GIVEN = "prediction: it acts by the given policy, uniform here, whatever it learns of its values"
PREDICTION = {"learns_discrete_actions": GIVEN, "bootstraps_at_truncation": GIVEN}
EXPECTED = {
    "sb3-ars": {
        "bootstraps_at_truncation": NO_VALUES,
        "bootstraps_from_final_observation": NO_VALUES,
    },
    "epsilon-greedy-bandit": BANDIT,
    "ucb1": BANDIT | {"reaches_an_update": CERTAIN, "determinism_by_seed": CERTAIN},
    "thompson-sampling": BANDIT,
    "linucb": BANDIT | {"determinism_by_seed": TIES_ONLY},
    "lints": BANDIT,
    "mc-prediction": PREDICTION,
    "off-policy-mc-prediction": PREDICTION,
    "td-prediction": PREDICTION,
    "n-step-td": PREDICTION,
    "td-lambda": PREDICTION,
}
"""Failures by the nature of an algorithm, each with its reason; they have to happen."""


def in_tree() -> list[str]:
    """Return the algorithms that plugins of this distribution register."""
    registry = get_registry()
    ours = {row.name for row in plugins() if row.distribution == DISTRIBUTION}
    return [name for name in registry.algorithms if registry.owner(name) in ours]


ALGORITHMS = in_tree()


def test_the_suite_runs_over_every_algorithm_in_tree() -> None:
    assert {f"sb3-{name}" for name in SB3} <= set(ALGORITHMS)
    assert set(EXPECTED) <= set(ALGORITHMS)


@parametrize_algorithms(
    *[name for name in ALGORITHMS if name not in EXPECTED], slow=pytest.mark.slow
)
def test_conformance(check):
    check()


def with_expected_failures() -> list[Any]:
    """Return the checks of the algorithms in `EXPECTED`, as pytest parameters."""
    marks = [
        parametrize_algorithms(name, expected_failures=failures, slow=pytest.mark.slow)
        for name, failures in EXPECTED.items()
    ]
    return [parameter for mark in marks for parameter in mark.args[1]]


@pytest.mark.parametrize("check", with_expected_failures())
def test_conformance_but_for_what_is_expected(check):
    check()

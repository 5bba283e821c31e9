"""Every algorithm in tree passes the suite that a stranger's has to pass."""

from __future__ import annotations

import pytest

from zoo.plugin.discovery import DISTRIBUTION, plugins
from zoo.plugin.registry import get_registry
from zoo.testing import parametrize_algorithms

SB3 = ("a2c", "ars", "crossq", "ddpg", "dqn", "maskable-ppo", "ppo", "qrdqn", "recurrent-ppo",
       "sac", "td3", "tqc", "trpo")  # fmt: skip

NO_VALUES = "evolution strategy: it compares whole returns and has no value function"
EXPECTED = {
    "sb3-ars": {
        "bootstraps_at_truncation": NO_VALUES,
        "bootstraps_from_final_observation": NO_VALUES,
    },
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


@parametrize_algorithms("sb3-ars", expected_failures=EXPECTED["sb3-ars"], slow=pytest.mark.slow)
def test_conformance_without_value_function(check):
    check()

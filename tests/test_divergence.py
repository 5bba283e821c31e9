"""Training that diverges ends in one line, in every algorithm with networks, and says nothing
before."""

from __future__ import annotations

import re

import pytest

from zoo import Schedule, ZooError
from zoo.plugin.registry import get_registry
from zoo.testing.probes import BanditProbe
from zoo.testing.subject import HORIZON, Subject

PLUGINS = ("zoo_dqn.", "zoo_policy_gradient.", "zoo_actor_critic.")
DEEP = [
    (name, actions)
    for name, spec in get_registry().algorithms.items()
    if spec.target.startswith(PLUGINS)
    for actions in spec.actions
]


def ending(name: str, actions: str, rate: float) -> str:
    """Train with a learning rate that is far too large; return the error that ends it, or ''."""
    rates = {
        key: rate
        for key, value in Subject(name).recipe.config
        if isinstance(value, Schedule) and key.endswith("learning_rate")
    }
    assert rates
    with Subject(name, rates).trial(lambda: BanditProbe("box", actions, horizon=HORIZON)) as trial:
        try:
            for _ in trial.run(600):
                pass
        except ZooError as error:
            return str(error)
    return ""


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("rate", [1e30, 1e38])
@pytest.mark.parametrize(("name", "actions"), DEEP)
def test_divergence_is_told_in_one_line(name: str, actions: str, rate: float) -> None:
    said = ending(name, actions, rate)
    assert re.fullmatch(r"training diverged at step \d+: .*\. Lower learning_rate.*", said)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("name", "actions"), DEEP)
def test_numbers_that_are_huge_and_finite_are_passed_over_in_silence(
    name: str, actions: str
) -> None:
    said = ending(name, actions, 1e6)
    assert not said or said.startswith("training diverged at step")


def test_algorithms_of_all_three_plugins_are_among_them() -> None:
    assert {"dqn", "async-q", "ppo", "trpo", "a2c", "a3c", "sac"} <= {name for name, _ in DEEP}

"""Training that diverges ends in one line, in every algorithm with networks, and says nothing
before."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
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
ROLLOUTS = [
    (name, actions)
    for name, actions in DEEP
    if get_registry().algorithm(name).target.startswith("zoo_policy_gradient.")
    or name in ("a2c", "q-actor-critic", "td-actor-critic")
]
"""Those that learn from what their policy has just done, in one process."""


class Huge(gym.Wrapper[Any, Any, Any, Any]):
    """Rewards of this size, now positive, now negative."""

    def __init__(self, env: gym.Env[Any, Any], size: float) -> None:
        super().__init__(env)
        self.size = size

    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        return observation, self.size if float(reward) > 0.3 else -self.size, *rest


def ending(subject: Subject, actions: str, rewards: float = 0) -> str:
    """Train for 600 steps, with huge rewards if asked; return the error that ends it, or ''."""

    def make() -> gym.Env[Any, Any]:
        probe = BanditProbe("box", actions, horizon=HORIZON)
        return Huge(probe, rewards) if rewards else probe

    with subject.trial(make) as trial:
        try:
            for _ in trial.run(600):
                pass
        except ZooError as error:
            return str(error)
    return ""


def hurried(name: str, rate: float) -> Subject:
    """Return an algorithm with a learning rate that is far too large."""
    rates = {
        key: rate
        for key, value in Subject(name).recipe.config
        if isinstance(value, Schedule) and key.endswith("learning_rate")
    }
    assert rates
    return Subject(name, rates)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("rate", [1e30, 1e38])
@pytest.mark.parametrize(("name", "actions"), DEEP)
def test_divergence_is_told_in_one_line(name: str, actions: str, rate: float) -> None:
    said = ending(hurried(name, rate), actions)
    assert re.fullmatch(r"training diverged at step \d+: .*\. Lower learning_rate.*", said)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("name", "actions"), DEEP)
def test_numbers_that_are_huge_and_finite_are_passed_over_in_silence(
    name: str, actions: str
) -> None:
    said = ending(hurried(name, 1e6), actions)
    assert not said or said.startswith("training diverged at step")


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("settings", [{}, {"normalize": True}], ids=["plain", "normalize"])
@pytest.mark.parametrize(("name", "actions"), ROLLOUTS)
def test_rewards_whose_sums_float32_cannot_hold_are_told_of_in_one_line(
    name: str, actions: str, settings: dict[str, Any]
) -> None:
    said = ending(Subject(name, settings), actions, rewards=1e38)
    assert bool(said) != bool(settings), said  # scaled, they are like any others
    assert not said or re.fullmatch(r"training diverged at step \d+: .*\. Lower l.*", said)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("name", "actions"), DEEP)
def test_rewards_whose_squares_it_can_hardly_hold_are_passed_over_in_silence(
    name: str, actions: str
) -> None:
    said = ending(Subject(name), actions, rewards=1e18)
    assert not said or said.startswith("training diverged at step")


def test_algorithms_of_all_three_plugins_are_among_them() -> None:
    assert {"dqn", "async-q", "ppo", "trpo", "a2c", "a3c", "sac"} <= {name for name, _ in DEEP}

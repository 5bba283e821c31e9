import sys

import gymnasium as gym
import pytest

from zoo.environments.ids import is_atari, known_ids, resolve
from zoo.errors import MissingExtra, ZooError
from zoo.plugin import registry
from zoo.plugin.specs import EnvironmentSpec


@pytest.fixture(autouse=True)
def restore(monkeypatch):
    """Leave Gymnasium's registry and the import path as they were."""
    known_ids()  # ale-py registers its ids once, when it is first imported
    before = dict(gym.registry)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    gym.registry.clear()
    gym.registry.update(before)


def test_a_registered_id_is_itself():
    assert resolve("CartPole-v1") == "CartPole-v1"
    assert resolve("LunarLanderContinuous-v3") == "LunarLanderContinuous-v3"
    assert resolve("HalfCheetah-v4") == "HalfCheetah-v4"


@pytest.mark.parametrize(
    ("wrong", "suggestion"),
    [
        ("CartPol-v1", "CartPole-v1"),
        ("cartpole-v1", "CartPole-v1"),
        ("CartPole", "CartPole-v1"),
        ("halfcheetah", "HalfCheetah-v5"),
        ("LunarLandr-v3", "LunarLander-v3"),
    ],
)
def test_a_typo_gets_a_suggestion(wrong, suggestion):
    with pytest.raises(ZooError, match=f"Did you mean .*{suggestion}") as caught:
        resolve(wrong)
    assert wrong in caught.value.message


@pytest.mark.parametrize("retired", ["LunarLander-v2", "HalfCheetah-v3", "Taxi-v3", "Ant-v2"])
def test_a_retired_id_names_its_successor(retired):
    with pytest.raises(ZooError, match=f"{retired} has been retired. Use {retired[:-1]}"):
        resolve(retired)


def test_known_ids_can_all_be_resolved_and_none_has_moved_away():
    ids = known_ids()
    assert {"CartPole-v1", "HalfCheetah-v5"} <= set(ids)
    assert not {"HalfCheetah-v2", "GymV21Environment-v0"} & set(ids)
    assert ids == sorted(ids)
    assert [resolve(env_id) for env_id in ids] == ids


def test_atari_ids_are_known_by_their_form():
    assert is_atari("ALE/Pong-v5")
    assert is_atari("PongNoFrameskip-v4")
    assert not is_atari("CartPole-v1")


def test_atari_without_its_packages_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ale_py", None)
    gym.registry.pop("ALE/Pong-v5", None)
    with pytest.raises(MissingExtra, match=r"agent-zoo\[atari\]"):
        resolve("ALE/Pong-v5")


def test_atari_ids_resolve_where_installed():
    pytest.importorskip("ale_py")
    assert resolve("ALE/Pong-v5") == "ALE/Pong-v5"
    assert resolve("BreakoutNoFrameskip-v4") == "BreakoutNoFrameskip-v4"
    with pytest.raises(ZooError, match=r"Did you mean .*ALE/Pong-v5"):
        resolve("ALE/Pnog-v5")


def test_atari_ids_that_were_taken_out_come_back():
    pytest.importorskip("ale_py")
    for env_id in filter(is_atari, known_ids()):
        gym.registry.pop(env_id)
    assert resolve("ALE/Pong-v5") == "ALE/Pong-v5"


def test_a_plugins_environment_is_registered(monkeypatch):
    spec = EnvironmentSpec("Theirs-v0", f"{__name__}:Nothing", "an environment", 9)
    known = registry.get_registry()
    monkeypatch.setitem(known.environments, "Theirs-v0", spec)
    assert resolve("Theirs-v0") == "Theirs-v0"
    assert gym.registry["Theirs-v0"].max_episode_steps == 9

"""The two forms of a reference that run the user's code."""

import sys
from pathlib import Path

import gymnasium as gym
import pytest

from zoo.environments.ids import resolve
from zoo.errors import ZooError

CLASS = """
import gymnasium as gym
from gymnasium import spaces

class Game(gym.Env):
    max_episode_steps = 7
    observation_space = spaces.Discrete(2)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 0, 1.0, False, False, {}
"""


@pytest.fixture(autouse=True)
def restore(monkeypatch):
    """Leave Gymnasium's registry and the import path as they were."""
    before = dict(gym.registry)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    gym.registry.clear()
    gym.registry.update(before)


def test_a_file_registers_its_class(tmp_path):
    (tmp_path / "game.py").write_text(CLASS)
    env_id = resolve(f"{tmp_path}/game.py:Game")
    assert env_id == "game/Game-v0"
    assert gym.make(env_id).spec.max_episode_steps == 7
    assert resolve(f"{tmp_path}/game.py:Game") == env_id


def test_a_relative_path_is_the_same_file(tmp_path, monkeypatch):
    (tmp_path / "game.py").write_text(CLASS)
    monkeypatch.chdir(tmp_path)
    assert resolve("game.py:Game") == resolve(f"{tmp_path}/./game.py:Game")


def test_two_files_of_one_name_are_two_environments(tmp_path):
    ids = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "game.py").write_text(CLASS)
        ids.append(resolve(f"{tmp_path}/{folder}/game.py:Game"))
    assert len(set(ids)) == 2


def test_a_changed_file_is_loaded_again(tmp_path):
    file = tmp_path / "game.py"
    file.write_text(CLASS)
    resolve(f"{file}:Game")
    file.write_text(CLASS.replace("= 7", "= 8"))
    assert gym.make(resolve(f"{file}:Game")).spec.max_episode_steps == 8


def test_a_file_may_import_its_neighbour(tmp_path):
    (tmp_path / "zoo_test_neighbour.py").write_text("LIMIT = 3\n")
    text = "from zoo_test_neighbour import LIMIT\n" + CLASS.replace("= 7", "= LIMIT")
    (tmp_path / "game.py").write_text(text)
    assert gym.make(resolve(f"{tmp_path}/game.py:Game")).spec.max_episode_steps == 3


def test_a_module_of_the_working_directory_registers_its_ids(tmp_path, monkeypatch):
    text = "\ngym.register('Mine-v3', entry_point=Game)\n"
    (tmp_path / "zoo_test_module.py").write_text(CLASS + text)
    monkeypatch.chdir(tmp_path)
    assert resolve("zoo_test_module:Mine-v3") == "Mine-v3"
    with pytest.raises(ZooError, match=r"no environment 'Main-v3' in zoo_test_module\. .*Mine-v3"):
        resolve("zoo_test_module:Main-v3")


@pytest.mark.parametrize("reference", ["{}/game.py:Game", "zoo_test_other:Mine-v0"])
def test_code_that_a_file_names_does_not_run(tmp_path, monkeypatch, reference):
    (tmp_path / "game.py").write_text("raise SystemExit('it ran')")
    (tmp_path / "zoo_test_other.py").write_text("raise SystemExit('it ran')")
    monkeypatch.chdir(tmp_path)
    reference = reference.format(tmp_path)
    with pytest.raises(ZooError) as caught:
        resolve(reference, code_allowed=False)
    assert f"--env {reference}" in caught.value.hint


def test_code_that_the_user_has_named_may_be_named_by_a_file(tmp_path):
    (tmp_path / "game.py").write_text(CLASS)
    reference = f"{tmp_path}/game.py:Game"
    assert resolve(reference) == resolve(reference, code_allowed=False)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (None, "Game", "there is no file .*game.py"),
        (CLASS, "Gane", "has no class 'Gane'. Did you mean Game?"),
        (CLASS, "Other", "has no class 'Other'. It defines Game"),
        ("Game = 5", "Game", "Game in .* is not a subclass of gymnasium.Env"),
        ("class Game: pass", "Game", "is not a subclass of gymnasium.Env"),
        ("\n1 / 0", "Game", r"raised ZeroDivisionError: division by zero \(game.py:2\)"),
        ("import nothing_here", "Game", r"raised ModuleNotFoundError: .* \(game.py:1\)"),
        ("\n\nclass", "Game", r"raised SyntaxError: .* \(game.py:3\)"),
    ],
)
def test_a_file_that_does_not_do_is_one_line(tmp_path, text, name, message):
    file = Path(tmp_path) / "game.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ZooError, match=message) as caught:
        resolve(f"{file}:{name}")
    assert "\n" not in str(caught.value)


def test_a_file_without_a_class_asks_for_it():
    with pytest.raises(ZooError, match=r"game\.py:ClassName"):
        resolve("game.py")


def test_a_module_that_does_not_exist_is_named():
    with pytest.raises(ZooError, match="there is no module 'zoo_test_absent'"):
        resolve("zoo_test_absent.sub:Mine-v0")


def test_a_module_that_raises_is_named(tmp_path, monkeypatch):
    (tmp_path / "zoo_test_raising.py").write_text("raise ValueError('no')")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZooError, match="importing zoo_test_raising raised ValueError: no"):
        resolve("zoo_test_raising:Mine-v0")

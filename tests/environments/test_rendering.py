import os
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from zoo.environments import rendering
from zoo.environments.config import EnvironmentConfig
from zoo.environments.make import make
from zoo.errors import ZooError


@pytest.fixture
def machine(monkeypatch):
    """A Linux without display on which the named backends work."""
    monkeypatch.setattr(sys, "platform", "linux")
    for variable in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")

    def having(*backends):
        pytest.importorskip("mujoco")
        rendering.working_backend.cache_clear()
        monkeypatch.setattr(rendering, "_works", backends.__contains__)

    yield having
    os.environ.pop("MUJOCO_GL", None)
    rendering.working_backend.cache_clear()


@pytest.mark.parametrize(
    ("working", "chosen"),
    [(("egl", "osmesa"), "egl"), (("osmesa",), "osmesa"), (("egl",), "egl")],
)
def test_the_first_backend_that_works_is_chosen(machine, working, chosen):
    machine(*working)
    rendering.prepare_headless("HalfCheetah-v5")
    assert os.environ["MUJOCO_GL"] == chosen


def test_what_the_user_chose_stays(machine, monkeypatch):
    machine("egl")
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    rendering.prepare_headless("HalfCheetah-v5")
    assert os.environ["MUJOCO_GL"] == "glfw"


def test_none_that_works_is_an_error_not_a_crash(machine):
    machine()
    with pytest.raises(ZooError, match=r"neither EGL nor OSMesa works.*libosmesa6"):
        make(EnvironmentConfig("HalfCheetah-v5"), render_mode="rgb_array")
    make(EnvironmentConfig("HalfCheetah-v5")).close()  # training draws nothing


def test_with_a_display_mujoco_may_use_its_own_way(machine, monkeypatch):
    machine()
    monkeypatch.setenv("DISPLAY", ":0")
    assert rendering.has_display()
    rendering.prepare_headless("HalfCheetah-v5")
    assert "MUJOCO_GL" not in os.environ


def test_other_environments_need_no_opengl(machine):
    machine()
    rendering.prepare_headless("CartPole-v1")
    assert "MUJOCO_GL" not in os.environ


def test_pygame_opens_no_window_until_one_is_wanted(machine, monkeypatch):
    monkeypatch.delenv("SDL_VIDEODRIVER")
    rendering.prepare_headless("CartPole-v1")
    assert os.environ["SDL_VIDEODRIVER"] == "dummy"
    rendering.prepare_window()
    assert "SDL_VIDEODRIVER" not in os.environ
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    rendering.prepare_headless("CartPole-v1")
    rendering.prepare_window()
    assert os.environ["SDL_VIDEODRIVER"] == "x11"


def test_mujoco_environments_are_known_by_their_class():
    assert rendering.uses_mujoco("HalfCheetah-v4")
    assert not rendering.uses_mujoco("LunarLander-v3")


def test_a_simple_scene_leaves_the_physics_alone():
    pytest.importorskip("mujoco")
    plain, simple = gym.make("HalfCheetah-v5"), gym.make("HalfCheetah-v5")
    rendering.simplify(simple)
    assert simple.unwrapped.model.vis.quality.shadowsize == 0
    rendering.simplify(gym.make("CartPole-v1"))  # has nothing to simplify
    np.testing.assert_array_equal(plain.reset(seed=0)[0], simple.reset(seed=0)[0])
    plain.action_space.seed(0)
    for _ in range(30):
        action = plain.action_space.sample()
        np.testing.assert_array_equal(plain.step(action)[0], simple.step(action)[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "env_id"),
    [
        ("pygame", "CartPole-v1"),
        ("Box2D", "LunarLander-v3"),
        ("mujoco", "HalfCheetah-v5"),
        ("ale_py", "ALE/Pong-v5"),
    ],
)
def test_frames_without_a_display_and_without_a_word(tmp_path, package, env_id):
    pytest.importorskip(package)
    if package == "mujoco" and rendering.working_backend() is None:
        pytest.skip("this machine has neither EGL nor OSMesa")
    code = (
        "from zoo.environments.config import EnvironmentConfig\n"
        "from zoo.environments.make import make\n"
        f"env = make(EnvironmentConfig({env_id!r}), render_mode='rgb_array')\n"
        "env.reset(seed=0)\n"
        "env.step(env.action_space.sample())\n"
        "frame = env.render()\n"
        "env.close()\n"
        "print(frame.ndim, frame.dtype, frame.std() > 1)\n"
    )
    hidden = ("DISPLAY", "MUJOCO_GL", "SDL_VIDEODRIVER", "XDG_RUNTIME_DIR")
    variables = {key: value for key, value in os.environ.items() if key not in hidden}
    paths = os.pathsep.join(entry for entry in sys.path if entry)
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=variables | {"PYTHONPATH": paths, "ZOO_DISABLE_PLUGINS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stdout, answer.stderr) == ("3 uint8 True\n", "")
    assert list(tmp_path.iterdir()) == []  # no MUJOCO_LOG.TXT

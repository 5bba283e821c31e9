"""Drawing without a display: which OpenGL MuJoCo uses, and a pygame that opens no window.

Everything here must happen before the first frame is drawn, most of it before a simulator is
imported; `make` calls it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import warnings
from functools import cache
from typing import Any

import gymnasium as gym

from zoo.errors import ZooError

BACKENDS = ("egl", "osmesa")
_SECONDS = 60
_PROBE = """
import os, sys
from importlib import import_module
import mujoco
context = import_module("mujoco." + sys.argv[1]).GLContext(32, 32)
context.make_current()
model = mujoco.MjModel.from_xml_string("<mujoco/>")
mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
os._exit(0)
"""


def prepare_headless(env_id: str) -> None:
    """Let the environment `env_id` (a registered id) draw frames without a display.

    Variables that the user has set stay. Raises `ZooError` for a MuJoCo environment where
    neither EGL nor OSMesa works: drawing would abort the process.
    """
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # also silences XDG_RUNTIME_DIR's absence
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    if not uses_mujoco(env_id) or "MUJOCO_GL" in os.environ or sys.platform != "linux":
        return
    backend = working_backend()
    if backend is not None:
        os.environ["MUJOCO_GL"] = backend
    elif not has_display():
        raise ZooError(
            "MuJoCo cannot draw here: neither EGL nor OSMesa works",
            "Install one; on Debian: apt install libegl1 libgl1-mesa-dri, or libosmesa6",
        )


def has_display() -> bool:
    """Whether a window can be opened."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def prepare_window() -> None:
    """Undo what `prepare_headless` did to pygame, so that a window can be opened."""
    for variable in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        if os.environ.get(variable) == "dummy":
            del os.environ[variable]
    if "pygame" in sys.modules:
        sys.modules["pygame"].display.quit()  # a display that was opened stays as it was


@cache
def working_backend() -> str | None:
    """Return the first OpenGL of `BACKENDS` that MuJoCo can draw with, None where none works.

    Each is tried in a process of its own, since MuJoCo aborts where it fails.
    """
    if importlib.util.find_spec("mujoco") is None:
        return None
    return next((backend for backend in BACKENDS if _works(backend)), None)


def uses_mujoco(env_id: str) -> bool:
    """Whether a registered environment is simulated by MuJoCo, as far as its class tells."""
    target = gym.registry[env_id].entry_point
    if isinstance(target, str):
        return "mujoco" in target or "gymnasium_robotics" in target
    classes: tuple[type, ...] = target.__mro__ if isinstance(target, type) else ()
    return any("mujoco" in cls.__module__ for cls in classes)


def simplify(env: gym.Env[Any, Any]) -> None:
    """Draw MuJoCo's scene without shadows, reflections and smoothed edges.

    In software that takes a tenth of the time. The physics stays as it is.
    """
    model = getattr(env.unwrapped, "model", None)
    if model is None or type(model).__module__.partition(".")[0] != "mujoco":
        return
    model.vis.quality.offsamples = 0
    model.vis.quality.shadowsize = 0
    model.mat_reflectance[:] = 0


def hush(env_id: str) -> None:
    """Keep pygame's greeting, ALE's banner and MuJoCo's log file out of the user's way."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if uses_mujoco(env_id) and importlib.util.find_spec("mujoco") is not None:
        import mujoco

        if mujoco.get_mju_user_warning() is None:
            mujoco.set_mju_user_warning(_pass_on)
    ale = sys.modules.get("ale_py")  # imported when an Atari id is looked up
    if ale is not None:
        ale.ALEInterface.setLoggerMode(ale.LoggerMode.Error)


def _pass_on(text: str) -> None:
    """Give MuJoCo's warnings to Python, but not those about how Gymnasium's models are written."""
    if "deprecated" not in text:
        warnings.warn(f"MuJoCo: {text}", RuntimeWarning, stacklevel=2)


def _works(backend: str) -> bool:
    variables = {key: value for key, value in os.environ.items() if key != "PYOPENGL_PLATFORM"}
    try:
        answer = subprocess.run(  # noqa: S603 - a program of our own
            [sys.executable, "-c", _PROBE, backend],
            env=variables | {"MUJOCO_GL": backend},
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.returncode == 0

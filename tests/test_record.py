from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from tests.actors import ENV_ID, Guessing, Remembering, balancer
from zoo import EnvironmentConfig, MissingExtra, ZooError, evaluate, record

imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")


def frames_of(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a video's frames (n, height, width, 3) and what it says about itself."""
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    width, height = about["size"]
    frames = [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]
    return np.stack(frames), about


def test_a_video_shows_each_moment_of_the_episode(tmp_path: Path) -> None:
    made = record(Remembering(), tmp_path / "riddle.mp4", env=ENV_ID, seed=2)
    frames, about = frames_of(made.path)
    assert made.lengths[0] > 3
    assert len(frames) == made.lengths[0] + 1  # the first one is that of the reset
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert (about["fps"], made.fps) == (10.0, 10.0)
    assert frames.shape[1:] == (34, 48, 3)  # 33 x 47, padded to even sizes
    np.testing.assert_allclose(frames[0, 10, 8], (200, 30, 60), atol=12)
    np.testing.assert_allclose(frames[0, 10, 40], 255, atol=6)
    shades = frames[:, 8, 24].mean(axis=1)
    np.testing.assert_allclose(shades, 8 * np.arange(len(frames)), atol=8)


def test_the_episodes_are_those_that_an_evaluation_counts(tmp_path: Path) -> None:
    settings = {"episodes": 3, "seed": 5}
    made = record(Guessing(), tmp_path / "a.mp4", env=ENV_ID, deterministic=False, **settings)
    found = evaluate(Guessing(), ENV_ID, deterministic=False, n_envs=1, **settings)
    assert (made.returns, made.lengths) == (found.returns, found.lengths)
    assert not made.is_cut


def test_a_seed_gives_the_same_file_again(tmp_path: Path) -> None:
    first, again, other = (
        record(balancer(0, 0, 1, 0), tmp_path / f"{i}.mp4", env="CartPole-v1", seed=seed)
        for i, seed in enumerate((1, 1, 2))
    )
    assert first.path.read_bytes() == again.path.read_bytes() != other.path.read_bytes()


def test_cartpole_is_drawn(tmp_path: Path) -> None:
    made = record(balancer(0.1, 0.5, 2, 2), tmp_path / "a.mp4", env="CartPole-v1", max_steps=20)
    assert (made.lengths, made.returns, made.is_cut) == ([20], [20.0], True)
    frames, _ = frames_of(made.path)
    assert frames.shape == (21, 400, 600, 3)
    with gym.make("CartPole-v1", render_mode="rgb_array") as env:
        env.reset(seed=0)
        np.testing.assert_allclose(
            frames[0].astype(float).mean(), np.asarray(env.render()).mean(), atol=1
        )
    assert (frames[0].min(axis=2) < 60).any()  # the cart is black


def test_stacked_frames_are_filmed_too(tmp_path: Path) -> None:
    class Still(Guessing):
        def __init__(self, space: Any) -> None:
            super().__init__()
            self.observation_space = space

    config = EnvironmentConfig(ENV_ID, {}, (("frame-stack", {"n": 4}),))
    agent = Still(gym.spaces.Box(0, 1000, (4,), np.float32))
    assert record(agent, tmp_path / "a.mp4", env=config).path.stat().st_size > 500


def test_fps_and_directories_are_made_as_asked(tmp_path: Path) -> None:
    made = record(Guessing(), tmp_path / "a" / "b" / "c.mkv", env=ENV_ID, fps=24)
    assert frames_of(made.path)[1]["fps"] == 24
    assert os.fspath(made) == str(made) == str(tmp_path / "a" / "b" / "c.mkv")
    assert os.listdir(made.path.parent) == ["c.mkv"]


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("step", "raised ValueError: the ground opened in step"),
        ("render", "raised RuntimeError: no light in render"),
        ("picture", "drew no picture but float64"),
    ],
)
def test_trouble_leaves_the_old_video_and_nothing_half_written(
    tmp_path: Path, trouble: str, message: str
) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"old")
    with pytest.raises(ZooError, match=message):
        record(Guessing(), video, env=ENV_ID, episodes=60, env_kwargs={"trouble": trouble})
    assert video.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_an_environment_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="ZooTestPaper-v0 cannot be drawn"):
        record(Guessing(), tmp_path / "a.mp4", env="ZooTestPaper-v0")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("a.gif", {}, r"no name for a video.*\.mp4"),
        ("", {}, "no name for a video"),
        ("a.mp4", {"episodes": 0}, "nothing to film"),
        ("a.mp4", {"max_steps": 0}, "nothing to film"),
        ("a.mp4", {"fps": 0.0}, "frames per second"),
        ("a.mp4", {"fps": float("nan")}, "frames per second"),
    ],
)
def test_wrong_requests_are_refused(
    tmp_path: Path, name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ZooError, match=message):
        record(Guessing(), tmp_path / name, env=ENV_ID, **settings)
    assert os.listdir(tmp_path) == []


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtra, match=r"agent-zoo\[video\]"):
        record(Guessing(), tmp_path / "a.mp4", env=ENV_ID)


@pytest.mark.slow
def test_mujoco_is_filmed_where_there_is_no_display(tmp_path: Path) -> None:
    """In a fresh process: what MuJoCo draws with is chosen when it is imported."""
    pytest.importorskip("mujoco")
    from zoo.environments.rendering import working_backend

    if working_backend() is None:
        pytest.skip("neither EGL nor OSMesa works here")
    code = f"""
import numpy as np, zoo
from gymnasium.spaces import Box
from zoo.agents.heads import Deterministic
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
agent = MLPAgent(Box(-np.inf, np.inf, (4,), np.float64), Box(-3, 3, (1,), np.float32),
                 [Layer(np.zeros((1, 4), np.float32), None, "tanh")], Deterministic())
print(zoo.record(agent, {str(tmp_path / "a.mp4")!r}, env="InvertedPendulum-v5", max_steps=5))
"""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL", "PYOPENGL_PLATFORM")
    variables = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [__import__("sys").executable, "-c", code], env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    frames, _ = frames_of(tmp_path / "a.mp4")
    assert len(frames) == 6
    assert frames.std() > 10  # not a blank picture

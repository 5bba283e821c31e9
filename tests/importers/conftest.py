"""A run folder of RL Zoo to spoil, and an import of it that may neither run nor leave anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder of RL Zoo with a normalised model."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    folder = tmp_path_factory.mktemp("run") / "Pendulum-v1_1"
    (folder / "Pendulum-v1").mkdir(parents=True)
    import gymnasium as gym

    env = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1")]))
    model = PPO("MlpPolicy", env, policy_kwargs={"net_arch": [4]})
    model.save(folder / "Pendulum-v1.zip")
    env.save(str(folder / "Pendulum-v1" / "vecnormalize.pkl"))
    (folder / "Pendulum-v1" / "config.yml").write_text("normalize: true\n")
    (folder / "Pendulum-v1" / "args.yml").write_text("algo: ppo\nenv: Pendulum-v1\n")
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "in" / trained.name))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


@pytest.fixture
def tries(
    run: Path, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], str]:
    """Return a function that imports the run, and says "" or the error's one line.

    Nothing may run, and nothing may be written but the bundle.
    """
    monkeypatch.chdir(tmp_path)

    def attempt() -> str:
        before = {p for p in tmp_path.rglob("*")}
        try:
            zoo.import_agent(run, tmp_path / "agent")
            said = ""
        except zoo.ZooError as error:
            said = str(error)
        assert not marker.exists(), "something was run"
        new = {p for p in tmp_path.rglob("*")} - before
        assert all(p.is_relative_to(tmp_path / "agent") for p in new)
        assert not said or not (tmp_path / "agent").exists()
        assert "\n" not in said
        return said

    return attempt

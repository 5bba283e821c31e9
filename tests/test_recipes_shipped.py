"""The recipes that ship: valid for their algorithms, and there for the environments promised."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import pytest

from zoo.config.families import DEFAULT, PROBE
from zoo.config.recipefile import RecipeFile
from zoo.config.recipes import check_file, list_recipes, load_recipe
from zoo.environments.config import EnvironmentConfig
from zoo.plugin.registry import get_registry
from zoo.resources import shipped
from zoo.training.prepare import build, plan

pytest.importorskip("stable_baselines3")

ALGORITHMS = [
    *("sb3-a2c", "sb3-ars", "sb3-crossq", "sb3-ddpg", "sb3-dqn", "sb3-maskable-ppo", "sb3-ppo"),
    *("sb3-qrdqn", "sb3-recurrent-ppo", "sb3-sac", "sb3-td3", "sb3-tqc", "sb3-trpo"),
]
DISCRETE = ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "LunarLander-v3"]
BOX = [
    *("MountainCarContinuous-v0", "Pendulum-v1", "LunarLanderContinuous-v3"),
    *("BipedalWalker-v3", "BipedalWalkerHardcore-v3", "CarRacing-v3"),
]
MUJOCO = [
    *("Ant-v5", "HalfCheetah-v5", "Hopper-v5", "Humanoid-v5", "HumanoidStandup-v5"),
    *("InvertedDoublePendulum-v5", "InvertedPendulum-v5", "Pusher-v5", "Reacher-v5"),
    *("Swimmer-v5", "Walker2d-v5"),
]
TUNED = {
    **dict.fromkeys(["sb3-ppo", "sb3-a2c", "sb3-trpo", "sb3-ars"], DISCRETE + BOX + MUJOCO),
    **dict.fromkeys(["sb3-dqn", "sb3-qrdqn"], DISCRETE),
    **dict.fromkeys(["sb3-sac", "sb3-td3", "sb3-tqc", "sb3-ddpg"], BOX + MUJOCO),
}
ATARI = ["sb3-ppo", "sb3-a2c", "sb3-dqn", "sb3-qrdqn"]


def path(algorithm: str) -> Path:
    return shipped("hyperparams") / f"{algorithm}.yml"


@pytest.fixture(autouse=True)
def away_from_any_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_shipped_file_is_for_an_algorithm_that_is_registered() -> None:
    files = {found.stem for found in shipped("hyperparams").glob("*.yml")}
    assert set(ALGORITHMS) <= files <= set(get_registry().algorithms)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_entry_is_valid_for_its_algorithm(algorithm: str) -> None:
    assert check_file(path(algorithm), algorithm) == []


@pytest.mark.parametrize("algorithm", sorted(TUNED))
def test_the_promised_environments_have_an_entry_of_their_own(algorithm: str) -> None:
    entries = set(RecipeFile.read(path(algorithm)).yaml.data)
    assert set(TUNED[algorithm]) - entries == set()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_entries_are_for_ids_that_gymnasium_makes_today(algorithm: str) -> None:
    for _, env_id, source in list_recipes(algorithm):
        if env_id.startswith("Fetch") or "*" in env_id or env_id == "MuJoCo":
            continue  # of another package; a whole family
        newest = max(
            spec.version or 0
            for spec in gym.registry.values()
            if spec.name == env_id.rpartition("-v")[0]
        )
        assert env_id in gym.registry, source
        assert gym.spec(env_id).version == newest, source


@pytest.mark.parametrize("algorithm", ATARI)
@pytest.mark.parametrize("env_id", ["PongNoFrameskip-v4", "ALE/Breakout-v5"])
def test_atari_recipes_skip_frames_once_and_train_on_four(algorithm: str, env_id: str) -> None:
    recipe = load_recipe(algorithm, env_id)
    names = [name for name, _ in recipe.settings.wrappers]
    assert names == ["atari", "atari-episodic-life", "atari-clip-reward", "frame-stack"]
    assert recipe.settings.env_kwargs == ({"frameskip": 1} if env_id.startswith("ALE/") else {})
    assert recipe.config.policy == "CnnPolicy"
    assert recipe.settings.n_timesteps == 10_000_000


@pytest.mark.parametrize("algorithm", ["sb3-dqn", "sb3-qrdqn"])
def test_atari_buffers_fit_into_a_workstation(algorithm: str) -> None:
    config = load_recipe(algorithm, "PongNoFrameskip-v4").config
    assert config.buffer_size * 2 * 84 * 84 * 4 < 8e9


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_there_is_a_default_and_a_quick_base_for_the_conformance_suite(algorithm: str) -> None:
    file = RecipeFile.read(path(algorithm))
    assert DEFAULT in file
    assert PROBE in file
    quick = 20_000 if algorithm == "sb3-ars" else 5000
    assert load_recipe(algorithm, PROBE).settings.n_timesteps <= quick


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_images_are_not_read_by_a_network_for_vectors(algorithm: str) -> None:
    if algorithm in ("sb3-ars", "sb3-crossq"):
        pytest.skip("it has no network for images")
    assert load_recipe(algorithm, "SomeImages-v0").config.policy == "auto"


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if "maskable" not in name])
def test_the_source_of_tuned_values_is_named(algorithm: str) -> None:
    head = path(algorithm).read_text(encoding="utf-8").partition("default:")[0]
    assert "RL Baselines3 Zoo 2.9" in head
    assert "MIT" in head


def test_values_are_those_of_the_source() -> None:
    recipe = load_recipe("sb3-ppo", "CartPole-v1")
    assert str(recipe.config.learning_rate) == "lin_0.001"
    assert str(recipe.config.clip_range) == "lin_0.2"
    assert recipe.config.model_dump(
        include={"n_steps", "batch_size", "gae_lambda", "n_epochs"}
    ) == {
        "n_steps": 32,
        "batch_size": 256,
        "gae_lambda": 0.8,
        "n_epochs": 20,
    }
    assert (recipe.settings.n_envs, recipe.settings.n_timesteps) == (8, 100_000)
    walker = load_recipe("sb3-a2c", "BipedalWalkerHardcore-v3")
    assert walker.settings.n_envs == 32
    assert str(walker.config.learning_rate) == "lin_0.0008"
    assert walker.config.normalize is True
    assert load_recipe("sb3-ars", "CartPole-v1").config.delta_std(1.0) == 0.05


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_recipe_builds_a_learner_for_its_environment(algorithm: str) -> None:
    env_ids = [env_id for _, env_id, _ in list_recipes(algorithm) if env_id in gym.registry]
    assert env_ids
    if algorithm in ATARI:
        env_ids += ["PongNoFrameskip-v4", "ALE/Pong-v5"]
    for env_id in env_ids:
        what = plan(algorithm, env_id, n_envs=2)
        environment = EnvironmentConfig.from_json(what["environment"])
        learner, env = build(algorithm, what["config"], environment, n_envs=2, seed=0, device="cpu")
        learner.close()
        env.close()

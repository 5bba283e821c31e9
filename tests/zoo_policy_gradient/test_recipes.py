"""The recipes of the family are valid, and have the figures that they say they have."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from zoo.config.families import DEFAULT, PROBE
from zoo.config.recipefile import RecipeFile
from zoo.config.recipes import check_file, list_recipes
from zoo.environments.config import EnvironmentConfig
from zoo.resources import shipped
from zoo.training.prepare import build, plan

ALGORITHMS = ["reinforce", "vpg", "trpo", "ppo-kl"]
ATARI = {"atari", "atari-v5"}
PROMISED = {"CartPole-v1", "Acrobot-v1", "Pendulum-v1", "LunarLander-v3", DEFAULT, PROBE, *ATARI}


def entries(algorithm: str) -> dict[str, Any]:
    return dict(RecipeFile.read(shipped("hyperparams") / f"{algorithm}.yml").yaml.data)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_promised_environments_have_valid_entries(algorithm: str) -> None:
    assert set(entries(algorithm)) >= PROMISED
    assert check_file(shipped("hyperparams") / f"{algorithm}.yml", algorithm) == []


def same_but_for(mine: dict[str, Any], theirs: dict[str, Any], *absent: str) -> None:
    """Hold that `mine` has the entries of `theirs`, less the keys in `absent`."""
    for name in set(mine) - {PROBE, *(ATARI - set(theirs))}:
        expected = {key: value for key, value in theirs[name].items() if key not in absent}
        assert dict(mine[name]) == expected, name


def test_those_of_trpo_are_those_of_stable_baselines3_s_without_what_only_it_has() -> None:
    same_but_for(entries("trpo"), entries("sb3-trpo"), "use_sde", "sde_sample_freq")


def test_those_of_ppo_with_a_penalty_are_those_of_ppo_without_what_clips() -> None:
    mine = {
        name: {key: value for key, value in entry.items() if key != "target_kl"}  # its own
        for name, entry in entries("ppo-kl").items()
    }
    same_but_for(mine, entries("ppo"), "clip_range", "clip_range_vf")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_atari_looks_as_it_does_to_ppo(algorithm: str) -> None:
    mine, theirs = (entries(name)["atari"] for name in (algorithm, "ppo"))
    for key in ("env_wrapper", "frame_stack", "n_envs"):
        assert mine[key] == theirs[key]
    assert entries(algorithm)["atari-v5"] == entries("ppo")["atari-v5"]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_recipe_builds_a_learner_for_its_environment(algorithm: str) -> None:
    env_ids = {env_id for _, env_id, _ in list_recipes(algorithm) if env_id in gym.registry}
    assert len(env_ids) >= 4
    for env_id in env_ids:
        what = plan(algorithm, env_id, n_envs=2)
        environment = EnvironmentConfig.from_json(what["environment"])
        learner, env = build(algorithm, what["config"], environment, n_envs=2, seed=0, device="cpu")
        learner.close()
        env.close()

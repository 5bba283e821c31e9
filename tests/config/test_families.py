from __future__ import annotations

import gymnasium as gym
import pytest

from zoo.config.families import bases_for


@pytest.mark.parametrize(
    ("env_id", "bases"),
    [
        ("ALE/Pong-v5", ["atari-v5", "atari"]),
        ("PongNoFrameskip-v4", ["atari"]),
        ("ALE/Pong-ram-v5", []),
        ("Pong-ramNoFrameskip-v4", []),
        ("Hopper-v5", ["mujoco"]),
        ("HumanoidStandup-v4", ["mujoco"]),
        ("InvertedDoublePendulum-v2", ["mujoco"]),
        ("Pendulum-v1", []),
        ("AntMaze_UMaze-v4", []),
        ("CartPole-v1", []),
    ],
)
def test_an_id_belongs_to_the_families_that_cover_it(env_id: str, bases: list[str]) -> None:
    assert bases_for(env_id) == bases


def test_all_of_gymnasiums_mujoco_environments_are_covered() -> None:
    mujoco = [
        env_id
        for env_id, spec in gym.registry.items()
        if str(spec.entry_point).startswith("gymnasium.envs.mujoco")
    ]
    assert len(mujoco) >= 20
    assert [env_id for env_id in mujoco if bases_for(env_id) != ["mujoco"]] == []

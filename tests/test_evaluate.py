from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import zoo.evaluate  # noqa: F401 - so that its module can be patched
from tests.actors import ENV_ID, Broken, Guessing, Remembering, balancer, saved, walker
from zoo import EnvironmentConfig, ZooError, evaluate

MODULE = __import__("sys").modules["zoo.evaluate"]
KEYS = {
    "algorithm", "env_id", "episodes", "seed", "deterministic", "mean_return", "std_return",
    "median_return", "iqm_return", "ci95_return", "mean_length", "success_rate", "returns",
    "lengths", "n_envs", "versions",
}  # fmt: skip


def vectors(mode: AutoresetMode, **kwargs: Any) -> Any:
    """Return what makes vector environments of the riddle that reset in another way."""

    def make(config: Any, n_envs: int, *, seed: int) -> SyncVectorEnv:
        return SyncVectorEnv([partial(gym.make, config.id, **kwargs)] * n_envs, autoreset_mode=mode)

    return make


def test_the_statistics_are_those_of_the_returns() -> None:
    found = evaluate(balancer(0, -0.2, 1, 0.5), "CartPole-v1", episodes=20)
    assert found.episodes == len(found.returns) == len(found.lengths) == 20
    assert found.returns == [float(length) for length in found.lengths]
    assert found.mean_return == np.mean(found.returns) == found.mean_length
    assert found.std_return == np.std(found.returns) > 0
    assert found.median_return == np.median(found.returns)
    low, high = found.ci95_return
    assert min(found.returns) < low < found.mean_return < high < max(found.returns)


def test_a_perfect_agent_gets_exactly_what_there_is_to_get() -> None:
    found = evaluate(balancer(0.1, 0.5, 2, 2), "CartPole-v1", episodes=6)
    assert found.returns == [500.0] * 6
    assert found.ci95_return == (500.0, 500.0)
    assert (found.mean_return, found.iqm_return, found.std_return) == (500.0, 500.0, 0.0)


def test_json_has_all_keys_and_only_finite_numbers() -> None:
    content = evaluate(Guessing(), ENV_ID, episodes=3).to_json()
    assert content.keys() == KEYS
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["ci95_return"] == list(content["ci95_return"])
    assert content["versions"]["gymnasium"] == gym.__version__


def test_each_copy_plays_its_share_so_short_episodes_are_not_favoured() -> None:
    """The counted episodes are the first of each copy, whenever they end."""
    found = evaluate(Remembering(), ENV_ID, episodes=22, n_envs=4, seed=5)
    expected: Counter[int] = Counter()
    for i, share in enumerate((5, 5, 6, 6)):
        alone = evaluate(Remembering(), ENV_ID, episodes=share, n_envs=1, seed=5 + i)
        expected += Counter(alone.lengths)
    assert Counter(found.lengths) == expected


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_every_way_of_autoreset_gives_the_same_episodes(
    mode: AutoresetMode, n_envs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The riddle pays a full return only where the memory is emptied at the right step."""
    settings = {"episodes": 12, "n_envs": n_envs, "seed": 3}
    expected = evaluate(Remembering(), ENV_ID, **settings)
    monkeypatch.setattr(MODULE, "make_evaluation", vectors(mode, tells="always"))
    found = evaluate(Remembering(), ENV_ID, **settings)
    assert found.returns == [float(length) for length in found.lengths]
    assert Counter(found.lengths) == Counter(expected.lengths)
    assert found.success_rate == np.mean([length > 15 for length in found.lengths])


def test_the_native_vector_environment_counts_no_reset_steps() -> None:
    """CartPole-v1's own vector version pays 1 per step and takes another step to reset."""
    found = evaluate(balancer(0, 0, 1, 0), "CartPole-v1", episodes=40, n_envs=5)
    assert found.returns == [float(length) for length in found.lengths]
    single = evaluate(balancer(0, 0, 1, 0), "CartPole-v1", episodes=40, n_envs=1)
    assert abs(found.mean_return - single.mean_return) < 8  # standard error: 1.3 each


def test_equal_seeds_give_equal_returns_and_others_do_not() -> None:
    runs = [
        evaluate(Guessing(), ENV_ID, episodes=10, seed=seed, deterministic=False).returns
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_deterministic_is_passed_on() -> None:
    returns = [
        evaluate(Guessing(), ENV_ID, episodes=8, deterministic=deterministic).returns
        for deterministic in (True, False)
    ]
    assert returns[0] != returns[1]


@pytest.mark.parametrize("n_envs", [1, 4])
def test_masks_are_given_to_agents_that_take_them(n_envs: int) -> None:
    settings = {"episodes": 8, "n_envs": n_envs}
    masked = evaluate(Guessing(takes_action_masks=True), "ZooTestMasked-v0", **settings)
    assert masked.returns == [float(length) for length in masked.lengths]
    unmasked = evaluate(Guessing(), "ZooTestMasked-v0", **settings)
    assert unmasked.mean_return < masked.mean_return
    without = evaluate(Guessing(takes_action_masks=True), ENV_ID, **settings)
    assert without.returns == unmasked.returns  # there the environment has none


@pytest.mark.parametrize("tells", ["always", "successes"])
def test_the_success_rate_counts_silence_as_failure_if_others_speak(tells: str) -> None:
    found = evaluate(Guessing(), ENV_ID, episodes=20, env_kwargs={"tells": tells})
    assert found.success_rate == np.mean([length > 15 for length in found.lengths])
    assert 0 < found.success_rate < 1


def test_without_a_word_about_success_there_is_no_rate() -> None:
    assert evaluate(Guessing(), ENV_ID, episodes=2).success_rate is None


def test_progress_is_told_up_to_the_end() -> None:
    told: list[int] = []
    evaluate(Guessing(), ENV_ID, episodes=9, n_envs=2, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 9


def test_a_bundle_brings_its_own_environment_and_name(tmp_path: Path) -> None:
    bundle = saved(
        tmp_path / "a", walker(), "FrozenLake-v1", kwargs={"map_name": "4x4", "is_slippery": False}
    )
    for agent in (bundle, bundle.agent(), str(bundle.path), bundle.path):
        found = evaluate(agent, episodes=3)
        assert (found.algorithm, found.env_id) == ("ours", "FrozenLake-v1")
        assert len(set(found.returns)) == 1  # without slipping all episodes are one
    with_ice = evaluate(bundle, episodes=30, env_kwargs={"is_slippery": True})
    assert len(set(with_ice.lengths)) > 1
    assert evaluate(balancer(0, 0, 1, 0), "CartPole-v1", episodes=1).algorithm is None


def test_another_environment_keeps_the_wrappers_but_not_the_arguments(tmp_path: Path) -> None:
    limit = [["time-limit", {"max_episode_steps": 4}]]
    bundle = saved(tmp_path / "a", balancer(0, 0, 1, 0), "CartPole-v1", kwargs={}, wrappers=limit)
    assert evaluate(bundle, "CartPole-v0", episodes=2).returns == [4.0, 4.0]
    lake = saved(tmp_path / "b", walker(), "FrozenLake-v1", kwargs={"is_slippery": False})
    same = evaluate(lake, "FrozenLake-v1", episodes=10)
    assert len(set(same.lengths)) == 1
    config = EnvironmentConfig("FrozenLake-v1")
    assert len(set(evaluate(lake, config, episodes=30).lengths)) > 1


def test_the_copies_are_few_unless_asked_for() -> None:
    assert [MODULE.default_copies(n) for n in (1, 2, 3, 10, 100, 1000)] == [1, 1, 1, 5, 10, 10]
    assert evaluate(Guessing(), ENV_ID, episodes=3, n_envs=64).n_envs == 3


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("step", "ZooTestRiddle-v0.* raised ValueError: the ground"),
        ("reset", "ZooTestRiddle-v0.* raised OSError: no such level"),
        ("reward", "ZooTestRiddle-v0 gave a reward that is not finite"),
        ("endless", "an episode of ZooTestRiddle-v0 has not ended after 9,000 steps"),
    ],
)
@pytest.mark.parametrize("mode", ["own", AutoresetMode.NEXT_STEP])
def test_trouble_in_the_environment_is_one_line(
    trouble: str, message: str, mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "LONGEST_EPISODE", 9000)
    if mode != "own":
        monkeypatch.setattr(MODULE, "make_evaluation", vectors(mode, trouble=trouble))
    with pytest.raises(ZooError) as caught:
        evaluate(Guessing(), ENV_ID, env_kwargs={"trouble": trouble}, episodes=60)
    assert re.search(message, str(caught.value))
    assert "\n" not in str(caught.value)


def test_actions_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ZooError, match=r"actions in Pendulum-v1 are not finite: \[nan\]"):
        evaluate(Broken(), "Pendulum-v1", episodes=1)


def test_an_agent_for_other_spaces_is_refused_by_name() -> None:
    with pytest.raises(ZooError, match=r"observations are Box.*4.*Pendulum-v1 are Box.*3"):
        evaluate(balancer(0, 0, 1, 0), "Pendulum-v1", episodes=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "which environment"),
        ({"env": ENV_ID, "episodes": 0}, "too few"),
        ({"env": ENV_ID, "n_envs": 0}, "too few"),
        ({"env": "CartPoel-v1"}, "Did you mean CartPole-v1"),
    ],
)
def test_wrong_requests_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        evaluate(Guessing(), **arguments)


def test_code_that_only_a_bundle_names_is_not_run(tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("raise SystemExit('run')\n")
    bundle = saved(tmp_path / "a", walker(), f"{program}:Mine")
    with pytest.raises(ZooError, match="--env"):
        evaluate(bundle, episodes=1)


@pytest.mark.slow
@pytest.mark.parametrize("n_envs", [1, 3])
def test_the_returns_are_those_of_sb3(n_envs: int) -> None:
    pytest.importorskip("stable_baselines3")
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import DummyVecEnv

    def make() -> gym.Env[Any, Any]:
        return Monitor(gym.wrappers.TimeLimit(gym.make("CartPole-v1"), 450))

    agent = balancer(0, -0.2, 1, 0.5)
    envs = DummyVecEnv([make] * n_envs)
    envs.seed(7)
    returns, lengths = evaluate_policy(agent, envs, 20, return_episode_rewards=True)
    config = EnvironmentConfig("CartPole-v1", {}, (("time-limit", {"max_episode_steps": 450}),))
    found = evaluate(agent, config, episodes=20, n_envs=n_envs, seed=7)
    assert (found.returns, found.lengths) == (returns, lengths)
    assert len(set(returns)) > 2

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo.config.recipefile import RecipeFile
from zoo.config.recipes import check_file, load_recipe
from zoo.config.rlzoo import Conversion, convert
from zoo.errors import ZooError

pytest.importorskip("stable_baselines3")

HERE = Path(__file__).parents[2]
FILES = Path(os.environ.get("RL_ZOO_HYPERPARAMS", HERE.parent / "shared" / "rl-zoo-hyperparams"))
NAMES = [
    *("a2c", "ars", "crossq", "ddpg", "dqn", "her", "ppo", "ppo_lstm", "qrdqn", "sac"),
    *("td3", "tqc", "trpo"),
]


@pytest.fixture(autouse=True)
def in_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def converted(text: str, name: str = "ppo.yml") -> Conversion:
    """Convert a file, see that the result is valid, and return it."""
    Path(name).write_text(text, encoding="utf-8")
    conversion = convert(Path(name))
    output = Path("converted.yml")
    output.write_text(conversion.text_yaml, encoding="utf-8")
    assert check_file(output, conversion.algorithm) == []
    return conversion


def entry(conversion: Conversion, name: str) -> dict[str, object]:
    Path("converted.yml").write_text(conversion.text_yaml, encoding="utf-8")
    return RecipeFile.read(Path("converted.yml")).yaml.data[name]


def test_an_entry_keeps_its_values_in_our_words() -> None:
    conversion = converted(
        """
CartPole-v1:
  n_timesteps: !!float 1e5
  policy: 'MlpPolicy'
  learning_rate: lin_0.001
  clip_range: !!float 2e-1
  normalize: "dict(norm_obs=True, norm_reward=False)"
  policy_kwargs: "dict(log_std_init=-2,
                       activation_fn=nn.ReLU,
                       net_arch=dict(pi=[256], vf=[128])
                       )"
  # gamma: 0.5
"""
    )
    assert conversion.problems == []
    assert conversion.entries == ["CartPole-v1"]
    assert entry(conversion, "CartPole-v1") == {
        "n_timesteps": 100_000,
        "policy": "MlpPolicy",
        "learning_rate": "lin_0.001",
        "clip_range": 0.2,
        "normalize": {"norm_obs": True, "norm_reward": False},
        "policy_kwargs": {
            "log_std_init": -2,
            "activation_fn": "relu",
            "net_arch": {"pi": [256], "vf": [128]},
        },
    }


def test_wrappers_have_our_names_and_atari_is_split() -> None:
    conversion = converted(
        """
atari:
  env_wrapper:
    - stable_baselines3.common.atari_wrappers.AtariWrapper
  frame_stack: 4
Breakout-v4:
  env_wrapper:
    - stable_baselines3.common.atari_wrappers.AtariWrapper:
        terminal_on_life_loss: False
        frame_skip: 2
CarRacing-v3:
  env_wrapper:
    - rl_zoo3.wrappers.FrameSkip:
        skip: 2
    - rl_zoo3.wrappers.YAMLCompatResizeObservation:
        shape: [64, 64]
    - gymnasium.wrappers.transform_observation.GrayscaleObservation:
        keep_dim: true
  vec_env_wrapper:
    - stable_baselines3.common.vec_env.VecFrameStack:
        n_stack: 2
One-v0:
  env_wrapper: sb3_contrib.common.wrappers.TimeFeatureWrapper
"""
    )
    assert conversion.problems == []
    assert entry(conversion, "atari")["env_wrapper"] == [
        *("atari", "atari-episodic-life", "atari-clip-reward")
    ]
    assert entry(conversion, "Breakout-v4")["env_wrapper"] == [
        {"atari": {"frame_skip": 2}},
        "atari-clip-reward",
    ]
    racing = entry(conversion, "CarRacing-v3")
    assert racing["frame_stack"] == 2
    assert racing["env_wrapper"] == [
        {"frame-skip": {"skip": 2}},
        {"resize-observation": {"shape": [64, 64]}},
        {"grayscale-observation": {"keep_dim": True}},
    ]
    assert entry(conversion, "One-v0")["env_wrapper"] == ["time-feature"]
    assert entry(conversion, "atari-v5") == {"base": "atari", "env_kwargs": {"frameskip": 1}}
    recipe = load_recipe("sb3-ppo", "ALE/Pong-v5", user_file=Path("converted.yml"))
    assert recipe.settings.env_kwargs == {"frameskip": 1}


def test_what_cannot_be_carried_over_is_named_line_by_line() -> None:
    conversion = converted(
        """CartPole-v1:
  callback:
    - rl_zoo3.callbacks.ParallelTrainCallback
  env_wrapper:
    - ae.wrapper.AutoencoderWrapper:
        ae_path: "logs/x.pkl"
    - stable_baselines3.common.monitor.Monitor
    - rl_zoo3.wrappers.FrameSkip: {skip: 2, often: true}
  policy_kwargs: "dict(net_arch=[8], features_extractor_class=Mine)"
  n_steps: "many"
  gama: 0.9
  learning_rate: log_1e-3
  vec_env_wrapper: my.Wrapper
""",
    )
    assert sorted(conversion.problems, key=lambda text: int(text.split(":")[1])) == [
        "ppo.yml:2: CartPole-v1: key 'callback': left out, callbacks are code",
        "ppo.yml:5: CartPole-v1: key 'env_wrapper': left out ae.wrapper.AutoencoderWrapper: "
        "the wrapper is not known",
        "ppo.yml:7: CartPole-v1: key 'env_wrapper': left out "
        "stable_baselines3.common.monitor.Monitor: returns are measured without it",
        "ppo.yml:8: CartPole-v1: key 'env_wrapper': left out rl_zoo3.wrappers.FrameSkip: "
        "its argument 'often' is not known",
        "ppo.yml:9: CartPole-v1: key 'policy_kwargs': left out features_extractor_class: "
        "the name Mine is not known",
        "ppo.yml:10: CartPole-v1: left out: key 'n_steps': expected int, got 'many'",
        "ppo.yml:11: CartPole-v1: left out: key 'gama': unknown key. Did you mean gamma?",
        "ppo.yml:12: CartPole-v1: key 'learning_rate': log_1e-3 written as lin_, "
        "which is how RL Zoo takes it",
        "ppo.yml:13: CartPole-v1: key 'vec_env_wrapper': left out my.Wrapper: "
        "the wrapper is not known",
    ]
    assert entry(conversion, "CartPole-v1") == {
        "policy_kwargs": {"net_arch": [8]},
        "learning_rate": "lin_1e-3",
        "env_wrapper": [{"frame-skip": {"skip": 2}}],
    }
    for problem in conversion.problems:
        assert f"#   {problem}\n" in conversion.text_yaml


def test_strings_are_not_executed() -> None:
    conversion = converted(
        "CartPole-v1:\n  gamma: 0.9\n"
        "  policy_kwargs: \"dict(net_arch=[open('created', 'w')])\"\n"
        "  normalize: \"[].append(open('created', 'w'))\"\n"
        '  replay_buffer_class: "os.system"\n'
    )
    assert not Path("created").exists()
    assert entry(conversion, "CartPole-v1") == {"gamma": 0.9, "policy_kwargs": {}}
    assert len(conversion.problems) == 3
    with pytest.raises(ZooError, match="tag"):
        converted("CartPole-v1: !!python/object/apply:os.system [touch created]\n")


def test_retired_ids_are_renamed_only_where_they_behave_the_same() -> None:
    conversion = converted(
        "LunarLander-v2: {gamma: 0.1}\nHopper-v2: {gamma: 0.2}\nCarRacing-v0: {gamma: 0.3}\n"
        "CartPoleNoVel-v1: {gamma: 0.4}\nReacher-v2: {gamma: 0.5}\nReacher-v4: {gamma: 0.6}\n"
        "HopperBulletEnv-v0: {gamma: 0.7}\n",
        "ppo_lstm.yml",
    )
    assert conversion.algorithm == "sb3-recurrent-ppo"
    assert conversion.entries == [
        *("LunarLander-v3", "Hopper-v4", "CarRacing-v0", "CartPole-v1", "Reacher-v2"),
        *("Reacher-v4", "HopperBulletEnv-v0"),
    ]
    assert entry(conversion, "CartPole-v1")["env_wrapper"] == ["mask-velocity"]
    assert conversion.problems == [
        "ppo_lstm.yml:3: CarRacing-v0: the id is retired and kept; "
        "its successor CarRacing-v3 is not the same",
        "ppo_lstm.yml:5: Reacher-v2: the id is retired and kept; Reacher-v4 has its own entry",
    ]
    assert "LunarLander-v3: # LunarLander-v2 in the source" in conversion.text_yaml


def test_hindsight_replay_is_converted_from_both_of_its_forms() -> None:
    conversion = converted(
        """FetchReach-v1:
  policy: MultiInputPolicy
  replay_buffer_class: HerReplayBuffer
  replay_buffer_kwargs: "dict(
    goal_selection_strategy='future',
    n_sampled_goal=4
  )"
FetchPush-v1:
  model_class: 'tqc'
  policy: 'MlpPolicy'
  n_sampled_goal: 4
  goal_selection_strategy: 'future'
  online_sampling: True
  max_episode_length: 100
""",
        "tqc.yml",
    )
    goals = {
        "policy": "MultiInputPolicy",
        "replay_buffer_class": "her",
        "replay_buffer_kwargs": {"goal_selection_strategy": "future", "n_sampled_goal": 4},
    }
    assert entry(conversion, "FetchReach-v4") == goals
    assert entry(conversion, "FetchPush-v4") == goals
    assert [problem.split(": ")[0] for problem in conversion.problems] == [
        *("tqc.yml:13", "tqc.yml:14", "tqc.yml:10")
    ]


def test_model_class_decides_the_algorithm_and_other_entries_are_reported() -> None:
    text = (
        "A-v0: {model_class: tqc, gamma: 0.1}\nB-v0: {model_class: tqc}\nC-v0: {model_class: sac}\n"
    )
    conversion = converted(text, "her.yml")
    assert (conversion.algorithm, conversion.entries) == ("sb3-tqc", ["A-v0", "B-v0"])
    assert conversion.problems == [
        "her.yml:3: C-v0: left out: it is for sb3-sac, the rest for sb3-tqc"
    ]
    assert convert(Path("her.yml"), "sb3-sac").entries == ["C-v0"]


def test_an_entry_stands_alone_as_it_did_whatever_default_says() -> None:
    conversion = converted(
        "default: {n_delta: 2, n_top: 2, delta_std: 0.02}\nCartPole-v1: {n_delta: 4}\n", "ars.yml"
    )
    recipe = load_recipe("sb3-ars", "CartPole-v1", user_file=Path("converted.yml"))
    assert recipe.config.n_top is None
    assert recipe.config.delta_std(1.0) == 0.05
    assert conversion.problems == []


def test_values_that_do_not_go_together_are_reported_and_the_rest_is_valid() -> None:
    conversion = converted("CartPole-v1: {n_delta: 2, n_top: 3, delta_std: 0.1}\n", "ars.yml")
    assert entry(conversion, "CartPole-v1")["delta_std"] == 0.1
    (problem,) = conversion.problems
    assert "n_top 3 is more than n_delta 2" in problem


@pytest.mark.parametrize("name", ["pppo.yml", "mine.yml"])
def test_a_file_that_does_not_tell_its_algorithm_is_refused(name: str) -> None:
    with pytest.raises(ZooError, match="the name does not tell the algorithm"):
        converted("CartPole-v1: {gamma: 0.9}\n", name)
    assert convert(Path(name), "sb3-ppo").entries == ["CartPole-v1"]


@pytest.mark.skipif(not FILES.is_dir(), reason="RL Zoo's files are not here")
@pytest.mark.parametrize("name", NAMES)
def test_rl_zoos_own_files_convert_and_validate(name: str) -> None:
    source = (FILES / f"{name}.yml").read_text(encoding="utf-8")
    conversion = converted(source, f"{name}.yml")
    entries = RecipeFile.read(Path(f"{name}.yml")).yaml.data
    elsewhere = [text for text in conversion.problems if "it is for" in text]
    assert len(conversion.entries) + len(elsewhere) == len(entries)
    expected = {"ppo": 12, "ppo_lstm": 1, "sac": 1, "tqc": 2, "her": 12}
    assert len(conversion.problems) == expected.get(name, 0), conversion.problems

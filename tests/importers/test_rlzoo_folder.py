"""What stands beside a model: its environment, wrappers, statistics; old ids and old habits."""

from __future__ import annotations

import pickle
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

import zoo
from tests.importers.test_sb3_saved import Spaces
from zoo.foreign import pickles
from zoo.foreign.arrays import NotPlain
from zoo.foreign.spaces import space

sb3 = pytest.importorskip("stable_baselines3")
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize  # noqa: E402

ARMS = spaces.Box(-1.0, 1.0, (2,), np.float32)


def model(observations: Any, actions: Any = ARMS, policy: str = "MlpPolicy") -> Any:
    return sb3.PPO(policy, Spaces(observations, actions), policy_kwargs={"net_arch": [8]}, seed=0)


def vector(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (size,), np.float64)


def run_folder(
    path: Path, env_id: str, saved: Any, *, args: str = "", config: str = "", name: str = ""
) -> Path:
    """Write a run folder of RL Zoo and return it."""
    folder = path / f"{env_id}_1"
    (folder / env_id).mkdir(parents=True)
    saved.save(folder / f"{name or env_id}.zip")
    (folder / env_id / "args.yml").write_text(f"algo: ppo\nenv: {env_id}\n{args}")
    (folder / env_id / "config.yml").write_text(f"policy: MlpPolicy\n{config}")
    return folder


def statistics(path: Path, observations: Any, **moments: tuple[Any, Any]) -> None:
    env = VecNormalize(DummyVecEnv([lambda: Spaces(observations, ARMS)]))
    if isinstance(observations, spaces.Dict):
        for key, (mean, var) in moments.items():
            env.obs_rms[key].mean, env.obs_rms[key].var = np.array(mean), np.array(var)
    else:
        env.obs_rms.mean, env.obs_rms.var = (np.array(part) for part in moments["all"])
    env.save(str(path))


def imported(folder: Path, tmp_path: Path, **options: Any) -> tuple[Any, tuple[str, ...]]:
    return zoo.import_agent(folder, tmp_path / "agent", **options)


@pytest.mark.parametrize(
    ("old", "new", "wrappers"),
    [
        ("LunarLander-v2", "LunarLander-v3", []),
        ("LunarLanderContinuous-v2", "LunarLanderContinuous-v3", []),
        ("Hopper-v3", "Hopper-v4", []),
        ("FetchReach-v1", "FetchReach-v4", []),
        ("PandaReach-v1", "PandaReach-v3", []),
        ("CartPoleNoVel-v1", "CartPole-v1", [["mask-velocity", {}]]),
        ("Pendulum-v0", "Pendulum-v1", []),
        ("AntBulletEnv-v0", "AntBulletEnv-v0", []),
    ],
)
def test_retired_environments(old: str, new: str, wrappers: list[Any], tmp_path: Path) -> None:
    bundle, notes = imported(run_folder(tmp_path, old, model(vector(3))), tmp_path)
    assert bundle.environment == {"id": new, "kwargs": {}, "wrappers": wrappers}
    assert bundle.manifest["training"]["environment"] == old
    assert any("retired" in note for note in notes) == (old != new)


def test_wrappers_arguments_and_options(tmp_path: Path) -> None:
    config = (
        "env_wrapper:\n"
        "  - utils.wrappers.TimeFeatureWrapper\n"
        "  - rl_zoo3.wrappers.HistoryWrapper:\n      horizon: 3\n"
        "  - lab.wrappers.Own\n"
        "frame_stack: 4\n"
    )
    args = "env_kwargs: {continuous: true, gravity: -3.0, render_mode: human}\n"
    folder = run_folder(tmp_path, "Hopper-v3", model(vector(3)), args=args, config=config)
    bundle, notes = imported(folder, tmp_path, env_kwargs={"gravity": -1.0}, old_masses=True)
    assert bundle.environment == {
        "id": "Hopper-v4",
        "kwargs": {"continuous": True, "gravity": -1.0},
        "wrappers": [
            ["old-capsule-masses", {}],
            ["time-feature", {}],
            ["history", {"horizon": 3}],
            ["frame-stack", {"n": 4}],
        ],
    }
    assert any("lab.wrappers.Own" in note for note in notes)
    other, _ = imported(folder, tmp_path, env="Hopper-v5", algorithm="mine")
    assert (other.env_id, other.algorithm) == ("Hopper-v5", "mine")


@pytest.mark.parametrize(
    ("setting", "needed"),
    [
        ("true", True),
        ("false", False),
        ('"dict(norm_obs=True, norm_reward=False)"', True),
        ("\"{'norm_obs': False, 'norm_reward': True}\"", False),
        ("{norm_obs: false}", False),
        ("{norm_obs: true}", True),
    ],
)
def test_missing_statistics_are_missed(setting: str, needed: bool, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, "Hopper-v4", model(vector(3)), config=f"normalize: {setting}\n")
    if needed:
        with pytest.raises(zoo.ZooError, match="trained on normalised observations"):
            imported(folder, tmp_path)
    else:
        imported(folder, tmp_path)


def test_the_best_model_has_no_statistics_of_its_own(tmp_path: Path) -> None:
    own = vector(3)
    folder = run_folder(tmp_path, "Hopper-v4", model(own), config="normalize: true\n")
    statistics(folder / "Hopper-v4" / "vecnormalize.pkl", own, all=([1.0] * 3, [2.0] * 3))
    shutil.copy(folder / "Hopper-v4.zip", folder / "best_model.zip")
    imported(folder, tmp_path)  # the final model is meant
    with pytest.raises(zoo.ZooError, match="no statistics of its own"):
        imported(folder / "best_model.zip", tmp_path, env="Hopper-v4")
    (folder / "Hopper-v4.zip").rename(tmp_path / "elsewhere.zip")
    (folder / "Hopper-v4" / "vecnormalize.pkl").unlink()
    with pytest.raises(zoo.ZooError):
        imported(folder, tmp_path)


def test_a_repository_made_with_huggingface_sb3(tmp_path: Path) -> None:
    folder = tmp_path / "my-lander"
    folder.mkdir()
    model(vector(8), spaces.Discrete(4)).save(folder / "first-try.zip")
    (folder / "README.md").write_text(
        "---\nmodel-index:\n- name: PPO\n  results:\n  - dataset:\n      name: LunarLander-v2\n"
        "---\n# PPO\n"
    )
    bundle, _ = imported(folder, tmp_path)
    assert bundle.env_id == "LunarLander-v3"


def test_the_name_of_a_file_may_tell_the_environment(tmp_path: Path) -> None:
    for name in ("ppo-CartPole-v1", "CartPole-v1", "ppo_lstm-CartPole-v1"):
        model(vector(4), spaces.Discrete(2)).save(tmp_path / f"{name}.zip")
        bundle, _ = imported(tmp_path / f"{name}.zip", tmp_path)
        assert bundle.env_id == "CartPole-v1"
    with pytest.raises(zoo.ZooError, match="several models"):
        imported(tmp_path, tmp_path)
    model(vector(4), spaces.Discrete(2)).save(tmp_path / "x.zip")
    with pytest.raises(zoo.ZooError, match=r"does not say which environment.*--env"):
        imported(tmp_path / "x.zip", tmp_path)


@pytest.mark.parametrize("normalized", [False, True])
def test_ants_whose_contact_forces_were_zero_keep_them_so(normalized: bool, tmp_path: Path) -> None:
    old = vector(111)
    saved = sb3.TD3("MlpPolicy", Spaces(old, ARMS), buffer_size=1, seed=0)
    config = "normalize: true\n" if normalized else ""
    folder = run_folder(tmp_path, "Ant-v3", saved, config=config)
    mean, var = np.linspace(-1, 1, 111), np.linspace(0.5, 2, 111)
    mean[27:], var[27:] = 0.001, 1e-10
    if normalized:
        statistics(folder / "Ant-v3" / "vecnormalize.pkl", old, all=(mean, var))
    bundle, notes = imported(folder, tmp_path)
    assert bundle.environment == {"id": "Ant-v4", "kwargs": {}, "wrappers": []}
    assert any("contact forces" in note for note in notes)
    seen = np.random.default_rng(0).normal(size=(50, 27))
    padded = np.concatenate([seen, np.zeros((50, 84))], axis=1)
    if normalized:
        padded = np.clip((padded - mean) / np.sqrt(var + 1e-8), -10, 10)
    expected = saved.policy.predict(padded.astype(np.float32), deterministic=True)[0]
    np.testing.assert_allclose(bundle.agent().act(seen), expected, atol=1e-5)


def test_ants_that_felt_contacts_go_on_feeling_them(tmp_path: Path) -> None:
    old = vector(111)
    folder = run_folder(tmp_path, "Ant-v3", model(old), config="normalize: true\n")
    moments = np.zeros(111), np.full(111, 0.5)
    statistics(folder / "Ant-v3" / "vecnormalize.pkl", old, all=moments)
    bundle, _ = imported(folder, tmp_path)
    assert bundle.environment["kwargs"] == {"use_contact_forces": True}
    assert bundle.agent().observation_space.shape == (111,)


def test_a_humanoid_does_not_see_what_it_never_saw(tmp_path: Path) -> None:
    old = vector(376)
    saved = model(old)
    folder = run_folder(tmp_path, "Humanoid-v3", saved, config="normalize: true\n")
    mean, var = np.zeros(376), np.ones(376)
    var[292:] = 0.0
    statistics(folder / "Humanoid-v3" / "vecnormalize.pkl", old, all=(mean, var))
    bundle, _ = imported(folder, tmp_path)
    agent = bundle.agent()
    seen = np.random.default_rng(0).normal(size=(50, 376))
    other = seen.copy()
    other[:, 292:] = 7.0
    np.testing.assert_allclose(agent.act(seen), agent.act(other), atol=1e-6)


def test_hindsight_replay_of_before_1_1(tmp_path: Path) -> None:
    """It learnt from one vector: the observation and the goal that is wanted, both normalised."""
    parts = OrderedDict(achieved_goal=vector(3), desired_goal=vector(3), observation=vector(10))
    saved = model(vector(13))
    folder = run_folder(
        tmp_path, "FetchReach-v1", saved, config="normalize: true\n", name="FetchReach-v1"
    )
    args = folder / "FetchReach-v1" / "args.yml"
    args.write_text("algo: her\nenv: FetchReach-v1\n")
    with pytest.raises(zoo.ZooError, match="statistics"):
        imported(folder, tmp_path)
    with pytest.raises(zoo.ZooError, match=r"before SB3 1\.1"):
        imported(folder, tmp_path, allow_missing_statistics=True)
    moments = {key: (np.full(s.shape, i), np.full(s.shape, 4.0)) for i, (key, s) in
               enumerate(parts.items())}  # fmt: skip
    statistics(folder / "FetchReach-v1" / "vecnormalize.pkl", spaces.Dict(parts), **moments)
    bundle, _ = imported(folder, tmp_path)
    rng = np.random.default_rng(0)
    seen = {key: rng.normal(size=(50, *space.shape)) for key, space in parts.items()}
    scaled = {
        key: np.clip((x - moments[key][0]) / np.sqrt(4 + 1e-8), -10, 10) for key, x in seen.items()
    }
    joined = np.concatenate([scaled["observation"], scaled["desired_goal"]], axis=1)
    expected = saved.policy.predict(joined.astype(np.float32), deterministic=True)[0]
    np.testing.assert_allclose(bundle.agent().act(seen), expected, atol=1e-5)


@pytest.mark.parametrize(
    "own",
    [
        spaces.Box(-1.0, 1.0, (2, 3), np.float32),
        spaces.Discrete(4),
        spaces.MultiDiscrete([2, 3]),
        spaces.MultiBinary(3),
        spaces.MultiBinary([2, 2]),
        spaces.Dict(OrderedDict(b=spaces.Discrete(2), a=ARMS)),
        spaces.Tuple([spaces.Discrete(2), ARMS]),
    ],
    ids=str,
)
def test_spaces_of_gym_are_read_too(own: Any) -> None:
    """Models of before SB3 2.0 have spaces of gym, which need not be installed."""
    new = pickle.dumps(own, 2)
    old = new.replace(b"cgymnasium.", b"cgym.")
    assert new != old
    for data in (new, old):
        assert space(pickles.loads(data, "x")) == own


def test_spaces_that_multiply_are_refused() -> None:
    own: Any = spaces.Discrete(2)
    for _ in range(6):
        inner, own = own, spaces.Tuple([spaces.Discrete(2)])
        own.spaces = (inner,) * 30
    with pytest.raises(NotPlain, match="too large"):
        space(pickles.loads(pickle.dumps(own), "x"))


@pytest.mark.parametrize("setting", ["foo", "[1]", "3"])
def test_an_odd_normalize_kwargs_is_passed_over(tmp_path: Path, setting: str) -> None:
    config = f"normalize: true\nnormalize_kwargs: {setting}\n"
    folder = run_folder(tmp_path / "in", "Old-v0", model(ARMS), config=config)
    with pytest.raises(zoo.ZooError, match="statistics"):
        imported(folder, tmp_path)


def test_the_name_of_a_wrapper_stays_in_one_line(tmp_path: Path) -> None:
    config = 'env_wrapper: "x\\n\\x1b[31m"\n'
    folder = run_folder(tmp_path / "in", "Old-v0", model(ARMS), config=config)
    _, notes = imported(folder, tmp_path)
    assert any(r"x\n\x1b[31m" in note for note in notes)


@pytest.mark.parametrize("config", ['a: "\\ud800"\n', '"\\ud800": 1\n'])
def test_text_that_cannot_be_written_is_refused(tmp_path: Path, config: str) -> None:
    folder = run_folder(tmp_path / "in", "Old-v0", model(ARMS), config=config)
    with pytest.raises(zoo.ZooError, match="cannot be read as YAML") as caught:
        imported(folder, tmp_path)
    str(caught.value).encode()

import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from zoo.environments.config import EnvironmentConfig
from zoo.environments.episodes import SeededEpisodes
from zoo.environments.make import make, make_evaluation, make_vector, vectorize
from zoo.environments.same_step import SameStepVectorEnv
from zoo.errors import MissingExtra, ZooError
from zoo.plugin import registry
from zoo.plugin.specs import WrapperSpec

from .environments import Counter

made = []


class Closing(Counter):
    """Notes that it was closed."""

    def close(self):
        made.append(self)


class Refusing(Counter):
    """Cannot be made."""

    def __init__(self, **kwargs):
        raise ValueError("no licence")


@pytest.fixture
def registered():
    """Ids of the small environments, for one test."""
    gym.register("zoo-test/Counter-v0", entry_point=Counter)
    gym.register("zoo-test/Closing-v0", entry_point=Closing)
    gym.register("zoo-test/Refusing-v0", entry_point=Refusing)
    gym.register("zoo-test/Absent-v0", entry_point="zoo_absent.module:Env")
    yield
    for name in ("Counter", "Closing", "Refusing", "Absent"):
        gym.registry.pop(f"zoo-test/{name}-v0")


def halve(env, by=2.0):
    return gym.wrappers.TransformReward(env, lambda reward: reward / by)


def lacking(env):
    raise gym.error.DependencyNotInstalled("pip install something")


@pytest.fixture
def wrappers(monkeypatch):
    """Two wrappers by name, one of them for training only."""
    plugins = registry.get_registry()
    known = plugins.wrappers
    for name in ("halve", "halve-training", "missing"):
        monkeypatch.setitem(plugins.owners, (registry.WRAPPER, name), ("zoo",))
    for name, training_only in (("halve", False), ("halve-training", True)):
        spec = WrapperSpec(name, f"{__name__}:halve", "halve the reward", training_only)
        monkeypatch.setitem(known, name, spec)
    missing = WrapperSpec("missing", f"{__name__}:lacking", "", extra="atari")
    monkeypatch.setitem(known, "missing", missing)


def config(*wrappers, env_id="CartPole-v1", **kwargs):
    return EnvironmentConfig(env_id, kwargs, tuple((name, {}) for name in wrappers))


def first_reward(env):
    env.reset(seed=0)
    return env.step(env.action_space.sample())[1]


# -- one ---------------------------------------------------------------------------------------


def test_arguments_reach_the_environment():
    assert make(config(env_id="FrozenLake-v1", map_name="8x8")).observation_space.n == 64
    assert make(config(max_episode_steps=3)).spec.max_episode_steps == 3


def test_an_older_version_that_still_works_comes_without_a_warning(recwarn):
    pytest.importorskip("mujoco")
    make(config(env_id="Hopper-v4")).close()
    assert not [warning for warning in recwarn if "out of date" in str(warning.message)]


def test_wrappers_lie_in_the_order_of_the_config(wrappers):
    env = make(EnvironmentConfig("CartPole-v1", {}, (("halve", {}), ("halve", {"by": 4.0}))))
    assert first_reward(env) == 0.125


def test_training_only_wrappers_are_for_training(wrappers):
    both = config("halve", "halve-training")
    assert first_reward(make(both)) == 0.5
    assert first_reward(make(both, training=True)) == 0.25
    assert first_reward(make_vector(both, 2, seed=0)).tolist() == [0.25, 0.25]
    assert first_reward(make_vector(both, 2, seed=0, training=False)).tolist() == [0.5, 0.5]
    assert first_reward(make_evaluation(both, 2, seed=0)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("build", [make, lambda c: make_vector(c, 2, seed=0),
                                   lambda c: make_evaluation(c, 2, seed=0)])  # fmt: skip
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (config(env_id="CartPol-v1"), "Did you mean CartPole-v1"),
        (config(env_id="LunarLander-v2"), "Use LunarLander-v3"),
        (config(gravity=3), r"does not take these arguments \(gravity\): TypeError.*--env-kwargs"),
        (config("frame-stak"), "Did you mean frame-stack"),
        (config("missing"), r"agent-zoo\[atari\]"),
        (config(env_id="zoo-test/Refusing-v0"), r"could not be made: ValueError: no licence \("),
        (config(env_id="zoo-test/Absent-v0"), "No module named 'zoo_absent'"),
        (config(env_id="os:Game-v0"), "--env os:Game-v0"),
        (config(env_id="game.py:Game"), "--env game.py:Game"),
    ],
)
def test_what_cannot_be_made_is_one_line(registered, wrappers, build, wrong, message):
    with pytest.raises(ZooError, match=message) as caught:
        build(wrong)
    assert "\n" not in str(caught.value)


def test_a_wrapper_that_does_not_fit_is_named_and_the_environment_closed(registered):
    wrong = EnvironmentConfig("zoo-test/Closing-v0", {}, (("frame-skip", {"often": 3}),))
    made.clear()
    with pytest.raises(ZooError, match=r"wrapper 'frame-skip' does not fit .*Closing-v0: Type"):
        make(wrong)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("env_id", "module", "extra"),
    [("LunarLander-v3", "Box2D", "box2d"), ("HalfCheetah-v5", "mujoco", "mujoco")],
)
def test_a_missing_package_names_its_extra(monkeypatch, env_id, module, extra):
    for name in list(sys.modules):
        if name.partition(".")[0] == module or name.startswith(f"gymnasium.envs.{extra}"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"environment {env_id} .*agent-zoo\[{extra}\]"):
        make(config(env_id=env_id))


# -- many --------------------------------------------------------------------------------------


def test_raw_episodes_are_measured_inside_the_wrappers(wrappers):
    env = make_vector(config("halve"), 2, seed=0)
    assert isinstance(env.envs[0].env, SeededEpisodes)
    vectorized = vectorize([lambda: make(config("halve"))], seed=0)
    assert isinstance(vectorized.envs[0], SeededEpisodes)


@pytest.mark.parametrize("count", [0, -1])
def test_too_few_copies_are_refused(count):
    with pytest.raises(ZooError, match="Ask for at least one"):
        make_vector(config(), count, seed=0)
    with pytest.raises(ZooError, match="Ask for at least one"):
        make_evaluation(config(), count, seed=0)


@pytest.mark.parametrize("n", [1, 3])
def test_evaluation_is_seeded_as_sb3s_dummy_vec_env(n):
    vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
    theirs = vec_env.DummyVecEnv([lambda: gym.make("Pendulum-v1", max_episode_steps=20)] * n)
    theirs.seed(42)
    ours = make_evaluation(config(env_id="Pendulum-v1", max_episode_steps=20), n, seed=42)
    np.testing.assert_array_equal(ours.reset()[0], theirs.reset())
    for _ in range(50):
        actions = ours.action_space.sample()
        observations, rewards, _, truncations, _ = ours.step(actions)
        expected, their_rewards, dones, _ = theirs.step(actions)
        np.testing.assert_array_equal(observations, expected)
        np.testing.assert_array_equal(rewards.astype(np.float32), their_rewards)
        np.testing.assert_array_equal(truncations, dones)


def test_evaluation_uses_the_native_vector_environment_where_it_is_the_same(wrappers):
    native = make_evaluation(config(), 4, seed=0)
    assert native.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert type(native.unwrapped).__name__ == "CartPoleVectorEnv"
    others = [(config(), 1), (config("halve"), 4), (config(env_id="Pendulum-v1"), 4)]
    for other, n in others:
        assert isinstance(make_evaluation(other, n, seed=0), SameStepVectorEnv)
    training_only = make_evaluation(config("halve-training"), 4, seed=0)
    assert training_only.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


def test_the_native_vector_environment_is_seeded():
    starts = [make_evaluation(config(), 4, seed=seed).reset()[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])
    given = make_evaluation(config(), 4, seed=1)
    np.testing.assert_array_equal(
        given.reset(seed=7)[0], make_evaluation(config(), 4, seed=2).reset(seed=7)[0]
    )


def test_atari_is_evaluated_frame_by_frame():
    pytest.importorskip("ale_py")
    env = make_evaluation(config(env_id="ALE/Pong-v5"), 2, seed=0)
    assert isinstance(env, SameStepVectorEnv)
    assert env.reset()[0].shape == (2, 210, 160, 3)


def test_a_list_out_of_json_is_a_stochastic_frame_skip():
    pytest.importorskip("ale_py")
    env = make(config(env_id="ALE/Pong-v5", frameskip=[2, 5]))
    assert env.unwrapped._frameskip == (2, 5)

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from zoo.environments.same_step import SameStepVectorEnv
from zoo.errors import ZooError

from .environments import Continuous, Counter


class Tuples(Counter):
    """Counter with an observation of two parts."""

    def __init__(self):
        super().__init__()
        self.observation_space = spaces.Tuple((spaces.Discrete(10), self.observation_space))

    def _observe(self, noise):
        return self.steps, np.array([self.steps, self.drawn, noise], np.float32)


@pytest.mark.parametrize(
    "factory",
    [
        Counter,
        Continuous,
        Tuples,
        lambda: gym.make("CartPole-v1"),
        lambda: gym.make("FrozenLake-v1"),
        lambda: gym.make("Pendulum-v1"),
    ],
)
@pytest.mark.parametrize("n", [1, 3])
def test_everything_equals_gymnasiums_sync_vector_env(factory, n):
    ours = SameStepVectorEnv([factory] * n)
    theirs = SyncVectorEnv([factory] * n, autoreset_mode=AutoresetMode.SAME_STEP)
    assert ours.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert_equal(ours.reset(seed=5), theirs.reset(seed=5))
    theirs.action_space.seed(1)
    for _ in range(230):
        actions = theirs.action_space.sample()
        assert_equal(ours.step(actions), theirs.step(actions))


def test_returned_arrays_are_the_callers():
    env = SameStepVectorEnv([Counter] * 2, first_seed=0)
    kept = [env.reset()[0], *env.step(np.zeros(2, np.int64))[:4]]
    copies = [array.copy() for array in kept]
    for _ in range(5):
        env.step(np.ones(2, np.int64))
    for array, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_first_reset_uses_the_seed_given_at_the_start():
    env, other = SameStepVectorEnv([Counter] * 3, first_seed=11), SameStepVectorEnv([Counter] * 3)
    first = env.reset()[0]
    np.testing.assert_array_equal(first, other.reset(seed=11)[0])
    assert len(np.unique(first[:, 1])) == 3
    second = env.reset()[0]
    np.testing.assert_array_equal(second, other.reset()[0])
    assert not np.array_equal(first, second)


def test_a_seed_for_each_copy():
    env = SameStepVectorEnv([Counter] * 2)
    drawn = env.reset(seed=[4, 4])[0][:, 1]
    assert drawn[0] == drawn[1]
    with pytest.raises(ValueError, match="3 seeds for 2"):
        env.reset(seed=[1, 2, 3])


def test_a_mask_resets_some_copies():
    env = SameStepVectorEnv([Counter] * 3, first_seed=0)
    env.reset()
    env.step(np.zeros(3, np.int64))
    options = {"reset_mask": np.array([True, False, True])}
    assert env.reset(options=options)[0][:, 0].tolist() == [0, 1, 0]
    assert "reset_mask" in options


def test_a_copy_that_raises_in_step_is_named():
    env = SameStepVectorEnv([Counter, lambda: Counter(fail_at=2)], first_seed=0, name="Pole-v0")
    env.reset()
    env.step(np.zeros(2, np.int64))
    env.step(np.zeros(2, np.int64))
    with pytest.raises(ZooError) as caught:
        env.step(np.zeros(2, np.int64))
    message = str(caught.value)
    assert (
        "environment Pole-v0 (copy 1 of 2) raised RuntimeError: the pole broke in step" in message
    )
    assert "(environments.py:" in message
    assert "\n" not in message
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_copy_that_raises_in_reset_is_named():
    class Broken(Counter):
        def reset(self, *, seed=None, options=None):
            raise OSError("no more")

    env = SameStepVectorEnv([Counter, Broken])
    with pytest.raises(ZooError, match=r"environment Counter \(copy 1 .*OSError: no more in reset"):
        env.reset()


def test_an_observation_of_another_shape_is_refused():
    class Short(Counter):
        def _observe(self, noise):
            return np.zeros(1, np.float32)

    with pytest.raises(ZooError, match=r"shape \(1,\), its observation space has \(3,\)"):
        SameStepVectorEnv([Short]).reset()


@pytest.mark.parametrize("attribute", ["observation_space", "action_space"])
def test_an_environment_without_spaces_is_told_so(attribute):
    class Bare(Counter):
        def __init__(self):
            super().__init__()
            delattr(self, attribute)

    with pytest.raises(ZooError, match=f"environment Bare-v0 .*{attribute}.*Give its class"):
        SameStepVectorEnv([Bare], name="Bare-v0")


def assert_equal(ours, theirs):
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for key in ours:
            assert_equal(ours[key], theirs[key])
    elif isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_equal(one, other)
    elif isinstance(ours, np.ndarray) and ours.dtype == object:
        for one, other in zip(ours, theirs, strict=True):
            assert_equal(one, other)
    else:
        np.testing.assert_array_equal(ours, theirs)
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype

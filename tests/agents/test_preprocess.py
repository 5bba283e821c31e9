"""Preprocessing against hand-worked rows and Stable-Baselines3's own functions."""

import json

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.preprocess import Preprocess, example, standard_steps
from zoo.errors import ZooError


def test_normalize_by_hand():
    step = {"mean": np.array([1.0, 0.0]), "var": np.array([3.0, 0.25]), "epsilon": 1.0, "clip": 2.0}
    preprocess = Preprocess([("normalize", step)])
    # (3 - 1) / sqrt(3 + 1) = 1; (1 - 0) / sqrt(1.25) = .894; (9 - 1) / 2 = 4 -> 2; -8.9 -> -2
    rows = preprocess(np.array([[3.0, 1.0], [9.0, -10.0]], np.float32))
    np.testing.assert_allclose(rows, [[1.0, 0.8944272], [2.0, -2.0]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_normalize_leaves_the_observation_alone():
    step = {"mean": np.ones(1, np.float32), "var": np.ones(1, np.float32), "epsilon": 0.0, "clip": 5.0}  # fmt: skip  # noqa: E501
    observation = np.array([[3.0]], np.float32)
    Preprocess([("normalize", step)])(observation)
    assert observation.tolist() == [[3.0]]


def test_normalize_equals_vec_normalize():
    vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
    env = vec_env.VecNormalize(vec_env.DummyVecEnv([lambda: gym.make("Pendulum-v1")]), clip_obs=1.5)
    rng = np.random.default_rng(0)
    env.obs_rms.mean, env.obs_rms.var = rng.normal(size=3), rng.random(3)
    step = {"mean": env.obs_rms.mean, "var": env.obs_rms.var, "epsilon": env.epsilon, "clip": 1.5}
    observations = rng.normal(size=(100, 3)).astype(np.float32)
    ours = Preprocess([("normalize", step)])(observations)
    assert (ours == env.normalize_obs(observations)).all()


def test_one_hot_counts_from_start():
    preprocess = Preprocess([("one-hot", {"nvec": [3], "start": [5]})])
    assert preprocess(np.array([5, 7])).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_one_hot_of_several_entries():
    preprocess = Preprocess([("one-hot", {"nvec": [2, 3]})])
    assert preprocess(np.array([[1, 0], [0, 2]])).tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]


@pytest.mark.parametrize("value", [-1, 3])
def test_one_hot_refuses_what_is_outside(value):
    with pytest.raises(ZooError, match="outside"):
        Preprocess([("one-hot", {"nvec": [3]})])(np.array([value]))


def test_scale_divides_images():
    image = np.full((1, 2, 2, 1), 51, np.uint8)
    rows = Preprocess([("scale", {"divisor": 255.0}), ("flatten", {})])(image)
    np.testing.assert_allclose(rows, [[0.2] * 4], rtol=1e-6)


def test_concatenate_takes_the_keys_in_their_order():
    preprocess = Preprocess([("concatenate", {"keys": ["b", "a"]})])
    rows = preprocess({"a": np.array([[1.0], [2.0]]), "b": np.array([[[3.0, 4.0]], [[5.0, 6.0]]])})
    assert rows.tolist() == [[3, 4, 1], [5, 6, 2]]


def test_a_key_names_the_entry_of_a_dict():
    steps = [
        ("normalize", {"key": "a", "mean": np.ones(1), "var": np.ones(1), "epsilon": 0, "clip": 9}),
        ("concatenate", {"keys": ["a", "b"]}),
    ]
    observations = {"a": np.array([[3.0]]), "b": np.array([[3.0]])}
    assert Preprocess(steps)(observations).tolist() == [[2.0, 3.0]]
    assert observations["a"].tolist() == [[3.0]]


SPACES = [
    spaces.Box(-1, 1, (3,)),
    spaces.Box(-1, 1, (2, 3), np.float64),
    spaces.Box(0, 255, (4, 4, 3), np.uint8),
    spaces.Discrete(5),
    spaces.MultiDiscrete([3, 2, 4]),
    spaces.MultiBinary(4),
    spaces.Dict({"b": spaces.Box(-1, 1, (2,)), "a": spaces.Discrete(3)}),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_standard_steps_equal_stable_baselines3(space):
    torch = pytest.importorskip("torch")
    sb3 = pytest.importorskip("stable_baselines3.common.preprocessing")
    space.seed(0)
    samples = [space.sample() for _ in range(20)]
    if isinstance(space, spaces.Dict):
        batch = {key: np.stack([sample[key] for sample in samples]) for key in space.spaces}
        tensors = {key: torch.as_tensor(value) for key, value in batch.items()}
        parts = sb3.preprocess_obs(tensors, space)
        expected = torch.cat([parts[key].flatten(1) for key in space.spaces], 1)
    else:
        batch = np.stack(samples)
        expected = sb3.preprocess_obs(torch.as_tensor(batch), space).flatten(1)
    rows = Preprocess(standard_steps(space))(batch)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_an_example_has_the_shape_of_a_batch_of_one(space):
    batch = example(space)
    if isinstance(space, spaces.Dict):
        assert {key: value.shape[1:] for key, value in batch.items()} == {"b": (2,), "a": ()}
    else:
        assert batch.shape == (1, *space.shape)
        assert batch.dtype == space.dtype


def test_an_example_of_discrete_is_its_first_element():
    assert example(spaces.Discrete(3, start=7)).tolist() == [7]


def test_a_space_that_layers_cannot_read_is_refused():
    with pytest.raises(ZooError, match=r"Text.*cannot be read"):
        standard_steps(spaces.Text(5))


def test_description_and_tensors_make_the_same_again():
    steps = [
        ("normalize", {"mean": np.arange(2.0), "var": np.ones(2), "epsilon": 1e-8, "clip": 10.0}),
        ("flatten", {}),
    ]
    preprocess = Preprocess(steps)
    description = json.loads(json.dumps(preprocess.describe()))
    tensors = preprocess.tensors()
    assert sorted(tensors) == ["preprocess.0.mean", "preprocess.0.var"]
    assert tensors["preprocess.0.mean"].dtype == np.float64
    again = Preprocess.restore(description, tensors)
    x = np.random.default_rng(0).normal(size=(9, 2))
    assert (again(x) == preprocess(x)).all()


def test_an_unknown_step_gets_a_suggestion():
    with pytest.raises(ZooError, match=r"'normalise'.*Did you mean normalize"):
        Preprocess([("normalise", {})])


@pytest.mark.parametrize(
    "step",
    [
        ("normalize", {"mean": 0.0}),
        ("flatten", {"axis": 1}),
        ("one-hot", {"nvec": [0]}),
        ("one-hot", {"nvec": [1 << 40]}),
        ("one-hot", {"nvec": [2], "start": [0, 0]}),
    ],
)
def test_wrong_parameters_are_refused(step):
    with pytest.raises(ZooError, match="preprocessing step"):
        Preprocess([step])

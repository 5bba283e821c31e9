"""The MLP agent: hand-worked actions, round trips, what it refuses, speed."""

import json
import subprocess
import sys

import numpy as np
import pytest
from gymnasium import spaces

from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Linear,
    Quantile,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess
from zoo.errors import ZooError

BOX = spaces.Box(-np.inf, np.inf, (3,))


def layer(rng, inputs, outputs, activation="identity", *, bias=True):
    weight = rng.normal(size=(outputs, inputs)) / np.sqrt(inputs)
    return Layer(weight, rng.normal(size=outputs) / 4 if bias else None, activation)


def network(outputs, *, inputs=3, seed=0):
    rng = np.random.default_rng(seed)
    return [
        layer(rng, inputs, 8, "tanh"),
        layer(rng, 8, 8, "relu", bias=False),
        layer(rng, 8, outputs),
    ]


HEADS = [
    (Categorical(), spaces.Discrete(4, start=-1), 4),
    (Categorical(), spaces.MultiDiscrete([2, 3]), 5),
    (Categorical(), spaces.MultiDiscrete([[2, 3], [4, 2]]), 11),
    (Categorical(), spaces.MultiBinary(3), 3),
    (Categorical(masks=True), spaces.MultiBinary([2, 2]), 8),
    (DiagonalGaussian([0.1, -0.5]), spaces.Box(-1, 1, (2,)), 2),
    (
        DiagonalGaussian(np.full((8, 2), -1.0), squash=True, clip_mean=2.0),
        spaces.Box(-3, 5, (2,)),
        2,
    ),
    (SquashedGaussian(layer(np.random.default_rng(5), 8, 2)), spaces.Box(-3, 5, (2,)), 2),
    (Deterministic(), spaces.Box(-3, 5, (2, 1), np.float64), 2),
    (Linear(), spaces.Box(-0.1, 0.1, (2,)), 2),
    (Linear(), spaces.Discrete(3), 3),
    (QValue(0.2), spaces.Discrete(3, start=5), 3),
    (Quantile(4, 0.2), spaces.Discrete(3), 12),
]
NAMES = [f"{head.name}-{type(space).__name__}-{i}" for i, (head, space, _) in enumerate(HEADS)]


def test_an_action_by_hand():
    # hidden = relu((x1 - x2, -x1)) ; values = (h1, 2 h2, 1)
    layers = [
        Layer([[1, -1], [-1, 0]], activation="relu"),
        Layer([[1, 0], [0, 2], [0, 0]], [0, 0, 1]),
    ]
    agent = MLPAgent(spaces.Box(-9, 9, (2,)), spaces.Discrete(3), layers, QValue())
    # (5, 1): h = (4, 0) -> (4, 0, 1); (-2, 0): h = (0, 2) -> (0, 4, 1); (0, 0) -> (0, 0, 1)
    observations = np.array([[5, 1], [-2, 0], [0, 0]], np.float32)
    assert agent.act(observations).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("head", "space", "size"), HEADS, ids=NAMES)
@pytest.mark.parametrize("deterministic", [True, False])
def test_actions_are_members_of_the_space(head, space, size, deterministic):
    agent = MLPAgent(BOX, space, network(size), head)
    observations = 5 * np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)
    actions = agent.act(observations, deterministic=deterministic)
    assert actions.shape == (64, *space.shape)
    assert actions.dtype == space.dtype
    assert all(space.contains(action) for action in actions)


@pytest.mark.parametrize(("head", "space", "size"), HEADS, ids=NAMES)
def test_description_and_tensors_make_the_same_agent_again(head, space, size):
    step = {"mean": np.ones(3), "var": np.full(3, 2.0), "epsilon": 1e-8, "clip": 3.0}
    agent = MLPAgent(BOX, space, network(size), head, Preprocess([("normalize", step)]))
    description = json.loads(json.dumps(agent.describe(), allow_nan=False))
    again = MLPAgent.restore(description, agent.tensors(), BOX, space)
    observations = np.random.default_rng(1).normal(size=(64, 3)).astype(np.float32)
    for deterministic in (True, False):
        agent.seed(3)
        again.seed(3)
        one = agent.act(observations, deterministic=deterministic)
        assert (one == again.act(observations, deterministic=deterministic)).all()
    assert again.describe() == agent.describe()


@pytest.mark.parametrize(("head", "space", "size"), HEADS, ids=NAMES)
def test_the_seed_decides_stochastic_actions(head, space, size):
    agent = MLPAgent(BOX, space, network(size), head)
    observations = np.zeros((50, 3), np.float32)

    def drawn(seed):
        agent.seed(seed)
        return agent.act(observations, deterministic=False).tolist()

    assert drawn(1) == drawn(1)
    if not isinstance(head, Deterministic | Linear):
        assert drawn(1) != drawn(2)


def test_no_global_generator_is_touched():
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    agent = MLPAgent(BOX, spaces.Discrete(2), network(2), Categorical())
    agent.act(np.zeros((5, 3)), deterministic=False)
    assert np.random.get_state()[1].tolist() == before


def test_it_is_detached_from_the_arrays_it_was_made_of():
    mean = np.zeros(3)
    step = {"mean": mean, "var": np.ones(3), "epsilon": 0.0, "clip": 9.0}
    weight = np.eye(3, dtype=np.float32)
    agent = MLPAgent(
        BOX, spaces.Discrete(3), [Layer(weight)], QValue(), Preprocess([("normalize", step)])
    )
    observation = np.array([[0.0, 1.0, 0.0]])
    weight[:] = weight[::-1].copy()
    mean[:] = [0.0, 5.0, 0.0]
    assert agent.act(observation).tolist() == [1]


def test_action_masks():
    agent = MLPAgent(BOX, spaces.Discrete(3), network(3), Categorical(masks=True))
    assert agent.takes_action_masks
    observations = np.random.default_rng(0).normal(size=(100, 3))
    masks = np.random.default_rng(1).random((100, 3)) < 0.5
    masks[:, 1] = True
    for deterministic in (True, False):
        actions = agent.act(observations, deterministic=deterministic, action_masks=masks)
        assert masks[np.arange(100), actions].all()
        assert len(set(actions.tolist())) > 1
    assert not MLPAgent(BOX, spaces.Discrete(3), network(3), Categorical()).takes_action_masks


def test_dict_observations():
    space = spaces.Dict({"position": spaces.Box(-1, 1, (2,)), "goal": spaces.Discrete(3)})
    # inputs: goal one-hot (3), position (2), in the order of the space's keys
    assert list(space.spaces) == ["goal", "position"]
    weight = np.array([[0, 0, 5, 1, 0], [0, 0, 0, 0, 1]], np.float32)
    agent = MLPAgent(space, spaces.Box(-9, 9, (2,)), [Layer(weight)], Linear())
    batch = {"goal": np.array([0, 2]), "position": np.array([[0.5, -1.0], [0.25, 1.0]])}
    assert agent.act(batch).tolist() == [[0.5, -1.0], [5.25, 1.0]]
    single, _ = agent.predict({"goal": 2, "position": np.array([0.25, 1.0])}, deterministic=True)
    assert single.tolist() == [5.25, 1.0]


def test_predict_takes_one_or_many():
    agent = MLPAgent(BOX, spaces.Box(-1, 1, (2,)), network(2), Deterministic())
    many, state = agent.predict(np.ones((4, 3)))
    one, _ = agent.predict(np.ones(3))
    assert many.shape == (4, 2)
    assert one.shape == (2,)
    assert state is None
    np.testing.assert_allclose(one, many[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("layers", "head", "message"),
    [
        ([], QValue(), "at least one layer"),
        ([Layer(np.ones((4, 3))), Layer(np.ones((2, 5)))], QValue(), "layer 0 has 4 outputs, but layer 1 has 5 inputs"),  # noqa: E501
        ([Layer(np.ones((3, 3)))], QValue(), "last layer has 3 outputs.*reads 2"),
        ([Layer(np.ones((2, 4)))], QValue(), "do not fit Box"),
        ([Layer(np.ones((2, 3)))], Deterministic(), "cannot act in Discrete"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(layers, head, message):
    with pytest.raises(ZooError, match=message):
        MLPAgent(BOX, spaces.Discrete(2), layers, head)


def test_noise_that_does_not_fit_the_features_is_refused():
    head = DiagonalGaussian(np.zeros((9, 2)))
    with pytest.raises(ZooError, match="do not fit"):
        MLPAgent(BOX, spaces.Box(-1, 1, (2,)), network(2), head)


def damaged(change):
    agent = MLPAgent(BOX, spaces.Box(-1, 1, (2,)), network(2), DiagonalGaussian(np.zeros(2)))
    description, tensors = agent.describe(), agent.tensors()
    change(description, tensors)
    return MLPAgent.restore(description, tensors, BOX, agent.action_space)


@pytest.mark.parametrize(
    "change",
    [
        lambda d, t: d.clear(),
        lambda d, t: d.update(layers=None),
        lambda d, t: d.update(layers=[3]),
        lambda d, t: d["layers"].pop(),
        lambda d, t: d["layers"].append({"activation": "tanh", "bias": False}),
        lambda d, t: d["layers"][0].update(activation="swish"),
        lambda d, t: d["layers"][0].update(activation=["tanh"]),
        lambda d, t: d["layers"][0].update(bias=False),
        lambda d, t: d.update(head={"name": "gaussian"}),
        lambda d, t: d.update(head={"name": ["categorical"]}),
        lambda d, t: d["head"].update(temperature=1.0),
        lambda d, t: d["head"].update(clip_mean="x"),
        lambda d, t: d.update(head={"name": "quantile"}),
        lambda d, t: d.update(preprocess=[{"step": "normalize"}]),
        lambda d, t: d.update(preprocess=[{}]),
        lambda d, t: d.update(preprocess=[{"step": ["flatten"]}]),
        lambda d, t: d.update(preprocess=[{"step": "normalize", "mean": "a", "var": 1, "epsilon": 0, "clip": 1}]),  # noqa: E501
        lambda d, t: d.update(preprocess="flatten"),
        lambda d, t: t.pop("layers.1.weight"),
        lambda d, t: t.pop("head.log_std"),
        lambda d, t: t.update({"layers.9.weight": np.ones((2, 2))}),
        lambda d, t: t.update({"layers.1.weight": np.ones(8)}),
        lambda d, t: t.update({"head.log_std": np.ones(5)}),
    ],
)  # fmt: skip
def test_damaged_descriptions_and_tensors_are_refused(change):
    with pytest.raises(ZooError):
        damaged(change)


def test_undamaged_data_is_not_refused():
    assert damaged(lambda description, tensors: None).kind == "mlp"


def test_it_needs_numpy_alone():
    code = (
        "import sys, zoo.agents.mlp, zoo.agents.table\n"
        "print([m for m in ('torch', 'gymnasium', 'safetensors', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

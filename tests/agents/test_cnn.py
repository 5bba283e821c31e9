"""The CNN agent: an action by hand, equality with torch, bundles, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from gymnasium import spaces

from zoo import ZooError
from zoo.agents import convolutions
from zoo.agents.cnn import CNNAgent
from zoo.agents.convolutions import Convolution, Flatten, Network, Relu, parameter_shapes
from zoo.agents.heads import Categorical, Linear, QValue
from zoo.agents.images import image_inputs
from zoo.agents.layers import Layer
from zoo.agents.preprocess import Preprocess, standard_steps
from zoo.agents.reading import ImageReader, Reading
from zoo.storage.bundle import open_bundle, save_bundle

IMAGE = spaces.Box(0, 255, (9, 8, 2), np.uint8)
ACTIONS = spaces.Discrete(3)
NETWORK: Network = (Convolution(4, 3, 2), Relu(), Flatten(), convolutions.Linear(5), Relu())
MIXED = spaces.Dict(
    {
        "far": IMAGE,
        "near": spaces.Box(0, 255, (3, 6, 6), np.uint8),
        "where": spaces.Box(-1, 1, (2,), np.float32),
        "which": spaces.Discrete(2),
    }
)


def reader(image, network: Network = NETWORK, seed: int = 0) -> ImageReader:
    rng = np.random.default_rng(seed)
    shapes = parameter_shapes(network, image.shape)
    return ImageReader(
        image, network, {n: rng.normal(size=s) / np.sqrt(np.prod(s[1:])) for n, s in shapes.items()}
    )


def make(space: spaces.Space = IMAGE, actions: spaces.Space = ACTIONS, **changes) -> CNNAgent:
    """Return an agent with a reader for each image of a space, and the rest beside them."""
    readers = [reader(image, seed=i) for i, image in enumerate(image_inputs(space))]
    rest = None
    if isinstance(space, spaces.Dict):
        others = spaces.Dict({k: space.spaces[k] for k in ("where", "which")})
        rest = Preprocess(standard_steps(others))
    inputs = 5 * len(readers) + 4 * (rest is not None)
    rng = np.random.default_rng(9)
    layers = [Layer(3 * rng.normal(size=(6, inputs)), None, "tanh"),
              Layer(rng.normal(size=(3, 6)))]  # fmt: skip
    parts = {"images": readers, "rest": rest, "layers": layers, "head": Categorical()} | changes
    reading = Reading(space, parts.pop("images"), parts.pop("rest"))
    return CNNAgent(space, actions, reading, **parts)


def drawn(space: spaces.Space, n: int = 40):
    space.seed(3)
    each = [space.sample() for _ in range(n)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([one[key] for one in each]) for key in space.spaces}
    return np.stack(each)


def test_an_action_by_hand() -> None:
    # one filter that adds the four pixels of a corner, and the features are the corners' sums
    space = spaces.Box(0, 255, (4, 4, 1), np.uint8)
    (image,) = image_inputs(space)
    corners: Network = (Convolution(1, 2, 2), Flatten())
    tensors = {"0.weight": np.ones((1, 1, 2, 2)), "0.bias": np.zeros(1)}
    layers = [Layer(np.eye(4))]
    reading = Reading(space, [ImageReader(image, corners, tensors)])
    agent = CNNAgent(space, spaces.Discrete(4), reading, layers, QValue())
    observations = np.zeros((4, 4, 4, 1), np.uint8)
    for i, (down, across) in enumerate([(0, 0), (1, 3), (3, 0), (2, 2)]):
        observations[i, down, across] = 255
    assert agent.act(observations).tolist() == [0, 1, 2, 3]
    assert agent.predict(observations[1])[0] == 1


@pytest.mark.parametrize("space", [IMAGE, MIXED], ids=["image", "dict"])
def test_it_acts_as_torch_computes(space: spaces.Space) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    functional = torch.nn.functional
    actions = spaces.Box(-99, 99, (3,))
    agent, seen = make(space, actions, head=Linear()), drawn(space)
    parts = []
    for one in agent.reading.images:
        numbers = [torch.from_numpy(np.array(t)) for t in one.tensors.values()]
        x = torch.from_numpy(seen if one.image.key is None else seen[one.image.key]).float() / 255
        x = x if one.image.channels_first else x.permute(0, 3, 1, 2)
        x = functional.conv2d(x, numbers[0], numbers[1], 2).relu().flatten(1)
        parts.append(functional.linear(x, numbers[2], numbers[3]).relu())
    if agent.reading.rest is not None:
        parts.append(torch.from_numpy(seen["where"]))
        parts.append(functional.one_hot(torch.from_numpy(seen["which"]), 2).float())
    h = torch.cat(parts, 1).numpy()
    for layer in agent.layers:
        h = h @ layer.weight.T + (0 if layer.bias is None else layer.bias)
        h = np.tanh(h) if layer.activation == "tanh" else h
    assert np.ptp(h, axis=0).min() > 0.01
    np.testing.assert_allclose(agent.act(seen), h, 1e-4, 1e-5)


@pytest.mark.parametrize("space", [IMAGE, MIXED], ids=["image", "dict"])
def test_a_bundle_gives_the_same_agent_back(tmp_path, space: spaces.Space) -> None:
    agent = make(space)
    save_bundle(tmp_path / "a", agent, algorithm="ppo", plugin="zoo", versions={}, config={},
                environment={"id": "X-v0"}, training={})  # fmt: skip
    bundle = open_bundle(tmp_path / "a")
    loaded = bundle.agent()
    assert (bundle.kind, type(loaded)) == ("cnn", CNNAgent)
    tensors = agent.tensors()
    assert loaded.tensors().keys() == tensors.keys()
    assert all(np.array_equal(loaded.tensors()[name], one) for name, one in tensors.items())
    seen = drawn(space)
    for deterministic in (True, False):
        assert np.array_equal(
            loaded.act(seen, deterministic=deterministic),
            agent.act(seen, deterministic=deterministic),
        )


def test_observations_are_left_as_they_were() -> None:
    seen = drawn(IMAGE)
    before = seen.copy()
    make().act(seen)
    assert np.array_equal(seen, before)


def test_it_is_loaded_and_acts_without_torch(tmp_path) -> None:
    save_bundle(tmp_path / "a", make(), algorithm="ppo", plugin="zoo", versions={}, config={},
                environment={"id": "X-v0"}, training={})  # fmt: skip
    program = f"""
import sys, numpy as np
from zoo.storage.bundle import open_bundle
agent = open_bundle({str(tmp_path / "a")!r}).agent()
print(agent.act(np.zeros((2, 9, 8, 2), np.uint8)).shape, "torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(2,) False"


def damage(**changes):
    """Return the restoring of an agent whose description has been changed."""
    agent = make()
    description = json.loads(json.dumps(agent.describe())) | changes
    return lambda: CNNAgent.restore(description, agent.tensors(), IMAGE, ACTIONS)


def entry(**changes) -> list[dict]:
    return [make().describe()["images"][0] | changes]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (damage(images=entry(stages=[{"stage": "convolve"}])), "unknown stage 'convolve'"),
        (damage(images=entry(stages=[{"stage": "convolution", "filters": 4}])), "do not fit"),
        (damage(images=entry(key="left")), "do not fit"),
        (damage(images=entry(channels_first=1)), "do not fit"),
        (damage(images=entry(channels_first=True)), "pixels is too small|needs 0.weight"),
        (damage(images=entry(divisor="x")), "do not fit"),
        (damage(images=entry(divisor=0)), "do not fit"),
        (damage(images=[]), "has to read something"),
        (damage(images=[], rest=[{"step": "flatten"}]), "at least one image"),
        (damage(rest=[{"step": "flatten"}]), "do not fit"),
        (lambda: make(layers=[Layer(np.zeros((3, 7)))]), "do not fit"),
        (
            lambda: make(images=[reader(image_inputs(spaces.Box(0, 255, (9, 9, 2), np.uint8))[0])]),
            r"no image of shape \(9, 9, 2\)",
        ),
        (lambda: reader(image_inputs(IMAGE)[0], (Convolution(1, 3),)), "end in features"),
        (
            lambda: ImageReader(image_inputs(IMAGE)[0], NETWORK, {"0.weight": np.zeros(3)}),
            r"needs 0.weight of shape \(4, 2, 3, 3\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(act, said: str) -> None:
    with pytest.raises(ZooError, match=said):
        act()


def test_weights_that_are_not_used_are_refused() -> None:
    agent = make()
    for name in ("images.0.9.weight", "images.1.0.weight", "other"):
        with pytest.raises(ZooError, match=r"no parameter '9.weight'|does not use"):
            CNNAgent.restore(
                agent.describe(), agent.tensors() | {name: np.zeros(1)}, IMAGE, ACTIONS
            )

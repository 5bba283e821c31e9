"""One agent for every head, preprocessing step and activation, and observations for it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from gymnasium import spaces

from zoo.agents.heads import (
    Categorical,
    Deterministic,
    DiagonalGaussian,
    Distributional,
    Head,
    Linear,
    Quantile,
    QValue,
    SquashedGaussian,
)
from zoo.agents.layers import ACTIVATIONS, Layer
from zoo.agents.mlp import MLPAgent
from zoo.agents.preprocess import Preprocess, standard_steps

N = 1000
VECTOR = spaces.Box(-3.0, 3.0, (5,), np.float32)
DOUBLES = spaces.Box(-3.0, 3.0, (2, 3), np.float64)
IMAGE = spaces.Box(0, 255, (4, 5, 3), np.uint8)
MIXED = spaces.Dict(OrderedDict(z=VECTOR, a=spaces.Discrete(3), m=spaces.MultiBinary(2)))
COUNTS = spaces.MultiDiscrete([3, 5, 2])
BOX = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([2.0, 5.0], np.float32))
MATRIX = spaces.Box(-2.0, 2.0, (2, 2), np.float64)
FOUR = spaces.Discrete(4)
LATE = spaces.Discrete(4, start=3)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def layer(outputs: int, inputs: int, activation: str = "identity", seed: int = 0) -> Layer:
    random = np.random.default_rng(100 * outputs + inputs + seed)
    weight = 2 * random.normal(size=(outputs, inputs)) / inputs**0.5
    return Layer(weight, 0.3 * random.normal(size=outputs), activation)


def agent(
    observations: Any, actions: Any, head: Head, activation: str = "tanh", normalize: bool = False
) -> MLPAgent:
    steps = standard_steps(observations)
    if normalize:
        shape = observations.shape
        mean, var = rng().normal(size=shape), rng().uniform(0.1, 2, shape)
        normal = {"mean": mean, "var": var, "epsilon": 1e-8, "clip": 1.5}
        steps = [("normalize", normal), *steps]
    inputs = Preprocess(steps)(batch(observations, 1)).shape[1]
    layers = [layer(16, inputs, activation), layer(16, 16, activation)]
    return MLPAgent(
        observations, actions, [*layers, layer(head.size(actions), 16)], head, Preprocess(steps)
    )


def batch(space: Any, n: int = N) -> Any:
    space.seed(3)
    rows = [space.sample() for _ in range(n)]
    if isinstance(space, spaces.Dict):
        return {key: np.stack([row[key] for row in rows]) for key in space.spaces}
    return np.stack([np.asarray(row) for row in rows])


def squashed() -> SquashedGaussian:
    return SquashedGaussian(layer(2, 16, seed=1))


def distributional() -> Distributional:
    return Distributional(np.linspace(-5, 5, 7))


AGENTS: dict[str, MLPAgent] = {
    "categorical": agent(VECTOR, FOUR, Categorical()),
    "categorical-late": agent(VECTOR, LATE, Categorical()),
    "categories": agent(VECTOR, COUNTS, Categorical()),
    "bits": agent(VECTOR, spaces.MultiBinary(3), Categorical()),
    "masked-bits": agent(VECTOR, spaces.MultiBinary(3), Categorical(masks=True)),
    "gaussian": agent(VECTOR, BOX, DiagonalGaussian(np.zeros(2))),
    "gaussian-matrix": agent(DOUBLES, MATRIX, DiagonalGaussian(np.zeros(4))),
    "gsde": agent(VECTOR, BOX, DiagonalGaussian(np.zeros((16, 2)), squash=True, clip_mean=0.5)),
    "squashed": agent(VECTOR, BOX, squashed()),
    "deterministic": agent(VECTOR, BOX, Deterministic()),
    "linear": agent(VECTOR, BOX, Linear()),
    "linear-discrete": agent(VECTOR, FOUR, Linear()),
    "q-value": agent(VECTOR, LATE, QValue(epsilon=0.1)),
    "quantile": agent(VECTOR, FOUR, Quantile(n_quantiles=6)),
    "distributional": agent(VECTOR, FOUR, distributional()),
    "image": agent(IMAGE, FOUR, Categorical()),
    "dict": agent(MIXED, FOUR, Categorical()),
    "one-hot": agent(spaces.Discrete(6, start=2), FOUR, Categorical()),
    "one-hots": agent(COUNTS, FOUR, Categorical()),
    "normalized": agent(VECTOR, BOX, Deterministic(), normalize=True),
    "normalized-doubles": agent(DOUBLES, MATRIX, Deterministic(), normalize=True),
} | {f"activation-{name}": agent(VECTOR, BOX, Linear(), activation=name) for name in ACTIVATIONS}


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Actions are equal, up to the rounding of another library's tanh and sums."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert len(np.unique(expected.reshape(len(expected), -1), axis=0)) > 1
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(found, expected)

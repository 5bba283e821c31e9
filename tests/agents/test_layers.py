"""Layers and activations against torch, `math`, and numbers worked out by hand."""

import math

import numpy as np
import pytest

from zoo.agents.layers import ACTIVATIONS, Layer
from zoo.errors import ZooError

TORCH = {
    "identity": "Identity", "tanh": "Tanh", "relu": "ReLU", "elu": "ELU",
    "leaky-relu": "LeakyReLU", "gelu": "GELU", "silu": "SiLU", "sigmoid": "Sigmoid",
    "softplus": "Softplus", "hardtanh": "Hardtanh",
}  # fmt: skip


def run(layer, x):
    weight, bias, activation = layer.compile()
    x = x.dot(weight) + bias
    return x if activation is None else activation(x)


def test_a_layer_by_hand():
    layer = Layer([[1.0, 2.0], [-3.0, 0.5], [0.0, -1.0]], [0.5, -1.0, 0.0], "relu")
    # rows: 1*1 + 2*2 + .5, max(0, -3 + 1 - 1), max(0, -2); and for (-1, 0): -.5, 2, 0
    x = np.array([[1.0, 2.0], [-1.0, 0.0]], np.float32)
    assert run(layer, x).tolist() == [[5.5, 0.0, 0.0], [0.0, 2.0, 0.0]]


def test_a_layer_without_bias():
    x = np.array([[2.0, 1.0]], np.float32)
    assert run(Layer([[1.0, -1.0]]), x).tolist() == [[1.0]]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_equal_torch(name):
    torch = pytest.importorskip("torch")
    x = np.concatenate([np.linspace(-8, 8, 1001), [-1e4, -90.0, 0.0, 90.0, 1e4]])
    x = x.astype(np.float32)[None]
    expected = getattr(torch.nn, TORCH[name])()(torch.tensor(x)).numpy()
    function = ACTIVATIONS[name]
    actual = x if function is None else function(x.copy())
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=1e-6)


def test_gelu_equals_the_error_function():
    x = np.linspace(-6, 6, 2001, dtype=np.float32)
    expected = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x.tolist()]
    np.testing.assert_allclose(ACTIVATIONS["gelu"](x.copy()), expected, atol=1e-6)


def test_a_layer_keeps_its_own_copy():
    weight = np.ones((2, 2), np.float32)
    layer = Layer(weight)
    weight[:] = 7
    assert layer.weight.tolist() == [[1, 1], [1, 1]]


def test_a_misspelled_activation_gets_a_suggestion():
    with pytest.raises(ZooError, match=r"unknown activation 'leaky_relu'.*leaky-relu"):
        Layer(np.ones((1, 1)), activation="leaky_relu")


@pytest.mark.parametrize(
    ("weight", "bias"), [(np.ones(3), None), (np.ones((2, 3)), np.ones(3)), (np.ones((2, 3)), 1.0)]
)
def test_shapes_that_do_not_fit_are_refused(weight, bias):
    with pytest.raises(ZooError, match="do not fit"):
        Layer(weight, bias)

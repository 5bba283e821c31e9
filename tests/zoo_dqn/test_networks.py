"""Networks, streams and noise against the same written plainly in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.zoo_dqn.plainly import gradient_of, leaves_of, q_values
from zoo_dqn.networks import QNetwork

ROWS = np.random.default_rng(1).standard_normal((9, 3)).astype(np.float32)
KINDS = pytest.mark.parametrize(
    ("units", "row", "dueling", "sigma"),
    [
        ([8, 6], (4,), False, None),
        ([8, 6], (4, 5), False, None),
        ([8, 6], (4,), True, None),
        ([8, 6], (4, 5), True, None),
        ([6], (4, 5), True, 0.5),
        ([8, 6], (4,), False, 0.5),
        ([], (4,), True, None),
        ([], (4, 5), False, 0.5),
    ],
)


def network(units: list[int], row: tuple[int, ...], dueling: bool, sigma: float | None) -> QNetwork:
    return QNetwork(
        3, units, row, activation="relu", rng=np.random.default_rng(0), dueling=dueling, sigma=sigma
    )


@KINDS
def test_outputs_and_gradient_are_those_of_autograd(units, row, dueling, sigma) -> None:
    net = network(units, row, dueling, sigma)
    leaves = leaves_of(net)
    plain = q_values(ROWS, leaves, row, dueling=dueling)
    by_outputs = np.random.default_rng(2).standard_normal((9, *row)).astype(np.float32)
    (plain * torch.from_numpy(by_outputs)).sum().backward()
    assert net.forward(ROWS) == pytest.approx(plain.detach().numpy(), abs=1e-5)
    assert net.infer(ROWS) == pytest.approx(plain.detach().numpy(), abs=1e-5)
    net.forward(ROWS)
    net.backward(by_outputs)
    by_weights = gradient_of(leaves)
    assert net.gradient[: len(by_weights)] == pytest.approx(by_weights, abs=1e-4)
    if sigma is not None:  # weight = mu + s eps, so dL/ds = eps dL/dweight
        mu, s = np.split(net.parameters, 2)
        weights = np.concatenate([one.ravel() for pair in net._mlp.parameters for one in pair])
        eps = np.divide(weights - mu, s, out=np.zeros_like(s), where=s != 0)
        assert net.gradient[len(by_weights) :] == pytest.approx(eps * by_weights, abs=1e-3)


@KINDS
def test_the_layers_are_the_network_without_its_noise(units, row, dueling, sigma) -> None:
    net = network(units, row, dueling, sigma)
    mu = net.parameters if sigma is None else np.split(net.parameters, 2)[0]
    means = QNetwork(
        3, units, row, activation="relu", rng=np.random.default_rng(5), dueling=dueling
    )
    means.parameters[:] = mu
    x = ROWS
    for layer in net.layers():
        weight, bias, activation = layer.compile()
        x = x @ weight + bias
        x = activation(x) if activation else x
    assert x.reshape(9, *row) == pytest.approx(means.forward(ROWS), abs=1e-5)


def test_advantages_have_mean_0_and_do_not_see_the_value_s_stream() -> None:
    net = network([8, 6], (4,), True, None)
    before = net.forward(ROWS).copy()
    weight, bias = net._mlp.parameters[-1]
    bias[0] += 1.5  # V
    bias[1:] += 7.0  # each A: the mean takes it away again
    assert net.forward(ROWS) == pytest.approx(before + 1.5, abs=1e-5)
    assert np.count_nonzero(weight[:6, 1:]) == np.count_nonzero(weight[6:, :1]) == 0
    assert np.count_nonzero(weight[:6, :1]) == 6
    assert np.count_nonzero(weight[6:, 1:]) == 24


@pytest.mark.parametrize("sigma", [None, 0.5])
def test_the_streams_stay_apart_while_they_learn(sigma: float | None) -> None:
    net = network([8, 6], (4, 2), True, sigma)
    for _ in range(3):
        net.forward(ROWS)
        net.backward(np.ones((9, 4, 2), np.float32))
        net.parameters -= np.float32(0.1) * net.gradient
        net.draw(np.random.default_rng(3))
        weight = net._mlp.parameters[-1][0]
        assert not weight[:6, 2:].any()
        assert not weight[6:, :2].any()


def test_first_weights_are_within_the_bounds_of_what_a_unit_reads() -> None:
    net = network([64, 64], (8, 50), True, 0.5)
    bounds = [1 / np.sqrt(3), 1 / 8, 1 / 8]  # a unit of the last layer reads one half: 64
    for (weight, bias), bound in zip(net._means, bounds, strict=True):
        for one in (weight, bias):
            assert 0.9 * bound < np.abs(one).max() <= bound
    for (weight, bias), bound in zip(net._deviations, bounds, strict=True):
        assert set(np.unique(weight)) | set(np.unique(bias)) <= {0, np.float32(0.5 * bound)}


def test_noise_is_factorised_and_drawn_anew() -> None:
    net = network([5], (4,), False, 0.5)
    assert net.noise is not None
    net.draw(np.random.default_rng(3))
    x = np.random.default_rng(3).standard_normal(3 + 5, np.float32)
    f = np.sign(x) * np.sqrt(np.abs(x))
    (weight, bias), (mu, mu_b), (s, s_b) = (
        of[0] for of in (net._mlp.parameters, net._means, net._deviations)
    )
    assert weight == pytest.approx(mu + s * np.outer(f[:3], f[3:]), abs=1e-6)
    assert bias == pytest.approx(mu_b + s_b * f[3:], abs=1e-6)
    before = net.forward(ROWS).copy()
    net.draw(np.random.default_rng(4))
    assert np.abs(net.forward(ROWS) - before).max() > 0.01

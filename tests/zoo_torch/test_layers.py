"""Layers that normalise or drop: against PyTorch's own, and gradients against autograd's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from zoo_torch.batch_norm import BatchRenorm
from zoo_torch.chain import Chain, batch_norm_layers, dropout_layers
from zoo_torch.layers import Layer, LayerNorm, bernoulli

MEMBERS, N = 2, 6
NORM = {"momentum": 0.1, "eps": 1e-3, "warmup": 9}


def bound(layer: Layer) -> tuple[Layer, dict[str, np.ndarray]]:
    """Return a layer with parameters drawn at random, and the room for their slopes."""
    rng = np.random.default_rng(0)
    parameters = {k: rng.standard_normal(s).astype(np.float32) for k, s in layer.shapes.items()}
    slopes = {k: np.full(s, np.nan, np.float32) for k, s in layer.shapes.items()}
    layer.bind(parameters, slopes)
    return layer, slopes


def draw(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def leaf(x: np.ndarray) -> torch.Tensor:
    return torch.tensor(x, requires_grad=True)


def test_layer_norm_is_pytorch_s_and_its_gradients_are_autograd_s() -> None:
    layer, slopes = bound(LayerNorm(MEMBERS, 5))
    x, g = 3 * draw(MEMBERS, N, 5) + 7, draw(MEMBERS, N, 5, seed=2)
    X, gamma, beta = leaf(x), leaf(layer.gamma), leaf(layer.beta)
    expected = F.layer_norm(X, (5,)) * gamma + beta
    expected.backward(torch.tensor(g))
    assert layer.forward(x) == pytest.approx(expected.detach().numpy(), abs=1e-5)
    assert layer.backward(g, parameters=True) == pytest.approx(X.grad.numpy(), abs=1e-5)
    assert slopes["gamma"] == pytest.approx(gamma.grad.numpy(), abs=1e-4)
    assert slopes["beta"] == pytest.approx(beta.grad.numpy(), abs=1e-4)


@pytest.mark.parametrize("shared", [False, True])
def test_batch_norm_is_pytorch_s_and_its_gradients_are_autograd_s(shared: bool) -> None:
    layer, slopes = bound(BatchRenorm(MEMBERS, 5, momentum=0.1, eps=1e-3, warmup=9))
    x = 3 * (draw(N, 5) if shared else draw(MEMBERS, N, 5)) + 7
    g = draw(MEMBERS, N, 5, seed=2)
    X, gamma, beta = leaf(x), leaf(layer.gamma), leaf(layer.beta)
    members = [X if shared else X[i] for i in range(MEMBERS)]
    expected = torch.stack([
        F.batch_norm(one, None, None, gamma[i, 0], beta[i, 0], training=True, eps=1e-3)
        for i, one in enumerate(members)
    ])  # fmt: skip
    expected.backward(torch.tensor(g))
    assert layer.forward(x, training=True, rng=None) == pytest.approx(
        expected.detach().numpy(), abs=1e-5
    )
    by_x = layer.backward(g, parameters=True)
    by_x = by_x.sum(0) if shared else by_x
    assert by_x == pytest.approx(X.grad.numpy(), abs=1e-5)
    assert slopes["gamma"] == pytest.approx(gamma.grad.numpy(), abs=1e-4)
    assert slopes["beta"] == pytest.approx(beta.grad.numpy(), abs=1e-4)
    assert layer.mean == pytest.approx(
        np.broadcast_to(0.1 * x.mean(-2, keepdims=True), layer.mean.shape), rel=1e-5
    )
    assert layer.variance == pytest.approx(
        np.broadcast_to(0.9 + 0.1 * x.var(-2, keepdims=True), layer.variance.shape), rel=1e-5
    )


def plain_renorm(layer: BatchRenorm, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Algorithm 1 of the paper written plainly: y, r and d."""
    mean = x.mean(-2, keepdim=True)
    sigma_B = ((x - mean).square().mean(-2, keepdim=True) + 1e-3).sqrt()
    sigma = (torch.tensor(layer.variance) + 1e-3).sqrt()
    r = (sigma_B / sigma).clamp(1 / 3, 3).detach()
    d = ((mean - torch.tensor(layer.mean)) / sigma).clamp(-5, 5).detach()
    return (x - mean) / sigma_B * r + d, r, d


def test_batch_renormalisation_is_the_paper_s_and_its_gradients_are_autograd_s() -> None:
    layer, slopes = bound(BatchRenorm(MEMBERS, 4, momentum=0.1, eps=1e-3, warmup=0))
    layer.mean[:] = [0.2, -9.0, 0.0, 0.1]  # the second is beyond d_max
    layer.variance[:] = [1.5, 1.0, 0.01, 60.0]  # the last two are beyond r_max
    x, g = draw(MEMBERS, 50, 4), draw(MEMBERS, 50, 4, seed=2)
    X, gamma, beta = leaf(x), leaf(layer.gamma), leaf(layer.beta)
    y, r, d = plain_renorm(layer, X)
    assert r.flatten()[2:4].tolist() == pytest.approx([3, 1 / 3])
    assert d.flatten()[1] == 5
    (expected := y * gamma + beta).backward(torch.tensor(g))
    found = layer.forward(x, training=True, rng=None)
    assert found == pytest.approx(expected.detach().numpy(), abs=1e-4)
    assert layer.backward(g, parameters=True) == pytest.approx(X.grad.numpy(), abs=1e-3)
    assert slopes["gamma"] == pytest.approx(gamma.grad.numpy(), abs=1e-2)
    assert slopes["beta"] == pytest.approx(beta.grad.numpy(), abs=1e-3)


def test_batch_renormalisation_begins_after_the_warm_up() -> None:
    layer, _ = bound(BatchRenorm(1, 3, momentum=0.5, eps=1e-3, warmup=2))
    x = 5 * draw(1, N, 3) + 1
    first = layer.forward(x, training=True, rng=None).copy()
    second = layer.forward(x, training=True, rng=None).copy()
    third = layer.forward(x, training=True, rng=None)
    assert np.array_equal(first, second)
    assert np.abs(third - second).max() > 0.1


def test_running_moments_stand_in_for_the_batch_s_where_it_is_not_training() -> None:
    layer, _ = bound(BatchRenorm(MEMBERS, 3, momentum=0.1, eps=1e-3, warmup=9))
    for seed in range(300):
        layer.forward(2 * draw(MEMBERS, 64, 3, seed=seed) + 4, training=True, rng=None)
    before = layer.mean.copy()
    x, g = draw(MEMBERS, N, 3), draw(MEMBERS, N, 3, seed=2)
    found = layer.forward(x, training=False, rng=None)
    scale = layer.gamma / np.sqrt(layer.variance + 1e-3)
    assert found == pytest.approx((x - layer.mean) * scale + layer.beta, abs=1e-5)
    assert layer.mean == pytest.approx(np.full_like(before, 4), abs=0.3)
    assert layer.variance == pytest.approx(np.full_like(before, 4), rel=0.3)
    assert np.array_equal(layer.mean, before)
    assert layer.backward(g, parameters=False) == pytest.approx(g * scale, rel=1e-6)


def plain(chain: Chain, x: torch.Tensor, keep: list[torch.Tensor]) -> tuple[torch.Tensor, list]:
    """A chain of Linear, Dropout, LayerNorm and ReLU, with the masks (0 or 1 / (1 - p)) given."""
    parameters, layers = [], list(chain.layers)
    for layer in layers:
        name = type(layer).__name__
        if name == "Linear":
            W, b = leaf(layer.weight), leaf(layer.bias)
            parameters += [W, b]
            x = x @ W + b
        elif name == "LayerNorm":
            gamma, beta = leaf(layer.gamma), leaf(layer.beta)
            parameters += [gamma, beta]
            x = F.layer_norm(x, x.shape[-1:]) * gamma + beta
        elif name == "Dropout":
            x = x * keep.pop(0)
        else:
            x = torch.relu(x)
    return x, parameters


@pytest.mark.parametrize("layer_norm", [False, True])
def test_a_chain_with_dropout_has_autograd_s_gradients(layer_norm: bool) -> None:
    p, sizes = 0.3, (4, 8, 7, 2)
    layers = dropout_layers(MEMBERS, sizes, "relu", p, layer_norm=layer_norm)
    chain = Chain(layers, np.random.default_rng(0))
    rows, g = draw(N, 4), draw(MEMBERS, N, 2, seed=2)
    found = chain.forward(rows, training=True, rng=np.random.default_rng(5))
    keep, rng = [], np.random.default_rng(5)
    for units in (8, 7):
        mask = np.full(MEMBERS * N * units, 1 / (1 - p), np.float32)
        mask[bernoulli(rng, p, mask.size)] = 0.0
        assert (mask == 0).any()
        keep.append(torch.tensor(mask.reshape(MEMBERS, N, units)))
    X = leaf(rows)
    expected, parameters = plain(chain, X, keep)
    expected.backward(torch.tensor(g))
    assert found == pytest.approx(expected.detach().numpy(), abs=1e-5)
    assert chain.input_gradient(g) == pytest.approx(X.grad.numpy(), abs=1e-4)
    assert np.array_equal(chain.input_gradient(g, begin=3), chain.input_gradient(g)[:, 3:])
    assert not chain.gradient.any()
    chain.backward(g)
    by_parameters = np.concatenate([one.grad.numpy().ravel() for one in parameters])
    assert chain.gradient == pytest.approx(by_parameters, abs=1e-3)


def test_a_chain_with_batch_normalisation_has_autograd_s_gradients() -> None:
    layers = batch_norm_layers(MEMBERS, (4, 8, 2), "relu", NORM)
    chain = Chain(layers, np.random.default_rng(0))
    chain.parameters += 0.1 * draw(chain.parameters.size)
    rows, g = draw(N, 4), draw(MEMBERS, N, 2, seed=2)
    g[:, N // 2 :] = 0.0  # the other half of the batch matters through the moments alone
    X, x, parameters = leaf(rows), None, []
    for layer in chain.layers:
        x = X if x is None else x
        if isinstance(layer, BatchRenorm):
            parameters += [leaf(layer.gamma), leaf(layer.beta)]
            mean = x.mean(-2, keepdim=True)
            variance = (x - mean).square().mean(-2, keepdim=True)
            x = (x - mean) / (variance + 1e-3).sqrt() * parameters[-2] + parameters[-1]
        elif layer.shapes:
            parameters += [leaf(layer.weight), leaf(layer.bias)]
            x = x @ parameters[-2] + parameters[-1]
        else:
            x = torch.relu(x)
    x.backward(torch.tensor(g))
    assert chain.forward(rows, training=True) == pytest.approx(x.detach().numpy(), abs=1e-5)
    chain.backward(g)
    by_parameters = np.concatenate([one.grad.numpy().ravel() for one in parameters])
    assert chain.gradient == pytest.approx(by_parameters, abs=1e-4)
    assert chain.input_gradient(g) == pytest.approx(X.grad.numpy(), abs=1e-4)
    assert np.abs(chain.input_gradient(g)[N // 2 :]).max() > 1e-3


def test_a_chain_that_is_not_training_drops_nothing_and_needs_no_generator() -> None:
    layers = dropout_layers(MEMBERS, (4, 8, 1), "relu", 0.5, layer_norm=False)
    chain, rows = Chain(layers, np.random.default_rng(0)), draw(N, 4)
    once = chain.forward(rows)
    assert np.array_equal(once, chain.forward(rows))
    rng = np.random.default_rng(1)
    dropped = np.mean([chain.forward(rows, training=True, rng=rng) for _ in range(2000)], axis=0)
    other = chain.forward(rows, training=True, rng=rng)
    assert not np.allclose(once, other)
    assert np.abs(dropped - once).mean() < 0.1 * np.abs(other - once).mean()


def test_batch_normalisation_folds_into_the_layer_that_follows() -> None:
    layers = batch_norm_layers(1, (4, 8, 8, 3), "tanh", NORM)
    chain = Chain(layers, np.random.default_rng(0))
    chain.parameters += 0.3 * draw(chain.parameters.size)
    for seed in range(9):
        chain.forward(3 * draw(32, 4, seed=seed) + 2, training=True)
    x = rows = draw(N, 4)
    folded = chain.folded()
    assert [layer.activation for layer in folded] == ["tanh", "tanh", "identity"]
    for layer in folded:
        weight, bias, activation = layer.compile()
        x = x @ weight + bias
        x = x if activation is None else activation(x)
    assert x == pytest.approx(chain.forward(rows)[0], abs=1e-5)


def test_the_state_of_a_chain_holds_running_moments() -> None:
    def make(seed: int) -> Chain:
        layers = batch_norm_layers(1, (4, 8, 3), "relu", NORM | {"warmup": 1})
        return Chain(layers, np.random.default_rng(seed))

    one, other, rows = make(0), make(1), draw(N, 4)
    one.forward(rows, training=True)
    state = one.state()
    one.forward(rows + 1, training=True)
    other.load_state(state)
    other.forward(rows + 1, training=True)
    assert np.array_equal(one.forward(rows), other.forward(rows))
    assert np.array_equal(one.forward(rows, training=True), other.forward(rows, training=True))


@pytest.mark.parametrize("p", [1e-4, 0.01, 0.5, 0.95])
def test_bernoulli_trials_succeed_independently_with_the_chance_given(p: float) -> None:
    rng, size, rounds = np.random.default_rng(0), 2000, 300
    counts = np.zeros(size)
    numbers = []
    for _ in range(rounds):
        places = bernoulli(rng, p, size)
        assert np.all(np.diff(places) > 0)
        counts[places] += 1
        numbers.append(len(places))
    deviation = np.sqrt(p * (1 - p) * size)
    assert np.mean(numbers) == pytest.approx(p * size, abs=5 * deviation / np.sqrt(rounds))
    assert np.std(numbers) == pytest.approx(deviation, rel=0.2)
    first, last = counts[:100].sum(), counts[-100:].sum()
    assert abs(first - last) <= 6 * np.sqrt(2 * 100 * rounds * p * (1 - p)) + 2


def test_a_twin_has_the_same_weights_and_keeps_them() -> None:
    layers = dropout_layers(MEMBERS, (4, 8, 1), "relu", 0.1, layer_norm=True)
    chain, rows = Chain(layers, np.random.default_rng(0)), draw(N, 4)
    twin, before = chain.twin(), chain.forward(rows)
    assert np.array_equal(twin.forward(rows), before)
    chain.parameters += 0.1
    assert np.array_equal(twin.forward(rows), before)
    assert not np.allclose(chain.forward(rows), before)
    twin.parameters[:] = chain.parameters
    assert np.array_equal(twin.forward(rows), chain.forward(rows))

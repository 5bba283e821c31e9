"""The gradients by hand against autograd's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo_torch import flat, mlp

TORCH = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky-relu": torch.nn.functional.leaky_relu,
    "elu": torch.nn.functional.elu,
}


def network(sizes: tuple[int, ...], activation: str) -> tuple[mlp.MLP, np.ndarray, np.ndarray]:
    shapes = mlp.shapes(sizes)
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(flat.size(shapes)).astype(np.float32)
    slope = np.full_like(theta, np.nan)
    layers = [
        [(of[f"{i}.weight"], of[f"{i}.bias"]) for i in range(len(sizes) - 1)]
        for of in (flat.views(theta, shapes), flat.views(slope, shapes))
    ]
    return mlp.MLP(*layers, activation), theta, slope


def reference(net: mlp.MLP, activation: str, x: np.ndarray) -> tuple[torch.Tensor, list]:
    parameters = [torch.tensor(one, requires_grad=True) for pair in net.parameters for one in pair]
    h = torch.tensor(x)
    for i in range(0, len(parameters), 2):
        h = h @ parameters[i] + parameters[i + 1]
        if i + 2 < len(parameters):
            h = TORCH[activation](h)
    return h, parameters


@pytest.mark.parametrize("activation", mlp.DERIVATIVES)
@pytest.mark.parametrize("sizes", [(3, 1), (4, 8, 2), (5, 16, 16, 3)])
def test_forward_and_backward_are_those_of_autograd(
    activation: str, sizes: tuple[int, ...]
) -> None:
    net, _, slope = network(sizes, activation)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((7, sizes[0])).astype(np.float32)
    by_output = rng.standard_normal((7, sizes[-1])).astype(np.float32)
    expected, parameters = reference(net, activation, x)
    assert net.forward(x) == pytest.approx(expected.detach().numpy(), rel=1e-5, abs=1e-5)
    net.backward(by_output)
    expected.backward(torch.tensor(by_output))
    flat_expected = np.concatenate([one.grad.numpy().ravel() for one in parameters])
    assert slope == pytest.approx(flat_expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("activation", mlp.DERIVATIVES)
@pytest.mark.parametrize("sizes", [(3, 1), (4, 8, 2), (5, 16, 16, 3)])
def test_the_forward_mode_is_the_jacobian_by_autograd(
    activation: str, sizes: tuple[int, ...]
) -> None:
    net, _, slope = network(sizes, activation)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((7, sizes[0])).astype(np.float32)
    direction = rng.standard_normal(slope.shape).astype(np.float32)
    parts = flat.views(direction, mlp.shapes(sizes))
    layers = [(parts[f"{i}.weight"], parts[f"{i}.bias"]) for i in range(len(sizes) - 1)]
    outputs, parameters = reference(net, activation, x)
    # J v by two backward passes: the derivative by u of (u J) v
    u = torch.zeros_like(outputs, requires_grad=True)
    by_parameters = torch.autograd.grad(outputs, parameters, u, create_graph=True)
    flat_by_parameters = torch.cat([one.ravel() for one in by_parameters])
    (expected,) = torch.autograd.grad(flat_by_parameters @ torch.tensor(direction), u)
    net.forward(x)
    found = net.forward_mode(layers, len(x))
    assert found == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-3)
    assert np.abs(found).max() > 1


@pytest.mark.parametrize("sizes", [(4, 8, 2), (4, 2)])
def test_the_forward_mode_is_the_transpose_of_the_backward_pass(sizes: tuple[int, ...]) -> None:
    net, _, slope = network(sizes, "tanh")
    rng = np.random.default_rng(1)
    net.forward(rng.standard_normal((7, 4)).astype(np.float32))
    direction = rng.standard_normal(slope.shape).astype(np.float32)
    u = rng.standard_normal((7, 2)).astype(np.float32)
    parts = flat.views(direction, mlp.shapes(sizes))
    layers = [(parts[f"{i}.weight"], parts[f"{i}.bias"]) for i in range(len(sizes) - 1)]
    moved = net.forward_mode(layers, 7).copy()
    by_inputs = net.backward(u, by_input=True)
    assert float((u * moved).sum()) == pytest.approx(float(slope @ direction), rel=1e-4)
    inputs = rng.standard_normal((7, 4)).astype(np.float32)  # which move now as well
    both, before = net.forward_mode(layers, 7, inputs), inputs.copy()
    expected = float(slope @ direction) + float((by_inputs * before).sum())
    assert float((u * both).sum()) == pytest.approx(expected, rel=1e-4)
    assert np.array_equal(inputs, before)


def test_arrays_are_kept_for_a_few_numbers_of_rows_only() -> None:
    net, _, _ = network((3, 8, 2), "tanh")
    for rows in range(1, 100):
        net.forward(np.ones((rows, 3), np.float32))
    assert len(net._workspaces) <= 16
    expected = net.forward(np.ones((1, 3), np.float32)).copy()
    assert net.forward(np.ones((99, 3), np.float32))[-1] == pytest.approx(expected[0], rel=1e-5)


def test_passes_over_other_batch_sizes_do_not_disturb_one_another() -> None:
    net, _, slope = network((3, 8, 2), "tanh")
    rng = np.random.default_rng(1)
    small, large = (rng.standard_normal((n, 3)).astype(np.float32) for n in (2, 9))
    ones = np.ones((2, 2), np.float32)
    net.forward(small)
    net.backward(ones)
    alone = slope.copy()
    net.forward(small)
    net.forward(large)
    net.backward(ones)
    assert np.array_equal(slope, alone)


def test_a_gradient_that_is_expanded_from_one_number_is_taken() -> None:
    net, _, slope = network((3, 8, 1), "tanh")
    x = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)
    net.forward(x)
    net.backward(np.ones((4, 1), np.float32))
    expected = slope.copy()
    net.backward(torch.ones(()).expand(4).numpy()[:, None])
    assert np.array_equal(slope, expected)


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 64), (64, 64), (64, 2)])
def test_orthogonal_weights_are_orthogonal_and_of_the_gain_s_length(
    inputs: int, outputs: int
) -> None:
    w = mlp.orthogonal(np.random.default_rng(0), inputs, outputs, gain=2.0)
    assert w.shape == (inputs, outputs)
    gram = w.T @ w if inputs >= outputs else w @ w.T
    assert gram == pytest.approx(4.0 * np.eye(min(inputs, outputs)), abs=1e-5)


def test_views_share_the_vector_s_memory_and_cover_it() -> None:
    shapes = {"a": (2, 3), "b": (4,), "none": (0,)}
    vector = np.arange(10.0)
    parts = flat.views(vector, shapes)
    parts["b"][:] = -1
    assert vector.tolist() == [0, 1, 2, 3, 4, 5, -1, -1, -1, -1]
    assert {name: part.shape for name, part in parts.items()} == shapes


@pytest.mark.parametrize("n", [64, 7])
def test_the_gradient_by_some_inputs_of_some_rows(n: int) -> None:
    net, _, slope = network((5, 32, 16, 2), "relu")
    slope[:] = 0
    rng = np.random.default_rng(1)
    x, by_output = (rng.standard_normal((n, k)).astype(np.float32) for k in (5, 2))
    net.forward(x)
    every = net.backward(by_output, by_input=True).copy()
    before = slope.copy()
    assert net.input_gradient(by_output) == pytest.approx(every, abs=1e-5)
    rows = np.array([0, 3, 6])
    found = net.input_gradient(by_output[rows], begin=3, rows=rows)
    assert found == pytest.approx(every[rows, 3:], abs=1e-5)
    assert np.array_equal(slope, before)


def test_relu_is_the_same_for_rows_taken_together_and_one_by_one() -> None:
    net, theta, _ = network((5, 32, 16, 2), "relu")
    x = np.random.default_rng(1).standard_normal((64, 5)).astype(np.float32)
    together = net.forward(x).copy()
    alone = np.concatenate([net.forward(row[None]).copy() for row in x])
    assert alone == pytest.approx(together, rel=1e-5, abs=1e-5)
    theta[:] = np.nan
    assert np.isnan(net.forward(x)).all()

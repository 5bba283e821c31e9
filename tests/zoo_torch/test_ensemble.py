"""Networks side by side against autograd, and what a pass leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from zoo_torch import products, workspace
from zoo_torch.ensemble import Ensemble, shapes

SIZES = (5, 32, 16, 2)


@pytest.fixture(params=["relu", "tanh"])
def networks(request: Any) -> Ensemble:
    return Ensemble(3, SIZES, request.param, np.random.default_rng(0))


def rows(n: int = 64, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, SIZES[0])).astype(np.float32)


def reference(networks: Ensemble, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return the outputs (E, n, outputs), and the parameters in the order of the vector."""
    leaves, start = [], 0
    for shape in shapes(3, SIZES).values():
        part = networks.parameters[start : start + int(np.prod(shape))].reshape(shape)
        leaves.append(torch.tensor(part, requires_grad=True))
        start += part.size
    activation, h = getattr(torch, networks.activation), x
    for weight, bias in zip(leaves[::2], leaves[1::2], strict=True):
        h = h @ weight + bias[:, None]
        h = h if weight is leaves[-2] else activation(h)
    return h, leaves


@pytest.mark.parametrize("n", [64, 7])  # the first a multiple of what `relu` is written out for
def test_passes_are_those_of_autograd(networks: Ensemble, n: int) -> None:
    x = torch.tensor(rows(n), requires_grad=True)
    outputs, leaves = reference(networks, x)
    found = networks.forward(x.detach().numpy())
    assert found == pytest.approx(outputs.detach().numpy(), rel=1e-4, abs=1e-5)

    by_outputs = np.random.default_rng(2).standard_normal(found.shape).astype(np.float32)
    outputs.backward(torch.tensor(by_outputs))
    by_inputs = networks.input_gradient(by_outputs)
    assert by_inputs == pytest.approx(x.grad.numpy(), rel=1e-3, abs=1e-4)
    assert networks.input_gradient(by_outputs, begin=3) == pytest.approx(by_inputs[:, 3:], abs=1e-5)
    assert not networks.gradient.any()  # which that has left alone
    networks.backward(by_outputs)
    expected = np.concatenate([leaf.grad.numpy().ravel() for leaf in leaves])
    assert networks.gradient == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_each_may_read_rows_of_its_own(networks: Ensemble) -> None:
    x = np.stack([rows(seed=seed) for seed in range(3)])
    found = networks.forward(x)
    for member in range(3):
        assert np.array_equal(found[member], networks.forward(x[member])[member])


def test_some_of_them_pass_alone(networks: Ensemble) -> None:
    x = rows()
    every = networks.forward(x)
    assert np.array_equal(networks.forward(x, [2, 0]), every[[2, 0]])
    by_outputs = np.zeros_like(every)
    by_outputs[1] = 1
    expected = networks.input_gradient(by_outputs)
    networks.forward(x, [1])
    found = networks.input_gradient(np.ones_like(every[:1]), members=[1])
    assert found == pytest.approx(expected, rel=1e-5)


def test_rows_that_do_not_count_are_left_out_of_a_gradient_by_the_inputs(
    networks: Ensemble,
) -> None:
    x = torch.tensor(rows(), requires_grad=True)
    outputs, _ = reference(networks, x)
    outputs.min(0).values.sum().backward()
    found = networks.forward(x.detach().numpy())
    least = (found == found.min(0)).astype(np.float32)
    least[:, :9] = 0  # rows on which nothing depends
    taken: list[int] = []
    for member in networks.members:
        pass_ = member.input_gradient
        member.input_gradient = (  # type: ignore[method-assign]
            lambda gradient, pass_=pass_, **kwargs: (
                taken.append(len(gradient)) or pass_(gradient, **kwargs)
            )
        )
    by_inputs = networks.input_gradient(least)
    assert by_inputs[9:] == pytest.approx(x.grad.numpy()[9:], rel=1e-3, abs=1e-4)
    assert not by_inputs[:9].any()
    assert sum(taken) == least.any(2).sum() < 3 * (64 - 9)


def test_a_twin_has_weights_of_its_own(networks: Ensemble) -> None:
    twin, x = networks.twin(), rows()
    before = twin.forward(x)
    assert np.array_equal(before, networks.forward(x))
    networks.parameters += 1
    assert np.array_equal(twin.forward(x), before)
    assert not np.array_equal(networks.forward(x), before)


def test_first_weights_are_uniform_as_torch_draws_them() -> None:
    networks = Ensemble(2, (100, 400, 1), "relu", np.random.default_rng(0))
    first, second = (member.parameters[0] for member in networks.members)
    assert np.abs(first[0]).max() == pytest.approx(0.1, rel=1e-2)
    assert first[0].std() == pytest.approx(0.1 / np.sqrt(3), rel=2e-2)
    assert np.abs(first[1]).max() == pytest.approx(0.1, rel=5e-2)
    assert not np.array_equal(first[0], second[0])


def with_dead_units(dead: list[int]) -> Ensemble:
    """Return networks of 256 units in each hidden layer, some of which never put out anything."""
    networks = Ensemble(2, (5, 256, 256, 2), "relu", np.random.default_rng(0))
    for member in networks.members:
        member.parameters[1][1][dead] = -100.0
    return networks


def passes(networks: Ensemble) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outputs, gradient and gradient by the inputs."""
    outputs = networks.forward(rows(128))
    by_outputs = np.random.default_rng(2).standard_normal(outputs.shape).astype(np.float32)
    networks.gradient[:] = np.nan
    networks.backward(by_outputs)
    return outputs, networks.gradient.copy(), networks.input_gradient(by_outputs)


@pytest.mark.parametrize("dead", [[], [3, 70], list(range(100, 256)), list(range(256))])
def test_dead_units_are_left_out_and_it_makes_no_difference(dead: list[int], monkeypatch) -> None:
    sizes = []
    backward = products.backward
    monkeypatch.setattr(
        products, "backward", lambda g, w, out: sizes.append(w.shape) or backward(g, w, out)
    )
    found = passes(with_dead_units(dead))
    left = 256 if len(dead) < 3 else 128 if len(dead) < 256 else 32
    assert sizes[:2] == [(left, 2), (256, left)]
    monkeypatch.setattr(workspace, "_LIVE", 1 << 30)  # nobody looks
    for one, other in zip(found, passes(with_dead_units(dead)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_rearranged_networks_and_twins_compute_the_same_with_dead_units_last() -> None:
    networks, x = with_dead_units(list(range(0, 200, 2))), rows(128)
    twin = networks.twin()
    twin.parameters *= 0.9
    moments = networks.parameters * 2
    outputs, of_twin = networks.forward(x), twin.forward(x)
    passes(networks)
    assert networks.activity.any()
    networks.arrange([networks.parameters, twin.parameters, moments])
    assert networks.forward(x) == pytest.approx(outputs, rel=1e-4, abs=1e-5)
    assert twin.forward(x) == pytest.approx(of_twin, rel=1e-4, abs=1e-5)
    assert np.array_equal(moments, networks.parameters * 2)
    assert not networks.activity.any()
    for member in networks.members:
        alive = np.flatnonzero(member._last.inputs[2].any(0))
        assert len(alive) <= 156
        assert alive[-1] + 1 == len(alive)

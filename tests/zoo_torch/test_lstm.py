"""The LSTM forward and backward through time against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zoo_torch import flat
from zoo_torch.lstm import LSTM, shapes

L, M, INPUTS, UNITS = 9, 4, 5, 6


def make(*, orthogonal: bool = False) -> tuple[LSTM, np.ndarray, np.ndarray]:
    parts = shapes(INPUTS, UNITS)
    parameters, gradient = np.zeros((2, flat.size(parts)), np.float32)
    net = LSTM(flat.views(parameters, parts), flat.views(gradient, parts))
    net.draw(np.random.default_rng(0), orthogonal)
    return net, parameters, gradient


def drawn(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def plainly(net: LSTM, x, memory, starts) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return h_t by the equations written in torch, and the leaves x, W, U, b in torch's order."""
    own = net.portable()
    leaves = [torch.tensor(a, requires_grad=True)
              for a in (x, own.weight_ih, own.weight_hh, own.bias)]  # fmt: skip
    h, c = torch.tensor(memory[:, :UNITS]), torch.tensor(memory[:, UNITS:])
    found = []
    for t in range(len(x)):
        goes_on = torch.tensor(~starts[t])[:, None]
        h, c = h * goes_on, c * goes_on
        i, f, g, o = (leaves[0][t] @ leaves[1].T + h @ leaves[2].T + leaves[3]).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        found.append(h)
    return torch.stack(found), leaves


@pytest.mark.parametrize("often", [0.0, 0.3, 1.0])
def test_both_passes_are_torch_s_also_where_episodes_begin(often: float) -> None:
    net, parameters, gradient = make()
    x, memory, by = drawn(L, M, INPUTS), drawn(M, 2 * UNITS, seed=2), drawn(L, M, UNITS, seed=3)
    starts = np.random.default_rng(4).random((L, M)) < often
    h = net.forward(x, memory, starts)
    theirs, (x_, w, u, b) = plainly(net, x, memory, starts)
    np.testing.assert_allclose(h, theirs.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(net.memory[:, :UNITS], h[-1], atol=1e-6)

    (theirs * torch.tensor(by)).sum().backward()
    gradient[:] = 7  # is written, not added to
    by_x = net.backward(by, by_input=True)
    np.testing.assert_allclose(by_x, x_.grad.numpy(), atol=1e-4)
    expected = LSTM(net.parameters, net.gradients).gradients
    order = np.concatenate([np.arange(12), np.arange(18, 24), np.arange(12, 18)])  # i f o g
    for name, leaf in (("input", w), ("hidden", u), ("bias", b)):
        np.testing.assert_allclose(expected[name], leaf.grad.numpy()[order].T, atol=1e-4)
    assert np.abs(gradient).max() > 0.1
    assert parameters.any()


def test_it_is_torch_s_own_lstm() -> None:
    net, _, _ = make()
    own, theirs = net.portable(), torch.nn.LSTM(INPUTS, UNITS)
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(torch.tensor(own.weight_ih))
        theirs.weight_hh_l0.copy_(torch.tensor(own.weight_hh))
        theirs.bias_ih_l0.copy_(torch.tensor(own.bias))
        theirs.bias_hh_l0.zero_()
        x, memory = drawn(L, M, INPUTS), drawn(M, 2 * UNITS, seed=2)
        state = tuple(torch.tensor(memory[None, :, part]).contiguous()
                      for part in (slice(UNITS), slice(UNITS, None)))  # fmt: skip
        expected, (h, c) = theirs(torch.tensor(x), state)
    np.testing.assert_allclose(net.forward(x, memory), expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(net.memory, torch.cat([h[0], c[0]], 1).numpy(), atol=1e-5)


def test_a_sequence_in_two_parts_is_the_sequence() -> None:
    net, _, _ = make()
    x, memory = drawn(L, M, INPUTS), drawn(M, 2 * UNITS, seed=2)
    whole = net.forward(x, memory).copy()
    first = net.forward(x[:4], memory).copy()
    second = net.forward(x[4:], net.memory)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=1e-6)


def test_a_pass_that_keeps_nothing_leaves_the_one_before() -> None:
    net, _, gradient = make()
    x, memory, by = drawn(L, M, INPUTS), drawn(M, 2 * UNITS, seed=2), drawn(L, M, UNITS, seed=3)
    net.forward(x, memory)
    net.backward(by)
    expected = gradient.copy()
    net.forward(x, memory)
    net.forward(drawn(1, 2, INPUTS, seed=9), memory[:2], keep=False)
    net.backward(by)
    assert np.array_equal(gradient, expected)
    assert len(net.memory) == 2


def test_first_weights_let_it_remember() -> None:
    net, _, _ = make(orthogonal=True)
    hidden = net.parameters["hidden"].reshape(UNITS, 4, UNITS)
    for gate in range(4):
        np.testing.assert_allclose(hidden[:, gate] @ hidden[:, gate].T, np.eye(UNITS), atol=1e-5)
    assert net.parameters["bias"].tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12
    torch_s, _, _ = make()
    edge = 1 / np.sqrt(UNITS)
    assert 0.8 * edge < np.abs(torch_s.parameters["input"]).max() <= edge

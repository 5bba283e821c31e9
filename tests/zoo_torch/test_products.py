"""Products in pieces are those of NumPy, whether this machine would take pieces or not."""

from __future__ import annotations

import numpy as np
import pytest

from zoo_torch import products


@pytest.fixture(params=[True, False], autouse=True)
def pieces(request, monkeypatch) -> bool:
    monkeypatch.setattr(products, "in_pieces", lambda: request.param)
    return request.param


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


SHAPES = [(256, 256, 256), (256, 256, 160), (100, 256, 256), (64, 300, 400), (256, 1030, 512),
          (7, 5, 3), (1, 64, 64), (2048, 64, 64), (131, 256, 96), (16, 512, 512)]  # fmt: skip


@pytest.mark.parametrize(("n", "inputs", "outputs"), SHAPES)
def test_products(n: int, inputs: int, outputs: int) -> None:
    x, w, out = numbers(n, inputs), numbers(inputs, outputs), np.empty((n, outputs), np.float32)
    assert products.forward(x, w, out) is out
    np.testing.assert_allclose(out, x @ w, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("n", "inputs", "outputs"), SHAPES)
def test_transposed_products_also_with_a_part_of_an_array(
    n: int, inputs: int, outputs: int
) -> None:
    x, g = numbers(n, inputs), numbers(n, outputs)
    whole = np.zeros((inputs, outputs + 32), np.float32)
    products.by_weight(x, g, whole[:, :outputs])
    np.testing.assert_allclose(whole[:, :outputs], x.T @ g, rtol=1e-4, atol=1e-3)
    assert not whole[:, outputs:].any()

    out, w = np.empty_like(x), numbers(inputs, outputs + 32)[:, :outputs]
    assert products.backward(g, w, out) is out
    np.testing.assert_allclose(out, g @ w.T, rtol=1e-4, atol=1e-3)


def test_a_large_product_is_taken_in_pieces_where_that_is_faster(pieces, monkeypatch) -> None:
    taken, dot = [], np.dot
    monkeypatch.setattr(np, "dot", lambda *args, **kw: taken.append(1) or dot(*args, **kw))
    x, out = numbers(256, 256), np.empty((256, 256), np.float32)
    products.forward(x, x, out)
    products.by_weight(x, x, out)
    products.backward(x, x, out)
    assert len(taken) == (0 if pieces else 3)

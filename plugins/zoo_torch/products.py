"""Matrix products as fast as NumPy's BLAS has them.

OpenBLAS has kernels for small products that copy nothing beforehand, on processors with AVX-512.
A larger one is faster in pieces that are small enough for them: of 256 x 256 x 256, 290, 290 and
320 microseconds in place of 340, 335 and 360 for x @ w, x.T @ g and g @ w.T. Up to 384 terms the
numbers are the same to the bit. Elsewhere NumPy's own product is the fastest.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from threadpoolctl import threadpool_info

SMALL = 1_000_000
"""Multiplications in the largest product that counts as small."""
_KERNELS = {"SkylakeX", "Cooperlake", "SapphireRapids"}


def forward(x: np.ndarray, w: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write x @ w to `out` (n, outputs), for contiguous x (n, inputs) and w (inputs, outputs)."""
    whole = len(x) // 8 * 8
    if len(x) * w.size <= SMALL or 8 * w.size > SMALL or not in_pieces():
        return np.dot(x, w, out=out)
    np.matmul(x[:whole].reshape(-1, 8, x.shape[1]), w, out=out[:whole].reshape(-1, 8, w.shape[1]))
    if whole < len(x):
        np.dot(x[whole:], w, out=out[whole:])
    return out


def by_weight(x: np.ndarray, g: np.ndarray, out: np.ndarray) -> None:
    """Write x.T @ g to `out` (inputs, outputs), whose rows may lie apart, for contiguous x
    (n, inputs) and g (n, outputs)."""
    (n, inputs), outputs = x.shape, g.shape[1]
    tall, wide = 64, 16
    if (
        n * inputs * outputs <= SMALL
        or n * tall * wide > SMALL
        or inputs % tall
        or outputs % wide
        or not in_pieces()
    ):
        (np.dot if out.flags.c_contiguous else np.matmul)(x.T, g, out=out)
        return
    np.matmul(
        x.reshape(n, -1, tall).transpose(1, 2, 0)[:, None],
        g.reshape(n, -1, wide).transpose(1, 0, 2),
        out=_pieces(out, tall, wide),
    )


def backward(g: np.ndarray, w: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write g @ w.T to `out` (n, inputs), for contiguous g (n, outputs) and w (inputs, outputs),
    whose rows may lie apart."""
    (inputs, outputs), tall, wide = w.shape, 16, 32
    whole = len(g) // tall * tall
    if (
        len(g) * w.size <= SMALL
        or tall * wide * outputs > SMALL
        or inputs % wide
        or not in_pieces()
    ):
        return (np.dot if w.flags.c_contiguous else np.matmul)(g, w.T, out=out)
    np.matmul(
        g[:whole].reshape(-1, 1, tall, outputs),
        w.reshape(-1, wide, outputs, copy=False).transpose(0, 2, 1),
        out=_pieces(out[:whole], tall, wide),
    )
    if whole < len(g):
        np.matmul(g[whole:], w.T, out=out[whole:])
    return out


def _pieces(array: np.ndarray, tall: int, wide: int) -> np.ndarray:
    """Return a view (a, b, tall, wide) of the pieces of an array (a * tall, b * wide)."""
    columns = array.shape[1]
    return array.reshape(-1, tall, columns // wide, wide, copy=False).transpose(0, 2, 1, 3)


@cache
def in_pieces() -> bool:
    """Return whether large products are taken in pieces here."""
    return any(
        library["internal_api"] == "openblas" and library.get("architecture") in _KERNELS
        for library in threadpool_info()
    )

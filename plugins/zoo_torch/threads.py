"""How many threads NumPy's matrix products take while a run trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

_holders = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have NumPy's BLAS compute with one thread in the block.

    For small matrices a second thread costs more than it brings, the more so on a busy machine,
    and a resumed run is the same bit for bit only if the number of threads is.
    """
    global _holders, _limits  # noqa: PLW0603 - the setting is the process's
    if not _holders:
        _limits = threadpool_limits(1, user_api="blas")
    _holders += 1
    try:
        yield
    finally:
        _holders -= 1
        if not _holders:
            _limits.restore_original_limits()

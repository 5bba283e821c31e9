"""The folder `stranger` holds plugins as somebody else would write them, right and wrong ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "stranger"))  # fresh processes inherit it

from registered import registered


@pytest.fixture(autouse=True)
def reference() -> Iterator[None]:
    """Have the reference algorithms registered in every test here."""
    with registered():
        yield

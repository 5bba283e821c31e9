"""The conformance suite: what every algorithm has to do, in-tree ones and a stranger's alike.

    from zoo.testing import parametrize_algorithms

    @parametrize_algorithms("my-algorithm")
    def test_conformance(check):
        check()

In scripts, `check_algorithm("my-algorithm")` runs all checks. `zoo.testing.probes` holds the
environments that they train on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.testing.failure import ConformanceFailure
    from zoo.testing.suite import Report, check_algorithm, parametrize_algorithms

__all__ = ["ConformanceFailure", "Report", "check_algorithm", "parametrize_algorithms"]

_HOME = {
    "ConformanceFailure": "zoo.testing.failure",
    "Report": "zoo.testing.suite",
    "check_algorithm": "zoo.testing.suite",
    "parametrize_algorithms": "zoo.testing.suite",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)

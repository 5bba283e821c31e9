"""What this plugin registers: names only, so that nothing heavy is imported."""

from __future__ import annotations

from zoo import AlgorithmSpec, EnvironmentSpec, ModelSpec, WrapperSpec, hookimpl

TABLES = ("discrete", "multi-discrete", "tuple")
"""The kinds of observation that index a table."""


@hookimpl
def zoo_algorithms() -> list[AlgorithmSpec]:
    """Return the algorithms of the family."""
    return [*PLANNING]


@hookimpl
def zoo_environments() -> list[EnvironmentSpec | ModelSpec | WrapperSpec]:
    """Return the environments, the models and the wrappers of the family."""
    return []


PLANNING: tuple[AlgorithmSpec, ...] = ()

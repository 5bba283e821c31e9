"""What the core registers through its own hooks exists."""

from __future__ import annotations

import pytest

from zoo.plugin.registry import AGENT, get_registry
from zoo.plugin.targets import load_target


@pytest.mark.parametrize("kind", ["table", "mlp", "cnn", "recurrent"])
def test_the_portable_agent_kinds_are_the_cores(kind: str) -> None:
    assert get_registry().owner(kind, AGENT) == "zoo"
    assert get_registry().agent_class(kind).kind == kind


def test_every_wrapper_of_the_core_can_be_imported() -> None:
    registry = get_registry()
    for spec in registry.wrappers.values():
        if registry.owners["wrapper", spec.name] == ("zoo",):
            assert callable(load_target(spec.target)), spec.name

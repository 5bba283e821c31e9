"""What a mutant is, and how it is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from zoo import Algorithm, AlgorithmSpec


@dataclass(frozen=True)
class Mutant:
    """A faulty class, the check that has to find the fault, and a part of the message."""

    cls: type[Algorithm]
    breaks: str
    says: str
    spec: dict[str, Any] = field(default_factory=dict)


MUTANTS: dict[str, Mutant] = {}


def mutant(breaks: str, says: str, **spec: Any) -> Callable[[type[Algorithm]], type[Algorithm]]:
    """Register a faulty class under its name; `spec` changes what the plugin declares."""

    def register(cls: type[Algorithm]) -> type[Algorithm]:
        assert cls.__name__ not in MUTANTS
        MUTANTS[cls.__name__] = Mutant(cls, breaks, says, spec)
        return cls

    return register


def spec_of(name: str) -> AlgorithmSpec:
    """Return what a plugin would register for a mutant."""
    facts: dict[str, Any] = {
        "name": name,
        "target": f"{MUTANTS[name].cls.__module__}:{name}",
        "summary": "A faulty algorithm",
        "observations": ("box",),
        "actions": ("discrete", "box"),
    }
    return AlgorithmSpec(**(facts | MUTANTS[name].spec))

"""What a check is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoo.plugin.specs import AlgorithmSpec
from zoo.testing.subject import Subject


@dataclass(frozen=True, slots=True)
class Check:
    """A rule of the interface, by name. `function` raises `ConformanceFailure` where it is
    broken and `NotApplicable` where it has no meaning; its docstring states the rule.

    A check of one action kind (`action`), or of what `train` is given (`needs`), exists only
    for algorithms that declare it.
    """

    name: str
    function: Callable[[Subject], None]
    slow: bool = False
    action: str | None = None
    needs: str | None = None

    @property
    def rule(self) -> str:
        """The first paragraph of the check's docstring, in one line."""
        return " ".join((self.function.__doc__ or "").split("\n\n")[0].split())

    def concerns(self, spec: AlgorithmSpec) -> bool:
        """Say whether the check exists for an algorithm."""
        return self.action in (None, *spec.actions) and self.needs in (None, spec.needs)

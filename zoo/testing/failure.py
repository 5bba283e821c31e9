"""How a check says that an algorithm is not as the interface has it, or that it does not apply."""

from __future__ import annotations

from zoo.errors import ZooError


class ConformanceFailure(ZooError, AssertionError):
    """An algorithm breaks a rule: `message` says which and how, `hint` what to change."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message  # where several rules are broken, each has a line of its own


class NotApplicable(Exception):
    """A check has nothing to say about this algorithm; the text is the reason."""


def require(holds: object, message: str, hint: str = "") -> None:
    """Raise `ConformanceFailure` unless `holds`."""
    if not holds:
        raise ConformanceFailure(message, hint)

"""What the zoo says when something is wrong: one exception family, and did-you-mean."""

from __future__ import annotations

from collections.abc import Iterable


class ZooError(Exception):
    """A mistake that the user can put right.

    `message` says what is wrong and where, in one line; `hint` says what to do about it.
    The command line prints both on one line and exits with 1; no traceback is shown.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        if "\n" in message:  # what is quoted, such as a large space, may have several lines
            message = " ".join(message.split())
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class MissingExtra(ZooError):
    """A feature needs a package that an extra of the distribution installs."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed",
            f'Install them with: pip install "agent-zoo[{extra}]"',
        )
        self.extra = extra


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Return `Did you mean a, b or c?` for the names nearest to `name`, else `otherwise`."""
    from difflib import get_close_matches  # only a failing command pays for this import

    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.6)
    if not near:
        return otherwise
    names = [by_folded[match] for match in near]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"Did you mean {listed}?"

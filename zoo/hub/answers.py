"""What a remote hub's refusals mean, in one line: the client's errors as `ZooError`s."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from zoo.errors import ZooError
from zoo.hub.base import Unreachable

_LOG_IN = "Check the name; for what is private log in with `hf auth login`, or set HF_TOKEN"
_LONGEST = 200  # characters of what a server says

_SAID: tuple[tuple[type[Exception], str, str], ...] = (  # the narrower ones first
    (GatedRepoError, "{what} is open only to those whom its owner lets in", "Ask on its page"),
    (RepositoryNotFoundError, "{what} is not on {endpoint}, or is private", _LOG_IN),
    (RevisionNotFoundError, "{what} has no such revision on {endpoint}", "Check the branch or tag"),
    (
        RemoteEntryNotFoundError,
        "a file of {what} is not on {endpoint}",
        "Its push was not whole, or it was deleted",
    ),
    (HFValidationError, "{what} is no name on a remote hub", "It has the form org/name"),
)


@contextmanager
def explained(what: str, endpoint: str) -> Iterator[None]:
    """Turn whatever the client raises inside the block into a `ZooError` about `what`."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        raise _explanation(what, endpoint, error) from error


def _explanation(what: str, endpoint: str, error: Exception) -> ZooError:
    cause: BaseException | None = error
    while cause is not None:  # the client wraps what its threads raise
        if isinstance(cause, ZooError):
            return cause
        if found := _known(what, endpoint, cause):
            return found
        cause = cause.__cause__
    if isinstance(error, (ValueError, TypeError, KeyError, AttributeError, AssertionError)):
        said = _line(str(error)) if type(error) is ValueError else type(error).__name__
        return ZooError(
            f"{endpoint} gives an answer about {what} that makes no sense: {said}",
            "Check the address: is it a hub?",
        )
    return ZooError(f"{what}: {_line(str(error)) or type(error).__name__}", "Try again later")


def _known(what: str, endpoint: str, error: BaseException) -> ZooError | None:
    for kind, message, hint in _SAID:
        if isinstance(error, kind):
            return ZooError(message.format(what=what, endpoint=endpoint), hint)
    if isinstance(error, OfflineModeIsEnabled):
        return Unreachable(f"{endpoint} is not asked: HF_HUB_OFFLINE is set", "Unset it")
    if isinstance(error, HfHubHTTPError):
        return _refusal(what, endpoint, error)
    if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, ConnectionError)):
        return Unreachable(
            f"{endpoint} cannot be reached: {_line(str(error)) or type(error).__name__}",
            "Check the address and the connection",
        )
    return None


def _refusal(what: str, endpoint: str, error: HfHubHTTPError) -> ZooError:
    status = error.response.status_code
    said = _line(error.server_message or "")
    reason = f"{said} ({status})" if said else str(status)
    if status == 401:
        return ZooError(f"{endpoint} wants a token for {what}: {reason}", _LOG_IN)
    if status == 403:
        return ZooError(f"{endpoint} does not permit this on {what}: {reason}", "Ask its owner")
    if status == 429 or status >= 500:
        return Unreachable(f"{endpoint} is not able to answer: {reason}", "Try again later")
    return ZooError(f"{endpoint} refuses {what}: {reason}", "Check what was asked for")


def token_for(endpoint: str, given: str | None) -> bool | None:
    """Say which token the client may use: None for its own choice, False for none.

    The token that it stored belongs to the address that it is set up for, and to no other; one
    in the environment was set for this command.
    """
    is_own = endpoint == constants.ENDPOINT.rstrip("/")
    return None if is_own or given else False


def _line(text: str) -> str:
    """Return the first line of a server's words, without what a terminal would obey."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = "".join(c for c in lines[0] if c.isprintable()) if lines else ""
    return shown[:_LONGEST]

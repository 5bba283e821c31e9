"""The HTTP client that we give to huggingface-hub: it never hangs and never leaks the token.

A hub may be slow, broken or hostile, so here is decided, in one place for every request:

- A request must be answered, and an answer must arrive whole, within a limit of time.
- 429, 5xx and broken connections are tried again after a growing pause; what a server may
  ask to wait is limited.
- The token goes to the hub's own address and nowhere else. Only the content of files, which is
  held against its SHA-256 or written to signed addresses, may come from or go elsewhere, and
  never from https to http.
- An answer that is no file is limited in size.
"""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants
from huggingface_hub.utils import (
    OfflineModeIsEnabled,
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
    logging,
    set_client_factory,
)
from huggingface_hub.utils._http import default_client_factory

from zoo.errors import ZooError
from zoo.hub.base import Unreachable

TRIES = 5
FIRST_PAUSE = 0.5  # seconds; doubles after each failure
LONGEST_PAUSE = 8.0
SLOWEST = 16_000  # bytes/s below which a file's transfer counts as stalled
LONGEST_ANSWER = 64 << 20  # bytes of an answer that is no file

_PASSING = {408, 429, 500, 502, 503, 504}
_BUSY = "another conflicting operation is in progress"
"""How a server says that it is making another repository; the client asks again without end."""
BROKEN = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.ProtocolError)
"""What is raised where a connection cannot be made, breaks off or stalls."""
_FILE = "zoo_file_bytes"  # the extension of a request for a file's content: its size
_ENDS = "zoo_ends"
_FIRST = "zoo_first"

_lock = RLock()


@contextmanager
def connected(
    endpoint: str, timeout: float, on_sent: Callable[[int], object] = lambda sent: None
) -> Iterator[None]:
    """Have huggingface-hub use our client, for one endpoint, until the block ends.

    Its client, its use of xet and its talking are settings of the whole process, so that one
    block runs at a time; all are put back. Over xet, time-outs and the token are not in our hands.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        had_xet, verbosity = constants.HF_HUB_DISABLE_XET, logging.get_verbosity()
        had_bars = not are_progress_bars_disabled()
        constants.HF_HUB_DISABLE_XET = True
        logging.set_verbosity(logging.CRITICAL)  # it names signed addresses; we say what failed
        disable_progress_bars()
        set_client_factory(lambda: Client(endpoint, timeout, on_sent))
        try:
            yield
        finally:
            set_client_factory(default_client_factory)  # closes ours
            constants.HF_HUB_DISABLE_XET = had_xet
            logging.set_verbosity(verbosity)
            if had_bars:
                enable_progress_bars()


class Client(httpx2.Client):
    """An HTTP client for one hub; see the module for what it sees to."""

    def __init__(
        self, endpoint: str, timeout: float, on_sent: Callable[[int], object] = lambda sent: None
    ) -> None:
        """`on_sent` is called with the bytes sent so far, of all requests' bodies."""
        super().__init__(
            event_hooks={"request": [self._check_request], "response": [self._check_response]},
            follow_redirects=True,
            max_redirects=5,
            timeout=timeout,
        )
        self.endpoint, self.limit = endpoint, timeout
        self.sent, self.on_sent = 0, on_sent

    def file(self, url: str, headers: dict[str, str], size: int) -> Any:
        """Stream a file's content, of `size` bytes, within the time that its size allows."""
        return self.stream("GET", url, headers=headers, extensions={_FILE: size})

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request, several times if need be; raise `Unreachable` where none succeeds.

        A body that is read from a file cannot be sent again from here: huggingface-hub, which
        can rewind it, tries again itself.
        """
        tries = TRIES if isinstance(request.stream, httpx2.ByteStream) else 1
        for number in range(1, tries + 1):
            request.extensions[_ENDS] = time.monotonic() + self._limit(request)
            try:
                response = super().send(request, **options)
                if tries == 1 or not _passes(response):
                    return response
                reason = f"it answers {response.status_code}"
                wait = max(pause(number), _asked(response, self.limit))
                response.close()
            except BROKEN as error:
                if tries == 1:
                    raise
                reason, wait = _reason(error), pause(number)
            if number < tries:
                time.sleep(wait)
        raise Unreachable(
            f"{self.endpoint} cannot be reached: {reason}, {tries} times in a row",
            "Try again later, or check the address and the connection",
        )

    def _limit(self, request: httpx2.Request) -> float:
        size = request.extensions.get(_FILE) or int(request.headers.get("Content-Length") or 0)
        return self.limit + size / SLOWEST

    def _check_request(self, request: httpx2.Request) -> None:
        """Look at each request before it is sent, those that redirects bring too."""
        if constants.is_offline_mode():
            raise OfflineModeIsEnabled(f"offline mode: {request.url} is not asked")
        left = request.extensions[_ENDS] - time.monotonic()
        if left <= 0:
            raise httpx2.ReadTimeout("no answer in time", request=request)
        patience = min(self.limit, left)
        request.extensions["timeout"] = dict.fromkeys(
            ("connect", "read", "write", "pool"), patience
        )
        request.headers["Accept-Encoding"] = "identity"  # sizes mean what they say
        first = request.extensions.setdefault(_FIRST, request.url.path)
        if _origin(str(request.url)) != _origin(self.endpoint):
            self._check_foreign(request, first)
        if isinstance(request.stream, httpx2.SyncByteStream):
            request.stream = _InTime(request.stream, request, counted=self._count)

    def _count(self, size: int) -> None:
        self.sent += size
        self.on_sent(self.sent)

    def _check_foreign(self, request: httpx2.Request, first: str) -> None:
        """Take the token off what goes to another address; refuse what must not go there."""
        for name in ("Authorization", "Cookie"):
            request.headers.pop(name, None)
        is_content = request.method == "PUT" or (
            request.method in ("GET", "HEAD") and "/resolve/" in first
        )
        is_weaker = request.url.scheme != "https" and self.endpoint.startswith("https:")
        if not is_content or is_weaker:
            raise ZooError(
                f"{self.endpoint} sends us on to {request.url.scheme}://{request.url.host}, "
                "which is another address",
                "If you trust it, give it with --endpoint",
            )

    def _check_response(self, response: httpx2.Response) -> None:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise ZooError(
                f"{self.endpoint} answers in a compressed form that was not asked for",
                "Check the address",
            )
        for name in ("Retry-After", "RateLimit"):  # nobody else is to wait as long as told
            if name in response.headers:
                response.extensions[name.lower()] = response.headers.pop(name)
        if isinstance(response.stream, httpx2.SyncByteStream):
            most = LONGEST_ANSWER + response.request.extensions.get(_FILE, 0)
            response.stream = _InTime(response.stream, response.request, most)


class _InTime(httpx2.SyncByteStream):
    """A body that fails when it takes too long, or becomes too large."""

    def __init__(
        self,
        stream: httpx2.SyncByteStream,
        request: httpx2.Request,
        most: int | None = None,
        counted: Callable[[int], object] = lambda size: None,
    ) -> None:
        self._stream, self._request, self._most, self._counted = stream, request, most, counted

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if time.monotonic() > self._request.extensions[_ENDS]:
                raise httpx2.ReadTimeout("too slow", request=self._request)
            if self._most is not None and size > self._most:
                raise ZooError(f"{self._request.url.host} answers without end", "Check the address")
            self._counted(len(chunk))
            yield chunk

    def close(self) -> None:
        self._stream.close()


def _passes(response: httpx2.Response) -> bool:
    """Whether what keeps the server from answering may be over in a moment."""
    if response.status_code != 409 or not response.request.url.path.endswith("/api/repos/create"):
        return response.status_code in _PASSING
    response.read()
    return _BUSY in response.text


def pause(number: int) -> float:
    """Return how many seconds to wait after the failure of that number, never quite the same."""
    return min(FIRST_PAUSE * 2 ** (number - 1), LONGEST_PAUSE) * random.uniform(0.5, 1)


def _asked(response: httpx2.Response, longest: float) -> float:
    """Return how many seconds the server asks to wait; refuse where that is too long."""
    text = str(response.extensions.get("retry-after", "")).strip()
    seconds = int(text) if text.isdecimal() and len(text) < 10 else 0
    if seconds > longest:
        raise Unreachable(
            f"{response.request.url.host} asks to wait {seconds} seconds", "Try again later"
        )
    return float(seconds)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "it does not answer in time"
    if isinstance(error, httpx2.ConnectError):
        return "no connection"
    return "the connection breaks"


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default

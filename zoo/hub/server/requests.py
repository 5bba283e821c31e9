"""What every request goes through: who asks, which repository is meant, how much is sent."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from zoo.errors import ZooError
from zoo.hub.server.refusals import Refusal, no_repository, too_large, wrong
from zoo.hub.server.repository import Repository
from zoo.hub.server.store import Store
from zoo.hub.server.tokens import Tokens, User
from zoo.storage import strict_json

LONGEST_COMMIT = 64 << 20  # bytes; large files are not in it
_LONGEST_JSON = 8 << 20
_PATIENCE = 60.0  # seconds for the next piece of a body
_LONGEST_MESSAGE = 300  # characters: it may quote what a stranger sent
_VALID = 6 * 3600  # seconds that an upload's address holds


@dataclass
class Server:
    """What the handlers share. With `closed`, reading needs a token, too."""

    store: Store
    tokens: Tokens
    max_size: int
    closed: bool = False
    uploads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(32))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def sign(self, oid: str, size: int) -> str:
        """Return the part of an upload's address that permits it, for some hours."""
        until = int(time.time()) + _VALID
        return f"size={size}&until={until}&sign={self._mac(oid, size, until)}"

    def check_signature(self, oid: str, size: int, until: int, sign: str) -> None:
        expected = self._mac(oid, size, until).encode()
        if not hmac.compare_digest(expected, sign.encode()) or until < time.time():
            raise Refusal(403, "this upload was not agreed on, or too long ago")

    def _mac(self, *parts: object) -> str:
        text = ":".join(map(str, parts)).encode()
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()


def server(request: Request) -> Server:
    return request.app.state.server


def user(request: Request) -> User | None:
    """Return who asks, None for a stranger; refuse strangers where the server is closed."""
    found = server(request).tokens.user(request.headers.get("Authorization"))
    if found is None and server(request).closed:
        raise Refusal(401, "this hub is closed: a token is needed")
    return found


def segments(request: Request) -> list[str]:
    """Return the parts of the path, each decoded by itself: a branch may have a slash."""
    raw = request.scope.get("raw_path") or request.url.path.encode()
    return [unquote(part) for part in raw.decode("ascii", "replace").strip("/").split("/")]


def readable(request: Request) -> Repository:
    """Return the repository that the path names, if it exists and who asks may see it."""
    found, asking = _repository(request), user(request)
    if not found.exists or not may_see(found, asking):
        raise no_repository(found.name, anonymous=asking is None)
    return found


def writable(request: Request) -> Repository:
    """Return the repository that the path names, if who asks may write there."""
    found = readable(request)
    writer(request, found.namespace)
    return found


def writer(request: Request, namespace: str) -> User:
    """Return who asks; refuse who may not write into the namespace."""
    asking = user(request)
    if asking is None:
        raise anonymous()
    if not asking.writes(namespace):
        raise Refusal(403, f"the token of {asking.name} may not write to {namespace}")
    return asking


def anonymous() -> Refusal:
    return Refusal(401, "Invalid username or password: writing needs a token")


def may_see(repository: Repository, asking: User | None) -> bool:
    is_private = repository.history.settings()["private"]
    return not is_private or (asking is not None and asking.sees(repository.namespace))


async def body(request: Request, most: int = _LONGEST_JSON) -> bytes:
    """Return the request's body, of at most that many bytes."""
    parts = [chunk async for chunk in chunks(request, most)]
    return b"".join(parts)


async def json_body(request: Request) -> dict[str, Any]:
    """Return what somebody who has a token sends; strangers' bodies are not even read."""
    if user(request) is None:
        raise anonymous()
    value = strict_json.loads(await body(request) or b"{}", "the request")
    if not isinstance(value, dict):
        raise wrong("the request is no JSON object")
    return value


async def chunks(request: Request, most: int) -> AsyncIterator[bytes]:
    """Yield the request's body piece by piece; refuse what is larger, or stalls."""
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large("the request", most)
    size, stream = 0, request.stream()
    while True:
        try:
            with anyio.fail_after(_PATIENCE):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Refusal(408, "the request stalls") from None
        size += len(chunk)
        if size > most:
            raise too_large("the request", most)
        yield chunk


async def refused(request: Request, error: Exception) -> Response:
    """Answer a request that failed on purpose; what is damaged here is told to the log only."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    if isinstance(error, HTTPException):
        return answer(Refusal(error.status_code, error.detail))
    if isinstance(error, Refusal):
        return answer(error)
    root = str(server(request).store.hub.root)
    if isinstance(error, ZooError) and root not in error.message:  # of what was sent to us
        return answer(wrong(error.message))
    print(f"zoo: {request.method} {request.url.path} fails: {error}", file=sys.stderr)
    return answer(Refusal(500, "this hub cannot read what it keeps; its log says why"))


def answer(refusal: Refusal, extra: dict[str, Any] | None = None) -> Response:
    """Return a refusal as the client reads it: two headers, and the reason as JSON."""
    text = "".join(c if c.isprintable() else " " for c in refusal.message)[
        :_LONGEST_MESSAGE
    ].strip()
    headers = {"X-Error-Message": text.encode("ascii", "replace").decode()}
    if refusal.code:
        headers["X-Error-Code"] = refusal.code
    return JSONResponse({"error": text} | (extra or {}), refusal.status, headers)


def _repository(request: Request) -> Repository:
    parts = segments(request)
    start = 2 if parts[:2] == ["api", "models"] else 0
    name = "/".join(parts[start : start + 2])
    return server(request).store.repository(name.removesuffix(".git"))

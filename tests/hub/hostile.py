"""A server between the client and the real one, which does what a bad one would.

`made` makes the agents that go through it, with a film that is large enough to break off.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.actors import saved, walker
from zoo.hub.local import LocalHub
from zoo.storage.bundle import Bundle

FILM = os.urandom(600_000)

Answer = list[dict[str, Any]]
"""The messages of an ASGI response."""


@dataclass
class Hostile:
    """Passes requests on to `app`; those whose path ends with `target` are spoilt by `spoil`.

    `spoil` gets the real answer and the way to send another; `times` is how often. What was
    asked is kept in `asked`: method, path and headers.
    """

    app: Any
    target: str = "\0"
    spoil: Callable[[Answer, Any], Any] | None = None
    times: int = 10**9
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["method"], scope["path"], headers))
        if not scope["path"].endswith(self.target) or self.times <= 0:
            await self.app(scope, receive, send)
            return
        self.times -= 1
        answer: Answer = []

        async def keep(message: dict[str, Any]) -> None:
            answer.append(message)

        await self.app(scope, receive, keep)
        assert self.spoil is not None
        await self.spoil(answer, send)

    def paths(self, method: str = "GET") -> list[str]:
        return [path for asked, path, _ in self.asked if asked == method]


def body_of(answer: Answer) -> bytes:
    return b"".join(message.get("body", b"") for message in answer[1:])


def resized(answer: Answer, size: int) -> dict[str, Any]:
    """Return the start of an answer, with another length."""
    headers = [(n, v) for n, v in answer[0]["headers"] if n.lower() != b"content-length"]
    return answer[0] | {"headers": [*headers, (b"content-length", str(size).encode())]}


async def other_bytes(answer: Answer, send: Any) -> None:
    """Answer with as many other bytes."""
    body = bytes(byte ^ 0xFF for byte in body_of(answer))
    await send(answer[0])
    await send({"type": "http.response.body", "body": body})


async def shorter(answer: Answer, send: Any) -> None:
    """Answer with the first half, as if that were all."""
    body = body_of(answer)[: len(body_of(answer)) // 2]
    await send(resized(answer, len(body)))
    await send({"type": "http.response.body", "body": body})


async def longer(answer: Answer, send: Any) -> None:
    body = body_of(answer) + b"\0"
    await send(resized(answer, len(body)))
    await send({"type": "http.response.body", "body": body})


async def broken(answer: Answer, send: Any) -> None:
    """Promise the whole, send the first half, and hang up."""
    body = body_of(answer)
    await send(answer[0])
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await send({"type": "http.response.body", "body": b""})  # too little: uvicorn hangs up


async def stalled(answer: Answer, send: Any) -> None:
    """Send the first half, and then nothing."""
    body = body_of(answer)
    await send(answer[0])
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(20)


async def silent(answer: Answer, send: Any) -> None:
    await asyncio.sleep(20)


async def dripping(answer: Answer, send: Any) -> None:
    """Send a byte now and then, so that no single wait is long."""
    await send(answer[0])
    for byte in body_of(answer):
        await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await asyncio.sleep(0.05)


async def endless(answer: Answer, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(200):  # MiB, more than anybody may take
        await send({"type": "http.response.body", "body": b" " * (1 << 20), "more_body": True})
        await asyncio.sleep(0)


def status(code: int, **headers: str) -> Callable[[Answer, Any], Any]:
    async def spoil(answer: Answer, send: Any) -> None:
        listed = [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()]
        listed.append((b"content-length", b"0"))
        await send({"type": "http.response.start", "status": code, "headers": listed})
        await send({"type": "http.response.body", "body": b""})

    return spoil


def saying(content: bytes, code: int = 200) -> Callable[[Answer, Any], Any]:
    """Answer with this content."""

    async def spoil(answer: Answer, send: Any) -> None:
        length = (b"content-length", str(len(content)).encode())
        await send({"type": "http.response.start", "status": code, "headers": [length]})
        await send({"type": "http.response.body", "body": content})

    return spoil


def made(path: Path, seed: int = 0) -> Bundle:
    return saved(path, walker(seed), "FrozenLake-v1", files={"replay.mp4": FILM + bytes([seed])})


def assert_nothing_came(mine: LocalHub) -> None:
    assert list(mine.refs.names()) == []
    assert not list((mine.root / "bundles").rglob("agent.json"))
    for digest in mine.blobs.digests():
        assert mine.blobs.is_whole(digest)

"""Fetch a file by its SHA-256: a download that breaks off continues, in a later process too.

    <root>/partial/<sha256>   what has come so far

The content is hashed when it is whole, whatever the server said about it. What is wrong is
deleted, so that nothing wrong is continued.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
from filelock import FileLock, Timeout
from huggingface_hub.utils import hf_raise_for_status

from zoo.errors import ZooError
from zoo.hub.base import Unreachable
from zoo.hub.connection import BROKEN, SLOWEST, TRIES, Client, pause
from zoo.hub.local import LocalHub
from zoo.hub.upkeep import PARTIAL
from zoo.storage.files import explain

_PIECE = 1 << 18
_PATIENCE = 600.0  # seconds to wait for another process that fetches the same file

Received = Callable[[int], object]
"""Called with the bytes of a file that are here so far."""


@dataclass(frozen=True)
class Download:
    """A file of `size` bytes at `url`, whose content has the SHA-256 `digest`."""

    client: Client
    url: str
    headers: dict[str, str]
    digest: str
    size: int
    received: Received

    def into(self, hub: LocalHub) -> None:
        """Bring the content into the blobs of `hub`; nothing is asked for where it is there.

        Raises `ZooError` for other content than that of the digest, and `Unreachable` for a
        server that breaks off or stalls again and again.
        """
        partial = hub.root / PARTIAL / self.digest
        if self.digest not in hub.blobs:
            with explain(partial):
                partial.parent.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(partial.with_suffix(".lock"), timeout=_PATIENCE):
                    if self.digest not in hub.blobs:
                        self._fetch(hub, partial)
            except Timeout:
                raise ZooError(
                    f"another process has been fetching {self.url} for {_PATIENCE:.0f} s",
                    "Wait for it, or end it",
                ) from None
        self.received(self.size)

    def _fetch(self, hub: LocalHub, partial: Path) -> None:
        was_begun = _size(partial) > 0
        self._complete(partial)
        try:
            hub.blobs.add(partial, self.digest, where=self.url)
        except ZooError:
            partial.unlink(missing_ok=True)
            if not was_begun:
                raise
            # What an earlier process left may have been wrong: once more, from the beginning.
            self._fetch(hub, partial)
        partial.unlink(missing_ok=True)

    def _complete(self, partial: Path) -> None:
        """Ask for what is missing until the file is whole, or nothing more comes."""
        ends = time.monotonic() + TRIES * self.client.limit + self.size / SLOWEST
        failures, reason = 0, "the connection breaks"
        while (have := _size(partial)) < self.size or not partial.exists():
            try:
                self._receive(partial, have)
            except BROKEN as error:
                is_late = isinstance(error, httpx2.TimeoutException)
                reason = "it stalls" if is_late else "the connection breaks"
            failures = 0 if _size(partial) > have else failures + 1
            if failures == TRIES or time.monotonic() > ends:
                raise Unreachable(
                    f"{self.url} does not arrive whole: {reason}",
                    "Try again later; what has come so far is kept",
                )
            if failures:
                time.sleep(pause(failures))

    def _receive(self, partial: Path, have: int) -> None:
        asked = self.headers | ({"Range": f"bytes={have}-"} if have else {})
        with self.client.file(self.url, asked, self.size) as response:
            if response.status_code == 416:
                partial.unlink(missing_ok=True)
                return
            hf_raise_for_status(response)
            start = have if _continues(response, have) else 0
            with explain(partial), open(partial, "r+b" if start else "wb") as file:
                file.seek(start)
                for piece in response.iter_bytes(_PIECE):
                    if file.tell() + len(piece) > self.size:
                        partial.unlink(missing_ok=True)
                        raise ZooError(
                            f"{self.url} is longer than the {self.size} bytes that are listed",
                            "The agent is damaged there, or the hub is not to be trusted",
                        )
                    file.write(piece)
                    self.received(file.tell())


def _continues(response: httpx2.Response, have: int) -> bool:
    """Say whether the answer begins where what we have ends."""
    begins = f"bytes {have}-"
    return response.status_code == 206 and (
        response.headers.get("Content-Range", "").startswith(begins)
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

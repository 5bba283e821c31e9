"""Run the server until it is stopped."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from zoo.errors import MissingExtra, ZooError
from zoo.hub.local import LocalHub
from zoo.hub.server import MAX_SIZE
from zoo.hub.server.tokens import TOKENS, VARIABLE, Tokens

HOST, PORT = "127.0.0.1", 7860
_MOST_CONNECTIONS = 1000
_GRACE = 5  # seconds for requests under way when the server is stopped


def token_file(root: Path | str | None) -> Path:
    """Return where a served hub keeps its tokens' hashes, unless told otherwise."""
    return LocalHub(root).root / TOKENS


def serve(
    root: Path | str,
    *,
    host: str = HOST,
    port: int = PORT,
    tokens: Path | None = None,
    max_size: int = MAX_SIZE,
    closed: bool = False,
    started: Callable[[str], object] = print,
) -> None:
    """Serve the local hub in `root` until the process is interrupted.

    `tokens` is the file that `zoo hub token` writes, by default in `root`; one more token may
    stand in the environment. `max_size` is how many bytes a file may have. A `closed` hub wants
    a token for reading, too. `started` is called with the address; port 0 takes any that is free.
    Raises `ZooError` where `root` is no hub or the address cannot be had.
    """
    try:
        import uvicorn

        from zoo.hub.server.app import create_app
    except ImportError as error:
        raise MissingExtra("zoo hub serve", "serve") from error
    known = Tokens(tokens or token_file(root), os.environ.get(VARIABLE, ""))
    app = create_app(root, known, max_size=max_size, closed=closed)
    with _listener(host, port) as listener:
        _advise(host, bool(known), closed)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE,
        )
        shown = f"[{host}]" if ":" in host else host
        started(f"http://{shown}:{listener.getsockname()[1]}")
        with suppress(KeyboardInterrupt):  # how it is stopped
            uvicorn.Server(config).run(sockets=[listener])


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # now, so that nobody who is told the address is turned away
    except OSError as error:
        listener.close()
        raise ZooError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}",
            "Choose another --host or --port",
        ) from error
    return listener


def _advise(host: str, has_tokens: bool, closed: bool) -> None:
    """Say what the choices mean for who can do what."""
    if not has_tokens:
        print("zoo: nobody can write: make a token with zoo hub token add NAME", file=sys.stderr)
    if not _is_loopback(host):
        who = "whoever has a token" if closed else "whoever reaches this address"
        print(
            f"zoo: {who} can read; tokens travel unencrypted unless a TLS proxy stands before it",
            file=sys.stderr,
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

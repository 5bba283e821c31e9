"""Start the server in a thread of this process, on a free port of the loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from zoo.hub.server.app import create_app
from zoo.hub.server.tokens import Tokens


@dataclass
class Served:
    """A running server: its address, a token that may write, and the directory it serves."""

    url: str
    token: str
    root: Path


@contextmanager
def serving(root: Path, tokens: Tokens, token: str, **options: Any) -> Iterator[Served]:
    app = create_app(root, tokens, **options)
    with running(app) as url:
        yield Served(url, token, root)


@contextmanager
def running(app: Any) -> Iterator[str]:
    """Run any ASGI application and give its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join(10)

"""The table of addresses, and the application that answers them."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from zoo.errors import ZooError
from zoo.hub.server import MAX_SIZE, lfs, reading, writing
from zoo.hub.server.requests import Server, refused
from zoo.hub.server.store import Store
from zoo.hub.server.tokens import Tokens

_MODEL = "/api/models/{namespace}/{name}"
_GIT = "/{namespace}/{name}.git/info/lfs/objects"

_ROUTES = [
    Route("/", reading.home),
    Route("/api/whoami-v2", reading.whoami),
    Route("/api/agent-harnesses", reading.harnesses),
    Route("/api/repos/create", writing.create, methods=["POST"]),
    Route("/api/repos/delete", writing.delete, methods=["DELETE"]),
    Route("/api/validate-yaml", writing.validate, methods=["POST"]),
    Route("/api/models", reading.models),
    Route(f"{_MODEL}/refs", reading.refs),
    Route(f"{_MODEL}/revision/{{rest:path}}", reading.info),
    Route(f"{_MODEL}/tree/{{rest:path}}", reading.tree),
    Route(f"{_MODEL}/commits/{{rest:path}}", reading.commits),
    Route(f"{_MODEL}/paths-info/{{rest:path}}", writing.paths_info, methods=["POST"]),
    Route(f"{_MODEL}/settings", writing.settings, methods=["PUT"]),
    Route(f"{_MODEL}/preupload/{{rest:path}}", writing.preupload, methods=["POST"]),
    Route(f"{_MODEL}/commit/{{rest:path}}", writing.commit, methods=["POST"]),
    Route(f"{_MODEL}/tag/{{rest:path}}", writing.add_tag, methods=["POST"]),
    Route(f"{_MODEL}/tag/{{rest:path}}", writing.remove_tag, methods=["DELETE"]),
    Route(f"{_MODEL}/branch/{{rest:path}}", writing.add_branch, methods=["POST"]),
    Route(f"{_MODEL}/branch/{{rest:path}}", writing.remove_branch, methods=["DELETE"]),
    Route(_MODEL, reading.info),
    Route("/api/lfs/{oid}", lfs.upload, methods=["PUT"]),
    Route(f"{_GIT}/batch", lfs.batch, methods=["POST"]),
    Route(f"{_GIT}/verify", lfs.verify, methods=["POST"]),
    Route("/{namespace}/{name}/resolve/{rest:path}", reading.resolve),
]


def create_app(
    root: Path | str, tokens: Tokens, *, max_size: int = MAX_SIZE, closed: bool = False
) -> Starlette:
    """Return the application that serves the local hub in `root`.

    `max_size` is how many bytes a file may have; a `closed` hub wants a token for reading, too.
    A directory that is not there becomes a hub; one with other files in it raises `ZooError`.
    """
    store = Store(root)
    store.hub.create()
    store.repair()
    failures = dict.fromkeys((ZooError, HTTPException, ClientDisconnect), refused)
    app = Starlette(routes=_ROUTES, exception_handlers=failures)
    app.state.server = Server(store, tokens, max_size, closed)
    return app

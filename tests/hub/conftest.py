"""The servers that the tests of remote hubs talk to, all on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from tests.hub.hostile import Hostile, made
from tests.hub.server.serving import Served, running, serving
from zoo.hub import connection
from zoo.hub.card import card_files
from zoo.hub.huggingface import HuggingFaceHub
from zoo.hub.local import LocalHub
from zoo.hub.server.app import create_app
from zoo.hub.server.tokens import Tokens, add_token
from zoo.storage.bundle import attach


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the client out, to this machine; no token or cache of the user's is in its reach."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(connection, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve(tmp_path: Path, online: None) -> Iterator[Callable[..., Served]]:
    """Return a function that starts a server over `tmp_path / "hub"`, stopped with the test."""
    numbers = count()
    with ExitStack() as stack:

        def start(**options: Any) -> Served:
            path = tmp_path / "tokens.json"
            token = add_token(path, f"ada{next(numbers)}")
            started = serving(tmp_path / "hub", Tokens(path), token, **options)
            return stack.enter_context(started)

        yield start


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def bad(served: Served, monkeypatch: pytest.MonkeyPatch) -> Hostile:
    monkeypatch.setattr("zoo.hub.server.writing.MOST_REGULAR", 100_000)  # the film is uploaded
    return Hostile(create_app(served.root, Tokens(served.root.parent / "tokens.json")))


@pytest.fixture
def hub(
    bad: Hostile, served: Served, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> HuggingFaceHub:
    """Return a client of the bad server, which has `team/walker`, by way of the good one."""
    monkeypatch.setenv("HF_TOKEN", served.token)
    bundle = made(served.root.parent / "a")
    LocalHub(served.root).push(attach(bundle, card_files(bundle)), "team/walker")
    return HuggingFaceHub(stack.enter_context(running(bad)), timeout=2)


@pytest.fixture
def mine(tmp_path: Path) -> LocalHub:
    return LocalHub(tmp_path / "mine")

"""A broken or hostile hub: one line of error, no endless waits, and the token goes nowhere else."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.utils import logging as client_logging

from tests.hub import hostile
from tests.hub.hostile import Hostile, assert_nothing_came, made
from tests.hub.server.serving import Served, running
from zoo import ZooError
from zoo.hub import connection
from zoo.hub.base import Unreachable
from zoo.hub.huggingface import HuggingFaceHub
from zoo.hub.local import LocalHub
from zoo.hub.server.app import create_app
from zoo.hub.server.tokens import Tokens


@pytest.mark.parametrize(
    ("code", "target"), [(429, "revision/main"), (500, "agent.json"), (503, "replay.mp4")]
)
def test_storms_pass_or_are_told(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, code: int, target: str
) -> None:
    bad.target, bad.spoil, bad.times = target, hostile.status(code), 3
    hub.pull("team/walker", "main", mine).verify()
    other = LocalHub(mine.root.with_name("other"))
    bad.times = 10**9
    with pytest.raises(Unreachable, match=f"{code}, 5 times in a row"):
        hub.pull("team/walker", "main", other)
    assert_nothing_came(other)


def test_nobody_is_made_to_wait_for_hours(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, tmp_path: Path
) -> None:
    bad.target, bad.spoil = "main", hostile.status(429, Retry_After="86400")
    began = time.monotonic()
    with pytest.raises(Unreachable, match="asks to wait 86400 seconds"):
        hub.pull("team/walker", "main", mine)
    bad.target, bad.spoil = (
        "preupload/main",
        hostile.status(
            429, RateLimit='"api";r=0;t=86400', RateLimit_Policy='"fixed window";"api";q=500;w=300'
        ),
    )
    with pytest.raises(Unreachable, match="429"):
        hub.push(made(tmp_path / "b", 1), "team/walker")
    assert time.monotonic() - began < 10


def test_a_server_that_is_always_busy_is_given_up(
    hub: HuggingFaceHub, bad: Hostile, tmp_path: Path
) -> None:
    busy = b'{"error": "Cannot create repo: another conflicting operation is in progress"}'
    bad.target, bad.spoil = "repos/create", hostile.saying(busy, 409)
    with pytest.raises(Unreachable, match="409, 5 times in a row"):
        hub.push(made(tmp_path / "b", 1), "team/other")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>", b"[]", b"null", b'{"id": 5}', b'{"id": "team/walker", "sha": "x"}',
        b'{"id": "team/walker", "sha": "../../../../etc"}', b"[" * 100_000,
        b'{"id": "team/walker", "sha": "' + b"0" * 40 + b'", "siblings": [5]}',
    ],
)  # fmt: skip
def test_answers_that_make_no_sense(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, content: bytes
) -> None:
    bad.target, bad.spoil = "revision/main", hostile.saying(content)
    with pytest.raises(ZooError) as caught:
        hub.pull("team/walker", "main", mine)
    assert "\n" not in str(caught.value)
    assert_nothing_came(mine)


def test_answers_without_end(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LONGEST_ANSWER", 5 << 20)
    bad.target, bad.spoil = "revision/main", hostile.endless
    with pytest.raises(ZooError, match="answers without end"):
        hub.pull("team/walker", "main", mine)


def test_a_compressed_answer_is_not_unpacked(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub
) -> None:
    bomb = gzip.compress(b" " * (50 << 20))

    async def spoil(answer: Any, send: Any) -> None:
        headers = [(b"content-encoding", b"gzip"), (b"content-length", str(len(bomb)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bomb})

    bad.target, bad.spoil = "revision/main", spoil
    with pytest.raises(ZooError, match="compressed"):
        hub.pull("team/walker", "main", mine)


def elsewhere(stack: ExitStack, served: Served) -> tuple[str, Hostile]:
    """Start one more server on another address, and keep what it is asked."""
    other = Hostile(create_app(served.root, Tokens(served.root.parent / "tokens.json")))
    return stack.enter_context(running(other)), other


def test_content_may_come_from_elsewhere_without_the_token(
    hub: HuggingFaceHub, bad: Hostile, served: Served, mine: LocalHub, stack: ExitStack
) -> None:
    url, other = elsewhere(stack, served)
    place = f"{url}/team/walker/resolve/main/replay.mp4"
    bad.target, bad.spoil = "replay.mp4", hostile.status(302, Location=place)
    hub.pull("team/walker", None, mine).verify()
    assert other.paths() == ["/team/walker/resolve/main/replay.mp4"]
    assert "authorization" not in other.asked[0][2]
    sent = [headers for _, path, headers in bad.asked if path.endswith("replay.mp4")]
    assert sent[0]["authorization"] == f"Bearer {served.token}"


@pytest.mark.parametrize("target", ["revision/main", "api/models"])
def test_answers_may_not_come_from_elsewhere(
    hub: HuggingFaceHub, bad: Hostile, served: Served, mine: LocalHub, stack: ExitStack, target: str
) -> None:
    from zoo.hub.base import Query

    url, other = elsewhere(stack, served)
    place = f"{url}/api/models/team/walker"
    bad.target, bad.spoil = target, hostile.status(307, Location=place)
    with pytest.raises(ZooError, match="which is another address"):
        hub.search(Query()) if target == "api/models" else hub.resolve("team/walker", "main")
    assert other.asked == []


def test_the_next_page_may_not_be_elsewhere(
    hub: HuggingFaceHub, bad: Hostile, served: Served, stack: ExitStack
) -> None:
    from zoo.hub.base import Query

    url, other = elsewhere(stack, served)
    link = f'<{url}/api/models>; rel="next"'

    async def spoil(answer: Any, send: Any) -> None:
        headers = [*answer[0]["headers"], (b"link", link.encode())]
        await send(answer[0] | {"headers": headers})
        await send({"type": "http.response.body", "body": hostile.body_of(answer)})

    bad.target, bad.spoil = "api/models", spoil
    with pytest.raises(ZooError, match="which is another address"):
        hub.search(Query())
    assert other.asked == []


def test_an_upload_goes_elsewhere_without_the_token_and_is_confirmed_nowhere_else(
    hub: HuggingFaceHub, bad: Hostile, served: Served, stack: ExitStack, tmp_path: Path
) -> None:
    import json

    url, other = elsewhere(stack, served)
    other.app.state.server.secret = bad.app.state.server.secret  # it takes the signed upload

    async def spoil(answer: Any, send: Any) -> None:
        batch = json.loads(hostile.body_of(answer))
        for one in batch["objects"]:
            for action in one.get("actions", {}).values():
                action["href"] = f"{url}/" + action["href"].split("/", 3)[3]
        content = json.dumps(batch).encode()
        await send(hostile.resized(answer, len(content)))
        await send({"type": "http.response.body", "body": content})

    head = hub.resolve("team/walker")
    bad.target, bad.spoil = "objects/batch", spoil
    with pytest.raises(ZooError, match="which is another address"):
        hub.push(made(tmp_path / "b", 1), "team/walker")
    assert other.paths("PUT") != [] == other.paths("POST")
    assert all("authorization" not in headers for _, _, headers in other.asked)
    assert hub.resolve("team/walker") == head


def test_a_circle_of_redirects_ends(hub: HuggingFaceHub, bad: Hostile, mine: LocalHub) -> None:
    place = f"{hub.endpoint}/api/models/team/walker/revision/main"
    bad.target, bad.spoil = "revision/main", hostile.status(302, Location=place)
    with pytest.raises(ZooError):
        hub.resolve("team/walker", "main")


@pytest.fixture
def hanging_up(stack: ExitStack) -> str:
    """Return the address of a server that takes every connection and ends it at once."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def hang_up() -> None:
        with suppress(OSError):
            while True:
                listener.accept()[0].close()

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("act", ["resolve", "pull", "push", "search"])
def test_a_server_that_hangs_up(
    hanging_up: str, mine: LocalHub, tmp_path: Path, online: None, act: str
) -> None:
    from zoo.hub.base import Query

    hub = HuggingFaceHub(hanging_up, timeout=1)
    acts: dict[str, Callable[[], object]] = {
        "resolve": lambda: hub.resolve("team/walker"),
        "pull": lambda: hub.pull("team/walker", None, mine),
        "push": lambda: hub.push(made(tmp_path / "a"), "team/walker"),
        "search": lambda: hub.search(Query()),
    }
    with pytest.raises(Unreachable, match="cannot be reached: the connection breaks") as caught:
        acts[act]()
    assert "\n" not in str(caught.value)


def test_the_token_is_said_and_written_nowhere(
    hub: HuggingFaceHub, bad: Hostile, served: Served, mine: LocalHub, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    hub.push(made(tmp_path / "b", 1), "team/walker")
    hub.pull("team/walker", None, mine)
    said = [repr(hub)]
    for target, spoil in (("commit/main", hostile.status(500)), ("main", hostile.status(401))):
        bad.target, bad.spoil = target, spoil
        with pytest.raises(ZooError) as caught:
            hub.push(made(tmp_path / target.replace("/", "-"), 2), "team/walker")
        said += [str(caught.value), repr(caught.value)]
    out, err = capfd.readouterr()
    assert not any(served.token in text for text in (*said, out, err))
    for folder in (mine.root, tmp_path / "b", served.root):
        for path in folder.rglob("*"):
            assert not path.is_file() or served.token.encode() not in path.read_bytes()


def test_a_stored_token_goes_to_its_own_hub_only(
    hub: HuggingFaceHub, bad: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "stored").write_text("hf_stored_token")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "stored"))
    HuggingFaceHub(hub.endpoint).resolve("team/walker")
    assert all("authorization" not in headers for _, _, headers in bad.asked)
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    bad.asked.clear()
    with pytest.raises(ZooError, match="Invalid credentials"):
        HuggingFaceHub(hub.endpoint).resolve("team/walker")
    assert bad.asked[0][2]["authorization"] == "Bearer hf_stored_token"


def test_the_client_is_left_as_it_was(hub: HuggingFaceHub) -> None:
    from huggingface_hub.utils import are_progress_bars_disabled, get_session

    before = client_logging.get_verbosity(), are_progress_bars_disabled()
    hub.resolve("team/walker")
    assert (client_logging.get_verbosity(), are_progress_bars_disabled()) == before
    assert not isinstance(get_session(), connection.Client)

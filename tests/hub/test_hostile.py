"""A remote hub that is broken or hostile: one line of error, nothing half-written, no leak."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.utils import logging as client_logging

from tests.actors import saved, walker
from tests.hub import hostile
from tests.hub.hostile import Hostile
from tests.hub.server.serving import Served, running
from zoo import ZooError
from zoo.hub import connection
from zoo.hub.base import Unreachable
from zoo.hub.card import card_files
from zoo.hub.huggingface import HuggingFaceHub
from zoo.hub.local import LocalHub
from zoo.hub.server.app import create_app
from zoo.hub.server.tokens import Tokens
from zoo.hub.upload import Upload
from zoo.storage.bundle import Bundle, attach

FILM = os.urandom(600_000)


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


def made(path: Path, seed: int = 0) -> Bundle:
    return saved(path, walker(seed), "FrozenLake-v1", files={"replay.mp4": FILM + bytes([seed])})


def assert_nothing_came(mine: LocalHub) -> None:
    assert list(mine.refs.names()) == []
    assert not list((mine.root / "bundles").rglob("agent.json"))
    for digest in mine.blobs.digests():
        assert mine.blobs.is_whole(digest)


@pytest.mark.parametrize("file", ["replay.mp4", "README.md"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [(hostile.other_bytes, "its SHA-256 is"), (hostile.longer, "is longer than the")],
)
def test_other_content_is_refused_and_deleted(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, file: str, spoil: Any, said: str
) -> None:
    bad.target, bad.spoil = file, spoil
    with pytest.raises(ZooError, match=said) as caught:
        hub.pull("team/walker", None, mine)
    assert "\n" not in str(caught.value)
    assert_nothing_came(mine)
    left = [path for path in (mine.root / "partial").iterdir() if path.suffix != ".lock"]
    assert left == []
    bad.spoil, bad.times = None, 0
    hub.pull("team/walker", None, mine).verify()  # and afterwards all is well


def test_another_manifest_is_refused(hub: HuggingFaceHub, bad: Hostile, mine: LocalHub) -> None:
    bad.target, bad.spoil = "agent.json", hostile.other_bytes
    with pytest.raises(ZooError, match="is not the file of commit"):
        hub.pull("team/walker", None, mine)
    assert_nothing_came(mine)


def test_a_bundle_that_no_disk_holds_is_not_begun(
    hub: HuggingFaceHub, bad: Hostile, served: Served, mine: LocalHub
) -> None:
    import json

    from huggingface_hub import HfApi

    bundle = made(served.root.parent / "huge")
    manifest = json.loads((bundle.path / "agent.json").read_text())
    manifest["files"]["replay.mp4"]["size"] = 10**18
    HfApi(endpoint=served.url, token=served.token).upload_file(
        path_or_fileobj=json.dumps(manifest).encode(),
        path_in_repo="agent.json",
        repo_id="team/walker",
    )
    with pytest.raises(ZooError, match="bytes are free"):
        hub.pull("team/walker", None, mine)
    assert bad.paths()[-1].endswith("agent.json")
    assert_nothing_came(mine)


@pytest.mark.parametrize(
    ("file", "spoil"),
    [
        ("weights.safetensors", hostile.shorter),
        ("weights.safetensors", hostile.broken),
        ("weights.safetensors", hostile.stalled),
        ("weights.safetensors", hostile.dripping),
        ("weights.safetensors", hostile.silent),
        ("agent.json", hostile.broken),
        ("agent.json", hostile.dripping),
    ],
)
def test_a_file_that_never_arrives_is_given_up(
    hub: HuggingFaceHub,
    bad: Hostile,
    mine: LocalHub,
    spoil: Any,
    file: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "SLOWEST", 2_000_000)
    monkeypatch.setattr("zoo.hub.download.SLOWEST", 2_000_000)
    bad.target, bad.spoil, hub.timeout = file, spoil, 0.4
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"does not arrive whole|cannot be reached"):
        hub.pull("team/walker", None, mine)
    assert time.monotonic() - began < 10
    assert_nothing_came(mine)


@pytest.mark.parametrize("target", ["agent.json", "revision/main"])
def test_what_is_small_is_asked_for_again(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, target: str
) -> None:
    bad.target, bad.spoil, bad.times = target, hostile.broken, 2
    hub.pull("team/walker", "main", mine).verify()


@pytest.mark.parametrize("spoil", [hostile.shorter, hostile.broken, hostile.stalled])
def test_a_download_that_breaks_off_continues(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, spoil: Any
) -> None:
    bad.target, bad.spoil, bad.times = "replay.mp4", spoil, 1
    hub.pull("team/walker", None, mine).verify()
    asked = [headers for _, path, headers in bad.asked if path.endswith("replay.mp4")]
    assert "range" not in asked[0]
    assert 0 < int(asked[1]["range"].removeprefix("bytes=").rstrip("-")) < len(FILM)


def test_a_later_process_continues_where_this_one_broke_off(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.hub.download.TRIES", 1)
    bad.target, bad.spoil, bad.times = "replay.mp4", hostile.broken, 1

    def broke_off(done: int, total: int) -> None:
        if done > 200_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.pull("team/walker", None, mine, progress=broke_off)
    assert_nothing_came(mine)
    bad.asked.clear()
    bad.times = 0
    LocalHub(mine.root)
    hub.pull("team/walker", None, LocalHub(mine.root)).verify()
    (asked,) = [headers for _, path, headers in bad.asked if path.endswith("replay.mp4")]
    assert int(asked["range"].removeprefix("bytes=").rstrip("-")) >= 200_000


def test_a_beginning_that_is_wrong_is_fetched_again(
    hub: HuggingFaceHub, bad: Hostile, mine: LocalHub
) -> None:
    import hashlib

    partial = mine.root / "partial" / hashlib.sha256(FILM + b"\0").hexdigest()
    mine.create()
    partial.parent.mkdir()
    partial.write_bytes(b"\0" * 1000)
    hub.pull("team/walker", None, mine).verify()
    assert len([path for path in bad.paths() if path.endswith("replay.mp4")]) == 2


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


@pytest.mark.parametrize(
    ("target", "spoil"),
    [
        ("repos/create", hostile.broken),
        ("revision/main", hostile.status(503)),
        ("preupload/main", hostile.status(429)),
        ("objects/batch", hostile.silent),
        ("verify", hostile.broken),
        ("commit/main", hostile.status(412)),
        ("commit/main", hostile.status(503)),
        ("commit/main", hostile.broken),
        ("commit/main", hostile.silent),
    ],
)
def test_a_push_passes_a_storm_and_is_one_commit(
    hub: HuggingFaceHub, bad: Hostile, tmp_path: Path, target: str, spoil: Any
) -> None:
    """The spoilt request was fulfilled all the same; asking again must not do it twice."""
    head = hub.resolve("team/walker")
    bad.target, bad.spoil, bad.times = target, spoil, 2
    done = hub.push(made(tmp_path / "b", 1), "team/walker")
    bad.times = 0
    assert done.revision == hub.resolve("team/walker") != head
    with hub.connection("team/walker") as api:
        assert len(api.list_repo_commits("team/walker")) == 2


def test_a_push_that_comes_second_is_made_again_on_top(
    hub: HuggingFaceHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, others = Upload._operations, []

    def prepare_slowly(self: Upload, *arguments: Any) -> Any:
        if not others:
            path, content = "LICENSE", b"MIT"
            others.append(
                hub.api.upload_file(
                    path_or_fileobj=content, path_in_repo=path, repo_id="team/walker"
                )
            )
        return prepare(self, *arguments)

    monkeypatch.setattr(Upload, "_operations", prepare_slowly)
    done = hub.push(made(tmp_path / "b", 1), "team/walker")
    with hub.connection("team/walker") as api:
        log = [commit.commit_id for commit in api.list_repo_commits("team/walker")]
        assert log[:2] == [done.revision, others[0].oid]
        assert "LICENSE" in api.list_repo_files("team/walker")


@pytest.mark.parametrize("target", ["repos/create", "objects/batch", "commit/main"])
def test_a_push_that_cannot_succeed_ends(
    hub: HuggingFaceHub, bad: Hostile, served: Served, tmp_path: Path, target: str
) -> None:
    bad.target, bad.spoil, hub.timeout = target, hostile.silent, 0.4
    began = time.monotonic()
    with pytest.raises(Unreachable, match="does not answer in time"):
        hub.push(made(tmp_path / "b", 1), "team/walker")
    assert time.monotonic() - began < 10


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

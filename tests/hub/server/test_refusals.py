"""What the server does not write: for strangers, outside of a repository, without end or sense."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import get_session

from tests.hub.server.commits import add
from tests.hub.server.serving import Served
from zoo.hub.local import LocalHub
from zoo.hub.server.tokens import add_token


def test_strangers_and_readers_write_nothing(
    api: HfApi, stranger: HfApi, served: Served, tmp_path: Path
) -> None:
    api.create_repo("team/walker")
    api.create_commit("team/walker", [add("a.txt", b"x")], commit_message="Add")
    head = api.model_info("team/walker").sha
    path = tmp_path / "tokens.json"
    reader = HfApi(endpoint=served.url, token=add_token(path, "reader", write=False))
    elsewhere = HfApi(endpoint=served.url, token=add_token(path, "bob", namespaces=["bob"]))
    for client in (stranger, reader, elsewhere):
        for act in (
            lambda c: c.create_repo("team/new"),
            lambda c: c.create_commit("team/walker", [add("a.txt", b"y")], commit_message="No"),
            lambda c: c.create_tag("team/walker", tag="mine"),
            lambda c: c.delete_tag("team/walker", tag="mine"),
            lambda c: c.create_branch("team/walker", branch="mine"),
            lambda c: c.update_repo_settings("team/walker", private=True),
            lambda c: c.delete_repo("team/walker"),
        ):
            with pytest.raises(HfHubHTTPError) as caught:
                act(client)
            assert caught.value.response.status_code in (401, 403)
    for path_, body in (
        ("/team/walker.git/info/lfs/objects/batch", {"operation": "upload", "objects": []}),
        ("/api/models/team/walker/commit/main", {}),
        ("/api/models/team/walker/preupload/main", {"files": []}),
    ):
        assert get_session().post(served.url + path_, json=body).status_code == 401
    assert api.model_info("team/walker").sha == head
    assert not api.repo_exists("team/new")
    elsewhere.create_repo("bob/own", private=True)
    with pytest.raises(RepositoryNotFoundError):
        stranger.model_info("bob/own")


def test_what_strangers_send_is_not_read(served: Served, api: HfApi) -> None:
    import http.client

    api.create_repo("team/walker")
    for path in ("/api/models/team/walker/commit/main", "/api/repos/create", "/api/validate-yaml"):
        connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=5)
        connection.putrequest("POST", path)
        connection.putheader("Content-Length", str(60 << 20))
        connection.endheaders(b"{")  # and never more
        assert connection.getresponse().status == 401
        connection.close()


def test_a_revoked_token_is_dead_at_once(api: HfApi, tmp_path: Path) -> None:
    from zoo.hub.server.tokens import list_tokens, remove_token

    path = tmp_path / "tokens.json"
    api.create_repo("team/walker")
    remove_token(path, list_tokens(path)[0]["name"])
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        api.create_repo("team/other")


@pytest.mark.parametrize(
    "path",
    [
        "../a", "a/../../b", "/etc/x", "a\\b", "C:x", ".git/config", "a//b", "a/", "\n", "a\0b",
        "é" * 600,
    ],
)  # fmt: skip
def test_no_file_is_committed_outside(api: HfApi, served: Served, path: str) -> None:
    api.create_repo("team/walker")
    head = api.model_info("team/walker").sha
    lines = [
        {"key": "header", "value": {"summary": "s"}},
        {"key": "file", "value": {"path": path, "content": "", "encoding": "base64"}},
    ]
    response = get_session().post(
        f"{served.url}/api/models/team/walker/commit/main",
        content="\n".join(map(json.dumps, lines)).encode(),
        headers={"Authorization": f"Bearer {served.token}"},
    )
    assert response.status_code == 400
    assert api.model_info("team/walker").sha == head


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b'{"key": "header"}', b"[" * 5000,
        b'{"key": "header", "value": {"summary": 5}}',
        b'{"key": "header", "value": {"summary": "s", "parentCommit": 5}}',
        b'{"key": "header", "value": {"summary": "s"}, "key": "header"}',
        b'{"key": "header", "value": {"summary": "s"}}\n{"key": "file", "value": {"path": "a"',
        b'{"key": "header", "value": {"summary": "s"}}\n{"key": "odd", "value": {}}',
        b'{"key": "header", "value": {"summary": "s"}}\n'
        b'{"key": "file", "value": {"path": "a", "content": "%%%"}}',
        b'{"key": "header", "value": {"summary": "s"}}\n'
        b'{"key": "file", "value": {"path": "a", "content": ""}}\n'
        b'{"key": "file", "value": {"path": "a/b", "content": ""}}',
        b'{"key": "header", "value": {"summary": "s"}}\n'
        b'{"key": "lfsFile", "value": {"path": "a", "oid": "../../x", "size": 1}}',
    ],
)  # fmt: skip
def test_a_commit_that_makes_no_sense_changes_nothing(
    api: HfApi, served: Served, body: bytes
) -> None:
    api.create_repo("team/walker")
    head = api.model_info("team/walker").sha
    response = get_session().post(
        f"{served.url}/api/models/team/walker/commit/main",
        content=body,
        headers={"Authorization": f"Bearer {served.token}"},
    )
    assert response.status_code in (400, 422)
    assert api.model_info("team/walker").sha == head


def test_sizes_are_limited(serve: object, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve(max_size=100_000)  # type: ignore[operator]
    api = HfApi(endpoint=served.url, token=served.token)
    api.create_repo("team/walker")
    with pytest.raises(HfHubHTTPError, match="larger than the 100000 bytes"):
        api.create_commit("team/walker", [add("w.bin", os.urandom(100_001))], commit_message="Add")
    monkeypatch.setattr("zoo.hub.server.writing.MOST_REGULAR", 1000)
    with pytest.raises(ValueError, match="100000 bytes"):
        api.create_commit("team/walker", [add("w.bin", os.urandom(100_001))], commit_message="Add")
    huge = get_session().post(
        f"{served.url}/api/repos/create",
        content=b" " * (9 << 20),
        headers={"Authorization": f"Bearer {served.token}"},
    )
    assert huge.status_code == 413


def test_an_upload_needs_a_signed_address_and_the_right_bytes(api: HfApi, served: Served) -> None:
    import hashlib

    api.create_repo("team/walker")
    content = os.urandom(1000)
    oid = hashlib.sha256(content).hexdigest()
    batch = get_session().post(
        f"{served.url}/team/walker.git/info/lfs/objects/batch",
        json={"operation": "upload", "objects": [{"oid": oid, "size": 1000}]},
        headers={"Authorization": f"Bearer {served.token}"},
    )
    href = batch.json()["objects"][0]["actions"]["upload"]["href"]
    blobs = LocalHub(served.root).blobs
    other = hashlib.sha256(b"x").hexdigest()
    for url, data in (
        (href.partition("?")[0], content),
        (href.replace(oid, other), b"x"),
        (href.replace("size=1000", "size=2000"), content),
        (href, b"y" * 1000),
        (href, content[:-1]),
        (href, content + b"z"),
    ):
        assert get_session().put(url, content=data).status_code in (400, 403, 413)
        assert oid not in blobs
        assert other not in blobs
    assert get_session().put(href, content=content).status_code == 200
    assert blobs.read(oid, most=1000) == content


def test_metadata_that_cannot_be_read_is_told(api: HfApi) -> None:
    api.create_repo("team/walker")
    for text in ("---\na: !!python/object:os.system x\n---\n", "---\n- a\n---\n", "---\na: b\n"):
        with pytest.raises(ValueError, match="Invalid metadata"):
            api.create_commit(
                "team/walker", [add("README.md", text.encode())], commit_message="Add"
            )


def test_letters_beyond_ascii_are_refused(api: HfApi, served: Served) -> None:
    api.create_repo("team/walker")
    session, token = get_session(), {"Authorization": f"Bearer {served.token}"}
    address = f"{served.url}/api/lfs/{'a' * 64}?size=1&until=99999999999&sign=%C3%A9"
    assert session.put(address, content=b"a").status_code == 403
    lines = [
        {"key": "header", "value": {"summary": "s"}},
        {"key": "file", "value": {"path": "a", "content": "\u00e9"}},
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    url = f"{served.url}/api/models/team/walker/commit"
    assert session.post(f"{url}/main", content=body, headers=token).status_code == 400
    assert session.post(f"{url}/", content=body, headers=token).status_code == 404

"""Files of a broken or hostile hub: whole and right in the end, or refused and not half-written."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.hub import hostile
from tests.hub.hostile import FILM, Hostile, assert_nothing_came, made
from tests.hub.server.serving import Served
from zoo import ZooError
from zoo.hub import connection
from zoo.hub.base import Unreachable
from zoo.hub.huggingface import HuggingFaceHub
from zoo.hub.local import LocalHub


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

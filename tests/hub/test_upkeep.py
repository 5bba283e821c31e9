"""Verification finds every damage; garbage collection deletes what nothing leads to, only that."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.actors import saved, walker
from zoo import Bundle, LocalHub, ZooError
from zoo.hub.upkeep import GRACE, SERVED, collect_garbage, verify

NAME = "team/walker"


@pytest.fixture
def hub(tmp_path: Path) -> LocalHub:
    return LocalHub(tmp_path / "hub")


def push(hub: LocalHub, seed: int, name: str = NAME) -> Bundle:
    bundle = saved(hub.root.parent / f"agent-{seed}", walker(seed), "FrozenLake-v1")
    hub.push(bundle, name)
    return bundle


def test_nothing_is_wrong_with_a_sound_hub(hub: LocalHub) -> None:
    assert verify(hub).problems == []
    push(hub, 1)
    push(hub, 2)
    seen: list[tuple[int, int]] = []
    checked = verify(hub, lambda done, total: seen.append((done, total)))
    assert checked.problems == []
    assert checked.files == 4
    assert seen[-1] == (checked.size, checked.size)


def test_a_flipped_bit_is_found_in_any_file(hub: LocalHub) -> None:
    push(hub, 1)
    for digest in list(hub.blobs.digests()):
        path = hub.blobs.path(digest)
        sound = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        assert any(digest in problem for problem in verify(hub).problems)
        path.write_bytes(sound)
        assert verify(hub).problems == []


def test_a_missing_file_is_told_with_the_name_that_needs_it(hub: LocalHub) -> None:
    bundle = push(hub, 1)
    hub.blobs.remove(bundle.files["weights.safetensors"]["sha256"])
    assert f"{NAME}@latest: its weights.safetensors is missing" in verify(hub).problems
    hub.pin(push(hub, 2, "other").digest, "other")
    hub.blobs.remove(hub.resolve("other"))
    problems = verify(hub).problems
    assert "other@latest: its agent.json is missing" in problems
    assert any(problem.startswith("pinned other@sha256:") for problem in problems)


def test_damaged_names_are_told(hub: LocalHub) -> None:
    push(hub, 1)
    push(hub, 2, "other")
    (hub.refs.refs / NAME / "@tags").write_text("{")
    assert [problem for problem in verify(hub).problems if NAME in problem]
    assert len(verify(hub).problems) == 1


def test_garbage_is_what_no_name_and_no_pin_leads_to(hub: LocalHub) -> None:
    first, second, third = push(hub, 1), push(hub, 2), push(hub, 3)
    assert collect_garbage(hub).files == 0
    hub.pin(first.digest, NAME)
    hub.remove(NAME, "v1")
    hub.remove(NAME, "v2")
    planned = collect_garbage(hub, dry_run=True)
    assert second.digest in hub.blobs
    done = collect_garbage(hub)
    assert planned == done
    assert (done.bundles, done.files) == (1, 2)
    assert done.size == second.size + (second.path / "agent.json").stat().st_size
    assert second.digest not in hub.blobs
    hub.bundle(first.digest).verify()
    hub.get(NAME).verify()
    assert hub.get(NAME).digest == third.digest
    hub.unpin(first.digest)
    assert collect_garbage(hub).bundles == 1
    assert verify(hub).problems == []


def test_a_hub_that_cannot_be_followed_loses_nothing(hub: LocalHub) -> None:
    bundle = push(hub, 1)
    push(hub, 2)
    hub.remove(NAME, "v1")
    (hub.refs.refs / NAME / "@tags").write_text("{")
    with pytest.raises(ZooError, match="@tags is not valid JSON"):
        collect_garbage(hub)
    assert bundle.digest in hub.blobs


def test_leftovers_of_the_dead_are_cleared(hub: LocalHub) -> None:
    push(hub, 1)
    left = hub.blobs.root / "ab" / ".tmp-00000000-1-00000000"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    ours = left.with_name(".tmp-00000000-1-00000001")
    ours.write_bytes(b"still being written")
    old = time.time() - 2 * 24 * 3600
    os.utime(left, (old, old))
    collect_garbage(hub)
    assert not left.exists()
    assert ours.exists()


def test_downloads_that_nobody_continued_are_deleted(hub: LocalHub) -> None:
    push(hub, 1)
    folder = hub.root / "partial"
    folder.mkdir()
    old, young = folder / ("0" * 64), folder / ("1" * 64)
    old.write_bytes(b"some")
    young.write_bytes(b"some")
    week_ago = time.time() - 8 * 24 * 3600
    os.utime(old, (week_ago, week_ago))
    collect_garbage(hub)
    assert list(folder.iterdir()) == [young]


def test_what_a_server_holds_is_kept_and_fresh_uploads_too(hub: LocalHub) -> None:
    push(hub, 1)
    contents = {name: name.encode() for name in ("committed", "fresh", "forgotten")}
    digests = {}
    for name, content in contents.items():
        source = hub.root.parent / name
        source.write_bytes(content)
        from zoo.storage.files import sha256

        digests[name] = sha256(source)
        hub.blobs.add(source, digests[name])
        if name != "fresh":
            old = time.time() - 2 * GRACE
            os.utime(hub.blobs.path(digests[name]), (old, old))
    commit = hub.root / SERVED / "team" / "walker" / "commits" / "1.json"
    commit.parent.mkdir(parents=True)
    commit.write_text(f'{{"files": {{"a": ["{digests["committed"]}", 9]}}}}')
    assert collect_garbage(hub).files == 1
    assert [name for name in contents if digests[name] in hub.blobs] == ["committed", "fresh"]
    (hub.root / SERVED / "not-ours").write_bytes(b"\xff\xfe")  # no text, and no reason to fail
    collect_garbage(hub)


def test_there_is_no_garbage_where_there_is_no_hub(hub: LocalHub) -> None:
    assert collect_garbage(hub).files == 0
    assert not hub.root.exists()

"""Several processes, kill -9, a full disk and a read-only one leave a local hub in order."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.actors import saved, walker
from zoo import Bundle, LocalHub, Query, ZooError
from zoo.hub.upkeep import collect_garbage, verify

NAME = "team/walker"
fork = multiprocessing.get_context("fork")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it forks")


def agent(folder: Path, seed: int, **files: bytes) -> Bundle:
    return saved(folder, walker(seed), "FrozenLake-v1", files=files)


def run_forked(work: Callable[..., object], *arguments: object) -> int:
    """Run `work` in a process of its own and return its exit code, negative where killed."""
    process = fork.Process(target=work, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def test_pushes_of_one_name_by_several_processes_lose_nothing(tmp_path: Path) -> None:
    bundles = [
        [agent(tmp_path / f"{p}-{i}", 10 * p + i, **{"same.txt": b"x" * 100_000}) for i in range(5)]
        for p in range(4)
    ]
    start = fork.Event()

    def push_all(mine: list[Bundle]) -> None:
        start.wait(30)
        for bundle in mine:
            LocalHub(tmp_path / "hub").push(bundle, NAME)
            LocalHub(tmp_path / "hub").search(Query())

    processes = [fork.Process(target=push_all, args=(mine,)) for mine in bundles]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    hub = LocalHub(tmp_path / "hub")
    versions = {ref.tag: ref.digest for ref in hub.refs.tags(NAME)}
    latest = versions.pop("latest")
    assert set(versions) == {f"v{i + 1}" for i in range(20)}
    assert set(versions.values()) == {bundle.digest for mine in bundles for bundle in mine}
    assert versions["v20"] == latest
    assert verify(hub).problems == []
    assert [entry.digest for entry in hub.search(Query())] == [latest]
    for digest in versions.values():
        hub.bundle(digest).verify()


def test_a_push_survives_garbage_collections_beside_it(tmp_path: Path) -> None:
    bundles = [agent(tmp_path / f"{i}", i, **{"same.txt": b"x"}) for i in range(8)]
    LocalHub(tmp_path / "hub").create()
    done = fork.Event()

    def collect() -> None:
        while not done.is_set():
            collect_garbage(LocalHub(tmp_path / "hub"))

    collector = fork.Process(target=collect)
    collector.start()
    hub = LocalHub(tmp_path / "hub")
    try:
        for bundle in bundles:
            hub.push(bundle, NAME)
            hub.remove(NAME)
            hub.push(bundle, NAME)
    finally:
        done.set()
        collector.join(60)
    assert collector.exitcode == 0
    assert hub.get(NAME).digest == bundles[-1].digest
    assert verify(hub).problems == []


def test_a_push_killed_anywhere_leaves_the_hub_as_it_was(tmp_path: Path) -> None:
    first = agent(tmp_path / "first", 1)
    second = agent(tmp_path / "second", 2, **{"more.txt": b"more"})
    moments = 0
    while True:
        hub = LocalHub(tmp_path / f"hub-{moments}")
        hub.push(first, NAME)
        before = list(hub.refs.all())
        exit_code = run_forked(_push_until, hub, second, moments)
        if exit_code == 0:
            break
        assert exit_code == -signal.SIGKILL
        assert verify(hub).problems == []
        after = list(hub.refs.all())
        if after != before:  # the last moments: the names were written, whole
            assert [ref.tag for ref in after] == ["v1", "latest", "v2"]
        assert [entry.digest for entry in hub.search(Query())] == [hub.get(NAME).digest]
        collect_garbage(hub)
        hub.push(second, NAME)
        hub.get(NAME).agent()
        assert list(hub.root.rglob(".tmp-*")) == []
        moments += 1
    assert moments > 6


def _push_until(hub: LocalHub, bundle: Bundle, moment: int) -> None:
    """Push, and be killed when something is pushed to the disk for the `moment`th time."""
    synced, moments = os.fsync, count()

    def fsync(descriptor: int) -> None:
        if next(moments) >= moment:
            os.kill(os.getpid(), signal.SIGKILL)
        synced(descriptor)

    os.fsync = fsync  # type: ignore[assignment]
    hub.push(bundle, NAME)


def test_a_full_disk_is_told_and_leaves_the_hub_as_it_was(tmp_path: Path) -> None:
    hub = LocalHub(tmp_path / "hub")
    hub.push(agent(tmp_path / "first", 1), NAME)
    before = list(hub.refs.all())
    files = {path for path in hub.root.rglob("*") if path.is_file()}
    large = agent(tmp_path / "large", 2, **{"large.txt": b"x" * 3_000_000})

    def push() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            hub.push(large, NAME)
        except ZooError as error:
            sys.exit(7 if "the disk is full" in str(error) else 1)

    assert run_forked(push) == 7
    assert list(hub.refs.all()) == before
    assert verify(hub).problems == []
    assert list(hub.root.rglob(".tmp-*")) == []
    collect_garbage(hub)
    assert {path for path in hub.root.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("moment", range(7))
def test_a_disk_that_fills_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    hub = LocalHub(tmp_path / "hub")
    hub.push(agent(tmp_path / "first", 1), NAME)
    before, synced, moments = list(hub.refs.all()), os.fsync, count()

    def fsync(descriptor: int) -> None:
        if next(moments) >= moment:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(ZooError, match="the disk is full") as caught:
            hub.push(agent(tmp_path / "second", 2), NAME)
        assert "\n" not in str(caught.value)
    assert list(hub.refs.all()) == before
    assert verify(hub).problems == []
    assert list(hub.root.rglob(".tmp-*")) == []


def test_a_read_only_hub_is_read_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = LocalHub(tmp_path / "hub")
    first, second = agent(tmp_path / "first", 1), agent(tmp_path / "second", 2)
    hub.push(first, NAME)
    hub.search(Query())
    hub.push(second, "other")  # which the index does not know yet
    opened = os.open

    def refuse(path: object, flags: int, *rest: int, **options: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and str(path).startswith(str(hub.root)):
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(path, flags, *rest, **options)  # type: ignore[arg-type]

    for folder in (hub.root, *(path for path in hub.root.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    try:
        assert hub.get(NAME).agent() is not None
        assert [entry.ref for entry in hub.search(Query())] == ["other", NAME]
        assert [entry.ref for entry in hub.search(Query("other"))] == ["other"]
        assert verify(hub).problems == []
        for write in (lambda: hub.tag(NAME, "v1", "best"), lambda: hub.remove(NAME)):
            with pytest.raises(ZooError, match=r"read-only|permission denied"):
                write()
    finally:
        monkeypatch.undo()
        for folder in (hub.root, *(path for path in hub.root.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
    assert {ref.tag for ref in hub.refs.tags(NAME)} == {"v1", "latest"}

"""Files are whole or absent, whatever the disk or a kill does."""

import errno
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.storage import files


def leftovers(directory):
    return sorted(path.name for path in directory.iterdir() if path.name.startswith("."))


def failing(code):
    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    return fail


def test_write_makes_parents_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.txt"
    files.write_atomically(path, "é\n")
    files.write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_text_is_utf8(tmp_path):
    files.write_atomically(tmp_path / "t", "é")
    assert (tmp_path / "t").read_bytes() == b"\xc3\xa9"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "the disk is full. Free some space"),
        (errno.EDQUOT, "the disk is full. Free some space"),
        (errno.EROFS, "the disk is read-only. Choose another place"),
        (errno.EACCES, "permission denied. Choose another place"),
        (errno.EIO, "Input/output error. Check the path and the disk"),
    ],
)
@pytest.mark.parametrize("call", ["os.fsync", "os.replace"])
def test_a_refusing_disk_is_explained_and_leaves_the_old_file(
    tmp_path, monkeypatch, code, message, call
):
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(call, failing(code))
    with pytest.raises(ZooError) as caught:
        files.write_atomically(path, "new")
    monkeypatch.undo()
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_a_parent_that_is_a_file_is_explained(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ZooError, match="cannot write"):
        files.write_atomically(tmp_path / "file" / "x", "")


def test_sha256_of_many_pieces(tmp_path):
    content = os.urandom(3 * (1 << 20) + 5)
    (tmp_path / "f").write_bytes(content)
    assert files.sha256(tmp_path / "f") == hashlib.sha256(content).hexdigest()


def test_sha256_of_nothing_is_explained(tmp_path):
    with pytest.raises(ZooError, match="does not exist"):
        files.sha256(tmp_path / "none")


def test_new_directory_appears_whole(tmp_path):
    with files.new_directory(tmp_path / "deep" / "d") as directory:
        (directory / "x").write_text("1")
        assert not (tmp_path / "deep" / "d").exists()
        assert directory.parent == tmp_path / "deep"
        assert files.is_temporary(directory.name)
    assert (tmp_path / "deep" / "d" / "x").read_text() == "1"
    assert leftovers(tmp_path / "deep") == []


@pytest.mark.parametrize("can_exchange", [True, False])
def test_new_directory_replaces_the_old_one(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    final = tmp_path / "d"
    for content in ("old", "new"):
        with files.new_directory(final) as directory:
            (directory / content).write_text(content)
    assert [p.name for p in final.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_the_old_directory_is_never_absent_while_it_is_replaced(tmp_path):
    final = tmp_path / "d"
    script = (
        "import sys\nfrom pathlib import Path\nfrom zoo.storage.files import new_directory\n"
        "while True:\n"
        "    with new_directory(Path(sys.argv[1])) as d:\n        (d / 'x').write_text('x')\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, str(final)])
    try:
        deadline = time.monotonic() + 10
        while not final.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        seen = [final.is_dir() for _ in range(20_000)]
    finally:
        writer.kill()
        writer.wait()
    assert seen
    assert all(seen)


def test_a_failing_block_leaves_the_old_directory(tmp_path):
    final = tmp_path / "d"

    def fill(name, *, fail):
        with files.new_directory(final) as directory:
            (directory / name).touch()
            if fail:
                raise RuntimeError("mine")

    fill("old", fail=False)
    with pytest.raises(RuntimeError, match="mine"):
        fill("new", fail=True)
    assert [p.name for p in final.iterdir()] == ["old"]
    assert leftovers(tmp_path) == []


def test_a_full_disk_inside_the_block_is_explained(tmp_path):
    with pytest.raises(ZooError, match="disk is full"), files.new_directory(tmp_path / "d"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_the_previous_directory_comes_back_after_a_kill_between_two_renames(tmp_path):
    (tmp_path / ".previous-d").mkdir()
    (tmp_path / ".previous-d" / "x").touch()
    files.recover(tmp_path / "d")
    assert (tmp_path / "d" / "x").exists()
    assert leftovers(tmp_path) == []


def test_recover_leaves_a_whole_directory_alone(tmp_path):
    for name in ("d", ".previous-d"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    files.recover(tmp_path / "d")
    assert (tmp_path / "d" / "d").exists()


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_next_writer_clears_what_a_killed_one_left(tmp_path):
    stale = tmp_path / f".tmp-{files._host}-{dead_process()}-0123abcd"
    stale.mkdir()
    (stale / "x").touch()
    with files.new_directory(tmp_path / "d"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


def test_what_a_living_writer_works_on_is_kept(tmp_path):
    other = f".tmp-{files._host}-{os.getppid()}-0123abcd"
    (tmp_path / other).mkdir()
    with files.new_directory(tmp_path / "a") as one, files.new_directory(tmp_path / "b"):
        (one / "x").touch()
    assert (tmp_path / "a" / "x").exists()
    assert leftovers(tmp_path) == [other]


def test_another_machines_work_is_kept_for_a_day(tmp_path):
    names = [f".tmp-{'0' * 8}-{dead_process()}-{age}" for age in ("0000000a", "0000000b")]
    for name in names:
        (tmp_path / name).touch()
    yesterday = time.time() - 25 * 3600
    os.utime(tmp_path / names[1], (yesterday, yesterday))
    files.remove_stale(tmp_path)
    assert leftovers(tmp_path) == [names[0]]


def test_other_peoples_temporary_files_are_kept(tmp_path):
    for name in (".tmp-mine", ".tmp", "tmp"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    files.remove_stale(tmp_path)
    assert leftovers(tmp_path) == [".tmp", ".tmp-mine"]
    assert (tmp_path / "tmp").exists()


def test_a_killed_writer_leaves_a_name_that_readers_pass_over(tmp_path):
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from zoo.storage.files import new_directory\n"
        "with new_directory(Path(sys.argv[1])) as d:\n"
        "    (d / 'x').write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "d")])
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert files.is_temporary(left.name)
    files.remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_removed_directory_is_gone(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").touch()
    files.remove_directory(tmp_path / "d")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZooError, match="cannot delete"):
        files.remove_directory(tmp_path / "d")


def test_links_and_directories_are_no_plain_files(tmp_path):
    (tmp_path / "f").touch()
    (tmp_path / "link").symlink_to(tmp_path / "f")
    plain = {name: files.is_plain_file(tmp_path / name) for name in ("f", "link", ".", "none")}
    assert plain == {"f": True, "link": False, ".": False, "none": False}


def test_ids_are_random_and_easy_to_type():
    ids = {files.new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[2-9a-hj-km-np-z]{10}", one) for one in ids)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_directory_without_permission(tmp_path):
    locked = Path(tmp_path / "locked")
    locked.mkdir(mode=0o500)
    with pytest.raises(ZooError, match="permission denied"):
        files.write_atomically(locked / "x", "")

"""Checkpoints: the newest whole one counts, and no kill leaves a run without one."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.storage import checkpoint
from zoo.storage.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint
from zoo.storage.tree import ARRAYS, STRUCTURE


def state(value):
    return {"w": np.full(50, value), "count": value}


def keep_all(monkeypatch):
    """Have older checkpoints stay, as if the writer were killed before it deletes them."""
    monkeypatch.setattr(checkpoint.shutil, "rmtree", lambda *args, **kwargs: None)


def test_there_is_none_at_first(tmp_path):
    assert load_checkpoint(tmp_path) is None
    assert load_checkpoint(tmp_path / "absent") is None
    assert not has_checkpoint(tmp_path)


def test_the_newest_replaces_the_older_ones(tmp_path):
    for steps in (5, 900, 10_000):
        path = save_checkpoint(tmp_path / "c", state(steps), steps=steps)
    assert path.name == "000000010000"
    assert list((tmp_path / "c").iterdir()) == [path]
    loaded, steps = load_checkpoint(tmp_path / "c")
    assert steps == loaded["count"] == 10_000
    assert (loaded["w"] == 10_000).all()
    assert has_checkpoint(tmp_path / "c")


def test_the_same_steps_twice(tmp_path):
    save_checkpoint(tmp_path, state(1), steps=7)
    save_checkpoint(tmp_path, state(2), steps=7)
    assert load_checkpoint(tmp_path)[0]["count"] == 2


def test_more_digits_are_newer(tmp_path, monkeypatch):
    keep_all(monkeypatch)
    save_checkpoint(tmp_path, state(1), steps=10**12)
    save_checkpoint(tmp_path, state(2), steps=999_999_999_999)
    assert load_checkpoint(tmp_path)[1] == 10**12


def test_the_older_one_stays_until_the_new_one_is_complete(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, state(1), steps=1)
    seen = []

    def look(*args):
        seen.append(load_checkpoint(tmp_path)[1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_durably", look)
    with pytest.raises(ZooError, match="disk is full"):
        save_checkpoint(tmp_path, state(2), steps=2)
    assert seen == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["000000000001"]


def test_a_full_disk_in_the_middle_of_the_arrays(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    save_checkpoint(tmp_path, state(1), steps=1)
    script = (
        "import resource, sys\nimport numpy as np\n"
        "from zoo.storage.checkpoint import save_checkpoint\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "save_checkpoint(sys.argv[1], {'w': np.zeros(1_000_000)}, steps=2)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True)
    assert done.returncode != 0
    assert "ZooError: cannot write" in done.stderr
    assert "the disk is full" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["000000000001"]
    assert load_checkpoint(tmp_path)[1] == 1


def test_a_state_that_cannot_be_saved_leaves_the_older_one(tmp_path):
    save_checkpoint(tmp_path, state(1), steps=1)
    with pytest.raises(ZooError, match="cannot hold"):
        save_checkpoint(tmp_path, {"x": object()}, steps=2)
    assert [path.name for path in tmp_path.iterdir()] == ["000000000001"]


@pytest.mark.parametrize("name", ["checkpoint.json", STRUCTURE, ARRAYS])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove", "empty"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, monkeypatch, name, damage):
    keep_all(monkeypatch)
    save_checkpoint(tmp_path, state(1), steps=1)
    path = save_checkpoint(tmp_path, state(2), steps=2) / name
    whole = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "flip":
            path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
        case "remove":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
    assert load_checkpoint(tmp_path)[1] == 1


def test_saving_removes_a_damaged_newer_one(tmp_path):
    path = save_checkpoint(tmp_path, state(9), steps=9)
    (path / ARRAYS).write_bytes(b"")
    save_checkpoint(tmp_path, state(5), steps=5)
    assert [path.name for path in tmp_path.iterdir()] == ["000000000005"]


def test_only_damaged_ones_are_an_error(tmp_path):
    path = save_checkpoint(tmp_path, state(1), steps=1)
    (path / ARRAYS).write_bytes(b"")
    with pytest.raises(ZooError, match=r"no checkpoint in .* is whole: .*Start the run anew"):
        load_checkpoint(tmp_path)


def test_a_newer_format_says_upgrade_and_is_not_passed_over(tmp_path, monkeypatch):
    keep_all(monkeypatch)
    save_checkpoint(tmp_path, state(1), steps=1)
    path = save_checkpoint(tmp_path, state(2), steps=2) / "checkpoint.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 2}))
    with pytest.raises(ZooError, match=r"newer zoo \(format 2\).*pip install --upgrade"):
        load_checkpoint(tmp_path)


def test_unfinished_and_foreign_names_are_passed_over(tmp_path):
    save_checkpoint(tmp_path, state(1), steps=1)
    for name in (".tmp-00000000-1-00000000", "000000000099.bak", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "000000000100").touch()
    assert load_checkpoint(tmp_path)[1] == 1


WRITER = """
import sys, itertools
import numpy as np
from zoo.storage.checkpoint import save_checkpoint
for steps in itertools.count(int(sys.argv[2])):
    arrays = {str(i): np.full(20_000, steps) for i in range(5)}
    save_checkpoint(sys.argv[1], {"arrays": arrays, "steps": steps}, steps=steps)
    print(steps, flush=True)
"""


@pytest.mark.slow
def test_kill_at_random_moments_never_loses_what_was_saved(tmp_path):
    rng = random.Random(0)
    done = 0
    for _ in range(25):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(done + 1)], stdout=subprocess.PIPE
        )
        first = process.stdout.readline()  # it has begun to write
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        reported = [int(line) for line in [first, *process.communicate()[0].splitlines()]]
        state, steps = load_checkpoint(tmp_path)
        assert steps >= reported[-1] > done
        assert state["steps"] == steps
        assert all((array == steps).all() for array in state["arrays"].values())
        done = steps
    save_checkpoint(tmp_path, {}, steps=done + 1)
    assert [path.name for path in tmp_path.iterdir()] == [f"{done + 1:012d}"]

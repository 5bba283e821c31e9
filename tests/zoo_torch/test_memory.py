"""How much memory is free, as the machine and its control groups say."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo_torch import memory

GB = 1 << 30


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 10 GB available."""
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    write(tmp_path, {"proc/meminfo": f"MemTotal: 99 kB\nMemAvailable:  {10 * GB // 1024} kB"})
    return tmp_path


def test_the_machine_says(root: Path) -> None:
    assert memory.free_memory() == 10 * GB


def test_a_container_of_version_2_leaves_less(root: Path) -> None:
    write(root, {
        "proc/self/cgroup": "0::/batch/job",
        "sys/fs/cgroup/batch/job/memory.max": "max",
        "sys/fs/cgroup/batch/job/memory.current": f"{2 * GB}",
        "sys/fs/cgroup/batch/memory.max": f"{5 * GB}",
        "sys/fs/cgroup/batch/memory.current": f"{4 * GB}",
        "sys/fs/cgroup/batch/memory.stat": f"anon {GB}\ninactive_file {GB // 2}\nfile 7",
    })  # fmt: skip
    assert memory.free_memory() == 5 * GB - 4 * GB + GB // 2


def test_a_container_of_version_1_leaves_less(root: Path) -> None:
    write(root, {
        "proc/self/cgroup": "9:cpu,cpuacct:/\n4:memory:/docker/7f\n0::/",
        "sys/fs/cgroup/memory/docker/7f/memory.limit_in_bytes": f"{3 * GB}",
        "sys/fs/cgroup/memory/docker/7f/memory.usage_in_bytes": f"{GB}",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{9 * GB}",
    })  # fmt: skip
    assert memory.free_memory() == 2 * GB


def test_a_container_sees_its_own_group_at_the_top(root: Path) -> None:
    write(root, {
        "proc/self/cgroup": "4:memory:/docker/not-mounted-here",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GB}",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{2 * GB}",
    })  # fmt: skip
    assert memory.free_memory() == 0


@pytest.mark.parametrize("known", [["SC_AVPHYS_PAGES", "SC_PHYS_PAGES"], ["SC_PHYS_PAGES"], []])
def test_elsewhere_the_system_says_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: list[str]
) -> None:
    def sysconf(name: str) -> int:
        if name == "SC_PAGE_SIZE":
            return 4096
        if name not in known:
            raise ValueError("unrecognized configuration name")
        return 100 if name == "SC_AVPHYS_PAGES" else 1000

    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("os.sysconf", sysconf)
    assert memory.free_memory() == {2: 409_600, 1: 4_096_000, 0: None}[len(known)]

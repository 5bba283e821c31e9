"""How much memory is free, asked before a large buffer is allocated."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from zoo import ZooError

ROOT = Path("/")
"""Where `proc` and `sys` are."""


def check_room(needed: int, transitions: int) -> None:
    """Raise `ZooError` where a replay buffer of `transitions` needs more bytes than are free."""
    free = free_memory()
    if free is None or needed <= free:
        return
    fitting = _two_digits(int(transitions * 0.9 * free / needed))
    advice = f"Lower buffer_size to {fitting:,} or less" if fitting else "Lower buffer_size"
    raise ZooError(
        f"a replay buffer of {transitions:,} transitions needs {_gigabytes(needed)} of memory, "
        f"and {_gigabytes(free)} are free",
        advice,
    )


def free_memory() -> int | None:
    """Return the bytes that this process may still use without swapping; None if unknown.

    On Linux the least of what the machine and the control groups (containers, batch systems)
    leave, where caches of files count as free; elsewhere what the system says.
    """
    if sys.platform == "win32":
        return _free_on_windows()
    free = [*_available(), *_left_by_groups()]
    return min(free) if free else None


def _available() -> Iterator[int]:
    for line in _lines(ROOT / "proc/meminfo"):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024
            return
    for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"):  # macOS only knows how much there is
        try:
            yield os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
            return
        except (ValueError, OSError):
            continue


def _left_by_groups() -> Iterator[int]:
    """Yield what is left to the process's control group and each group around it."""
    for line in _lines(ROOT / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            mount, names = ROOT / "sys/fs/cgroup", ("memory.max", "memory.current")
            reclaimable = "inactive_file"
        elif "memory" in controllers.split(","):
            mount = ROOT / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            reclaimable = "total_inactive_file"
        else:
            continue
        group = mount / path.strip("/")
        for one in [group, *group.parents]:
            limit, used = (_number(one / name) for name in names)
            if limit is not None and used is not None:
                yield max(limit - used + _statistic(one / "memory.stat", reclaimable), 0)
            if one == mount:
                break


def _number(path: Path) -> int | None:
    """Return the number that a file holds; None for `max` and where there is no file."""
    text = "".join(_lines(path))
    return int(text) if text.isdigit() else None


def _statistic(path: Path, name: str) -> int:
    for line in _lines(path):
        if line.startswith(f"{name} "):
            return int(line.split()[1])
    return 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _free_on_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "available", *"abcde")),
        )

    status = Status(length=ctypes.sizeof(Status))
    windll = getattr(ctypes, "windll")  # noqa: B009 - type checkers elsewhere do not know it
    return status.available if windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:,.0f} GB" if number >= 1e11 else f"{number / 1e9:.3g} GB"


def _two_digits(number: int) -> int:
    """Return `number` with all digits but the first two set to 0."""
    unit = 10 ** max(len(str(number)) - 2, 0)
    return number // unit * unit

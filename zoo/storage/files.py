"""Files that are whole or absent: atomic writes, digests, and plain words for a full disk."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from zoo.errors import ZooError

Item = TypeVar("Item")

TEMPORARY = ".tmp-"
"""How the name of unfinished work begins; readers ignore it."""

_PREVIOUS = ".previous-"
_STALE_AFTER = 24 * 3600.0  # seconds; for leftovers whose writer cannot be asked
_CHUNK = 1 << 20
_MOST_AT_ONCE = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}

_host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]
_mine: set[str] = set()  # temporary names that this process is writing


def new_id() -> str:
    """Return a random name for a run: 10 characters that sort and type easily."""
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/i/l
    return "".join(secrets.choice(alphabet) for _ in range(10))


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's content in hexadecimal, reading it piece by piece."""
    digest = hashlib.sha256()
    with explain(path, "read"), open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def explain(path: Path | str, verb: str = "write") -> Iterator[None]:
    """Turn the operating system's refusals inside the block into one-line `ZooError`s."""
    try:
        yield
    except OSError as error:
        raise _explained(Path(path), verb, error) from error


def _explained(path: Path, verb: str, error: OSError) -> ZooError:
    if error.errno in _FULL:
        return ZooError(
            f"cannot {verb} {path}: the disk is full",
            "Free some space and try again; nothing half-written was left behind",
        )
    if error.errno == errno.EROFS:
        return ZooError(f"cannot {verb} {path}: the disk is read-only", "Choose another place")
    if error.errno in _FORBIDDEN:
        return ZooError(
            f"cannot {verb} {path}: permission denied",
            "Choose another place, or change its permissions",
        )
    if error.errno == errno.ENOENT and verb == "read":
        return ZooError(f"cannot read {path}: it does not exist", "Check the path")
    reason = error.strerror or type(error).__name__
    return ZooError(f"cannot {verb} {path}: {reason}", "Check the path and the disk")


def write_atomically(path: Path | str, content: bytes | str) -> None:
    """Write a file so that readers, and whoever comes after a crash, see all of it or the old one.

    Text is UTF-8. Missing parent directories are made. Raises `ZooError` where the disk refuses.
    """
    with new_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def new_file(final: Path | str) -> Iterator[BinaryIO]:
    """Give a file to write; when the block ends well it takes the place of `final`.

    If the block raises, nothing of it is left. Missing parent directories are made.
    """
    final = Path(final)
    with explain(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary_beside(final)
        try:
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, final)
            sync_directory(final.parent)
        finally:
            _discard(temporary)


@contextmanager
def new_directory(final: Path | str, *, durable: bool = True) -> Iterator[Path]:
    """Give an empty directory to fill; when the block ends well it takes the place of `final`.

    If the block raises, nothing of it is left. Leftovers of killed writers beside `final` are
    cleared first. Files inside must be written with `write_durably`, `copy_durably` or be
    synced by the caller. One that need not survive a power cut, since it can be made again, is
    not `durable` and costs no wait for the disk.
    """
    final = Path(final)
    with explain(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(final.parent)
        temporary = _temporary_beside(final)
        try:
            temporary.mkdir()
            yield temporary
            if durable:
                sync_directory(temporary)
            replace_directory(temporary, final, durable=durable)
        finally:
            _discard(temporary)


def at_once(work: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Call `work` with each item, in threads: writing waits for the disk, which serves many.

    What it raises first, in the order of the items, is raised when all have ended.
    """
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        for _ in pool.map(work, items):
            pass


def write_durably(path: Path, content: bytes) -> None:
    """Write a file inside a directory of `new_directory` and push it to the disk."""
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def copy_durably(source: Path, path: Path) -> None:
    """Copy a file into a directory of `new_directory` and push it to the disk."""
    with open(source, "rb") as original, open(path, "xb") as file:
        shutil.copyfileobj(original, file, _CHUNK)
        file.flush()
        os.fsync(file.fileno())


def replace_directory(temporary: Path, final: Path, *, durable: bool = True) -> None:
    """Put the directory `temporary` in the place of `final`; both lie in the same directory.

    Where the system can exchange two names (Linux), `final` is never absent. Elsewhere the old
    one is called `.previous-<name>` for a moment, from which `recover` brings it back.
    """
    if not os.path.lexists(final):
        os.rename(temporary, final)
    elif _exchange(temporary, final):
        _discard(temporary)  # the old content now has the temporary name
    else:
        previous = final.with_name(_PREVIOUS + final.name)
        _discard(previous)
        os.rename(final, previous)
        os.rename(temporary, final)
        _discard(previous)
    if durable:
        sync_directory(final.parent)


def remove_directory(path: Path) -> None:
    """Delete a directory: at once for its readers, even where deleting it takes long."""
    doomed = _temporary_beside(path)
    with explain(path, "delete"):
        try:
            os.rename(path, doomed)
        finally:
            _discard(doomed)


def recover(final: Path) -> None:
    """Bring back a directory whose replacement was killed between its two renames."""
    previous = final.with_name(_PREVIOUS + final.name)
    if not final.exists() and previous.is_dir():
        with suppress(OSError):
            os.rename(previous, final)


def remove_stale(directory: Path) -> None:
    """Delete the temporary files and directories whose writers are gone."""
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY) and _is_stale(entry):
                _discard(Path(entry.path))


def is_temporary(name: str) -> bool:
    """Say whether a name belongs to unfinished work, which readers pass over."""
    return name.startswith((TEMPORARY, _PREVIOUS))


def is_plain_file(path: Path) -> bool:
    """Say whether `path` itself is a regular file: no link, directory or device."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def sync_directory(directory: Path) -> None:
    """Push a directory's names to the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _temporary_beside(path: Path) -> Path:
    name = f"{TEMPORARY}{_host}-{os.getpid()}-{secrets.token_hex(4)}"
    _mine.add(name)
    return path.with_name(name)


def _discard(path: Path) -> None:
    """Delete a file or a directory tree if it is there, and forget that we were writing it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
    _mine.discard(path.name)


def _is_stale(entry: os.DirEntry[str]) -> bool:
    match = re.fullmatch(r"([0-9a-f]{8})-(\d+)-[0-9a-f]{8}", entry.name[len(TEMPORARY) :])
    if not match:
        return False  # somebody else's
    if match[1] == _host:
        process = int(match[2])
        if process == os.getpid():
            return entry.name not in _mine
        if not _is_alive(process):
            return True
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_AFTER


def _is_alive(process: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 is only a question on POSIX
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step with Linux's renameat2; False where that does not exist."""
    if sys.platform != "linux":
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0

"""Zip files of strangers, read in memory: nothing is ever unpacked to the disk."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from types import TracebackType

from zoo.errors import ZooError
from zoo.storage.files import explain

MAX_MEMBERS = 20_000
MAX_BYTES = 1 << 30
"""Of all members together, unpacked."""
_MAX_RATIO = 100
"""Of what a member unpacks to and what it is packed in; numbers hardly shrink at all."""
_FREE = 1 << 20  # bytes that any member may have
_MAX_DIRECTORY = 8 << 20
_TAIL = 22 + (1 << 16) + 20 + 56  # the two end records, the locator between them, a comment
_DRIVE = re.compile(r"[A-Za-z]:")
_HINT = "The file is damaged or hostile; nothing was unpacked"
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, LookupError,
    NotImplementedError, RuntimeError, OverflowError,
)  # fmt: skip


class Archive:
    """A zip file, whose members have been checked: plain names, no links, sizes within limits."""

    def __init__(self, source: Path | bytes, where: str = "") -> None:
        """Open a file or bytes; `where` names them in the `ZooError` for anything odd."""
        self.where = where or str(source)
        with explain(Path(self.where), "read"):
            file = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
        try:
            self._check_directory(file)
            self._zip = zipfile.ZipFile(file)
            self._members = self._checked_members()
        except _BROKEN as error:
            file.close()
            raise self._broken(str(error) or type(error).__name__) from error
        except ZooError:
            file.close()
            raise
        self._file = file

    @property
    def names(self) -> list[str]:
        """The names of the members, as they stand in the file."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Return how many bytes a member says that it has."""
        return self._members[name].file_size

    def read(self, name: str, limit: int = MAX_BYTES) -> bytes:
        """Return a member's content, at most `limit` bytes of it, its checksum verified."""
        if name not in self._members:
            raise ZooError(f"{self.where} has no member {name!r}", "Is it the right file?")
        member = self._members[name]
        if member.file_size > limit:
            raise self._broken(f"{name} has {member.file_size} bytes, more than {limit}")
        try:
            with self._zip.open(member) as stream:
                data = stream.read(member.file_size + 1)
        except _BROKEN as error:
            raise self._broken(f"{name}: {error or type(error).__name__}") from error
        if len(data) != member.file_size:
            raise self._broken(f"{name} has another size than it says")
        return data

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()
        self._file.close()

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for info in self._zip.infolist():
            name = info.orig_filename
            total += info.file_size
            if info.is_dir():
                continue
            if name in members:
                raise self._broken(f"the member {name[:80]!r} stands twice in it")
            if not is_plain_name(name):
                raise self._broken(f"the member {name[:80]!r} leads out of it")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise self._broken(f"the member {name[:80]!r} is a link")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._broken(f"the member {name[:80]!r} is packed in an unknown way")
            if info.file_size > _FREE + _MAX_RATIO * info.compress_size:
                raise self._broken(f"the member {name[:80]!r} would unpack to too much")
            members[name] = info
        if len(members) > MAX_MEMBERS or total > MAX_BYTES:
            raise self._broken(f"it would unpack to {len(members)} members of {total} bytes")
        return members

    def _check_directory(self, file: io.BufferedReader | io.BytesIO) -> None:
        """Refuse a list of members that would fill the memory, before `zipfile` reads it."""
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
        end = tail.rfind(b"PK\x05\x06")
        if end < 0 or len(tail) < end + 22:
            raise self._broken("it is no zip file, or cut off")
        sizes = [struct.unpack_from("<I", tail, end + 12)[0]]
        if tail[max(0, end - 20) : end].startswith(b"PK\x06\x07"):
            (offset,) = struct.unpack_from("<Q", tail, end - 20 + 8)
            before = size - len(tail) + end - 20 - 56  # where `zipfile` reads it
            if offset != before or end < 76 or tail[end - 76 : end - 72] != b"PK\x06\x06":
                raise self._broken("its end is damaged")
            sizes = [struct.unpack_from("<Q", tail, end - 76 + 40)[0]]
        if max(sizes) > _MAX_DIRECTORY:
            raise self._broken("its list of members is too long")
        file.seek(0)

    def _broken(self, reason: str) -> ZooError:
        line = " ".join(reason.split())[:200]
        return ZooError(f"{self.where} cannot be read: {line}", _HINT)


def is_zip(data: bytes) -> bool:
    """Say whether bytes begin as a zip file does."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def is_plain_name(name: str) -> bool:
    """Say whether a member's name stays inside: relative, no `..`, no drive, no backslash."""
    parts = name.split("/")
    odd = "\\" in name or "\0" in name or name.startswith("/") or bool(_DRIVE.match(name))
    return not odd and ".." not in parts and "" not in parts

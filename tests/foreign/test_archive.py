"""Zip files are checked before a member is believed, and nothing is ever unpacked."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.foreign import archive
from zoo.foreign.archive import Archive


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], packing: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as file:
        for name, data in members:
            file.writestr(name, data)
    return buffer.getvalue()


def test_members_are_read() -> None:
    data = zipped(("a", b"1" * 1000), ("folder/b", b"2"), packing=zipfile.ZIP_DEFLATED)
    with Archive(data, "x.zip") as opened:
        assert opened.names == ["a", "folder/b"]
        assert opened.read("a") == b"1" * 1000
        assert opened.size("a") == 1000
        with pytest.raises(ZooError, match="no member 'c'"):
            opened.read("c")
        with pytest.raises(ZooError, match="more than 10"):
            opened.read("a", 10)


def test_directories_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(("folder/", b""), ("folder/b", b"2")))
    with Archive(path) as opened:
        assert opened.names == ["folder/b"]


@pytest.mark.parametrize(
    "name",
    ["../up", "a/../../up", "/etc/passwd", "C:/windows", "c:x", "a\\b", "..", "a//b", "a/./../b"],
)
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(ZooError, match="leads out of it"):
        Archive(zipped((name, b"x")), "x.zip")


def test_links_are_refused() -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ZooError, match="is a link"):
        Archive(zipped((link, b"/etc/passwd")), "x.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_stands_once() -> None:
    with pytest.raises(ZooError, match="stands twice"):
        Archive(zipped(("a", b"1"), ("a", b"2")), "x.zip")


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(("a", b"\0" * (64 << 20)), packing=zipfile.ZIP_DEFLATED)
    large = zipped(("a", b"\0" * (1 << 20)), ("b", b"\0" * (1 << 20)))
    assert len(bomb) < 100_000
    monkeypatch.setattr(archive, "MAX_BYTES", (2 << 20) - 1)
    tracemalloc.start()
    with pytest.raises(ZooError, match="would unpack to too much"):
        Archive(bomb, "x.zip")
    with pytest.raises(ZooError, match="would unpack to 2 members of 2097152 bytes"):
        Archive(large, "x.zip")
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_size_that_lies_is_refused() -> None:
    data = bytearray(zipped(("a", b"\0" * 100_000), packing=zipfile.ZIP_DEFLATED))
    directory = data.rindex(b"PK\x01\x02")
    for size in (10, 200_000):
        data[directory + 24 : directory + 28] = struct.pack("<I", size)
        with Archive(bytes(data), "x.zip") as opened, pytest.raises(ZooError, match="cannot be"):
            opened.read("a")


def test_too_many_members_are_refused_before_they_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "_MAX_DIRECTORY", 1000)
    with pytest.raises(ZooError, match="list of members is too long"):
        Archive(zipped(*((f"member-{i}", b"") for i in range(100))), "x.zip")
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    with pytest.raises(ZooError, match="would unpack to 3 members"):
        Archive(zipped(("a", b""), ("b", b""), ("c", b"")), "x.zip")


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    with pytest.raises(ZooError) as caught:
        Archive(data, "x.zip")
    assert "\n" not in str(caught.value)


def test_damage_shows() -> None:
    data = bytearray(zipped(("a", b"hello world")))
    data[data.index(b"hello")] ^= 1
    with Archive(bytes(data), "x.zip") as opened, pytest.raises(ZooError, match="CRC"):
        opened.read("a")
    packed = zipped(("a", b"hello" * 100), packing=zipfile.ZIP_LZMA)
    with pytest.raises(ZooError, match="packed in an unknown way"):
        Archive(packed, "x.zip")
    encrypted = bytearray(zipped(("a", b"x")))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    with Archive(bytes(encrypted), "x.zip") as opened, pytest.raises(ZooError, match="encrypted"):
        opened.read("a")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="does not exist"):
        Archive(tmp_path / "x.zip")


def test_an_end_record_elsewhere_cannot_hide_a_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MAX_DIRECTORY", 1000)
    whole = zipped(*((f"member-{i}", b"") for i in range(100)))
    cut = whole.rindex(b"PK\x05\x06")
    start, size = (struct.unpack_from("<I", whole, cut + at)[0] for at in (16, 12))

    def end(size: int) -> bytes:
        return b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 100, 100, size, start)

    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, cut, 1)  # the first of the two records
    last = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 100, 100, (1 << 32) - 1, start, 0)
    with pytest.raises(ZooError, match="its end is damaged"):
        Archive(whole[:cut] + end(10) + end(size) + locator + last, "x.zip")
    with pytest.raises(ZooError, match="list of members is too long"):
        Archive(whole[:cut] + end(size) + locator + last, "x.zip")

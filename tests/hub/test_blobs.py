"""A blob is what its name says, or it is not there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from zoo import ZooError
from zoo.hub.blobs import BlobStore

CONTENT = bytes(range(256)) * 10_000  # more than two of the pieces in which files are read


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_content_is_kept_under_its_digest_once(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    digest = digest_of(CONTENT)
    assert digest not in blobs
    assert blobs.add(source, digest)
    assert not blobs.add(source, digest)
    assert not blobs.add(CONTENT, digest)
    assert blobs.path(digest).read_bytes() == CONTENT
    assert blobs.read(digest, most=len(CONTENT)) == CONTENT
    assert list(blobs.digests()) == [digest]
    assert blobs.is_whole(digest)


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_any_size_fits(blobs: BlobStore, size: int) -> None:
    content = CONTENT[:size]
    for _ in range(2):
        blobs.add(content, digest_of(content))
    assert blobs.path(digest_of(content)).read_bytes() == content


def test_other_content_than_promised_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    with pytest.raises(ZooError, match=r"source is damaged: its SHA-256 is .*, not 0000"):
        blobs.add(source, "0" * 64)
    assert files_in(blobs.root) == []


def test_a_damaged_blob_is_noticed_and_healed_by_the_next_push(blobs: BlobStore) -> None:
    digest = digest_of(CONTENT)
    blobs.add(CONTENT, digest)
    path = blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"\1" + CONTENT[1:])
    assert not blobs.is_whole(digest)
    with pytest.raises(ZooError, match="damaged"):
        blobs.read(digest, most=len(CONTENT))
    with pytest.raises(ZooError, match="damaged"):  # the damage is no source for itself
        blobs.add(path, digest)
    assert blobs.add(CONTENT, digest)
    assert blobs.is_whole(digest)


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT + b"x"])
def test_a_blob_of_another_length_is_healed_too(blobs: BlobStore, damage: bytes) -> None:
    digest = digest_of(CONTENT)
    blobs.add(CONTENT, digest)
    blobs.path(digest).chmod(0o644)
    blobs.path(digest).write_bytes(damage)
    assert blobs.add(CONTENT, digest)
    assert blobs.is_whole(digest)


def test_a_blob_cannot_be_edited_by_mistake(blobs: BlobStore) -> None:
    blobs.add(CONTENT, digest_of(CONTENT))
    assert blobs.path(digest_of(CONTENT)).stat().st_mode & 0o222 == 0


def test_what_comes_in_is_limited(blobs: BlobStore) -> None:
    with (
        pytest.raises(ZooError, match="upload is larger than the 5 bytes"),
        blobs.incoming("0" * 64, where="upload", most=5) as incoming,
    ):
        incoming.write(b"123456")
    with pytest.raises(ZooError, match="damaged"):
        blobs.read(_added(blobs, b"123456"), most=5)
    assert len(files_in(blobs.root)) == 1


def _added(blobs: BlobStore, content: bytes) -> str:
    blobs.add(content, digest_of(content))
    return digest_of(content)


@pytest.mark.parametrize("digest", ["", "../../x", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "/etc"])
def test_a_digest_is_no_path(blobs: BlobStore, digest: str) -> None:
    with pytest.raises(ZooError, match="no SHA-256"):
        blobs.path(digest)


def test_a_link_is_no_blob(blobs: BlobStore, tmp_path: Path) -> None:
    digest = digest_of(b"x")
    (tmp_path / "x").write_bytes(b"x")
    blobs.path(digest).parent.mkdir(parents=True)
    os.symlink(tmp_path / "x", blobs.path(digest))
    assert digest not in blobs
    assert blobs.add(b"x", digest)
    assert not blobs.path(digest).is_symlink()

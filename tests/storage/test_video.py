from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from zoo import ZooError
from zoo.storage.video import Video

pytest.importorskip("imageio_ffmpeg")

PICTURE = np.full((32, 32, 3), 128, np.uint8)
PICTURE_OF_CTRL_C = PICTURE.copy()


def film(path: Path, *frames: object) -> None:
    with Video(path, 30) as video:
        for frame in frames:
            video.add(frame)
            if frame is PICTURE_OF_CTRL_C:
                raise KeyboardInterrupt


def fake_ffmpeg(folder: Path, script: str) -> str:
    """Return a program that stands in for ffmpeg."""
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    "frame",
    [PICTURE, PICTURE[..., :1], PICTURE[..., 0], np.full((32, 32, 4), 9, np.uint8), PICTURE[::-1]],
)
def test_pictures_of_all_kinds_are_taken(tmp_path: Path, frame: np.ndarray) -> None:
    with Video(tmp_path / "a.mp4", 30) as video:
        video.add(frame)
        video.add(frame)
    assert video.frames == 2
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a.mp4").stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize(
    "frame", [None, [], PICTURE[..., :2], PICTURE.astype(float), "picture", PICTURE[:0]]
)
def test_what_is_no_picture_is_refused(tmp_path: Path, frame: object) -> None:
    with pytest.raises(ZooError, match="picture"):
        film(tmp_path / "a.mp4", frame)
    assert os.listdir(tmp_path) == []


def test_pictures_keep_their_size(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"\(16, 32, 3\) follows one of \(32, 32, 3\)"):
        film(tmp_path / "a.mp4", PICTURE, PICTURE[:16])
    assert os.listdir(tmp_path) == []


def test_a_video_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="no frames"):
        film(tmp_path / "a.mp4")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "script",
    [
        "cat > /dev/null; echo 'a.mp4: No space left on device' >&2; exit 1",
        "echo 'a.mp4: No space left on device' >&2; exit 1",
    ],
    ids=["at the end", "at once"],
)
def test_a_full_disk_is_told_in_ffmpegs_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", fake_ffmpeg(programs, script))
    folder = tmp_path / "videos"
    with pytest.raises(ZooError, match=r"No space left on device\. Check that the disk has room"):
        film(folder / "a.mp4", *[PICTURE] * 200)
    assert os.listdir(folder) == []


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        film(tmp_path / "a.mp4", PICTURE, PICTURE_OF_CTRL_C)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match="cannot write"):
        film(tmp_path / "file" / "a.mp4", PICTURE)

"""Videos: frames become an H.264 file that browsers play, whole or not at all."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from zoo.errors import MissingExtra, ZooError
from zoo.storage.files import TEMPORARY, explain

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
_SECONDS_TO_FINISH = 600


class Video:
    """A video to which frames are added one by one, as a context manager.

    `path` appears, or is replaced, when the block ends well. Raises `MissingExtra` without
    imageio-ffmpeg, and `ZooError` where the name, a frame or the disk does not do.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self.fps = path, fps
        self.frames = 0
        self._shape: tuple[int, ...] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._check_path()
        self._program = _ffmpeg()

    def __enter__(self) -> Video:
        with explain(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(
                prefix=TEMPORARY, suffix=self.path.suffix, dir=self.path.parent
            )
            os.close(handle)
        self._temporary = Path(name)
        self._log: IO[bytes] = tempfile.TemporaryFile()
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def add(self, frame: Any) -> None:
        """Add a frame: uint8 of shape (height, width, 3), or (…, 4), or (height, width)."""
        image = _as_rgb(frame)
        if self._shape is None:
            self._shape = image.shape
            self._start(*image.shape[:2])
        if image.shape != self._shape:
            raise ZooError(f"a frame of shape {image.shape} follows one of {self._shape}")
        try:
            self._input.write(image.tobytes())
        except OSError as error:  # ffmpeg has given up, and says why
            raise self._failure() from error
        self.frames += 1

    def _start(self, height: int, width: int) -> None:
        command = [
            self._program, "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
            "-r", f"{self.fps:g}", "-i", "pipe:0", "-an",
            # H.264 in 4:2:0 needs even sizes: a black line is better than a blurred picture
            "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2",
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart",
            str(self._temporary),
        ]  # fmt: skip
        # In a session of its own, Ctrl-C reaches us alone.
        self._process = subprocess.Popen(  # noqa: S603 - the program of imageio-ffmpeg
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def _input(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin

    def _finish(self) -> None:
        if self._process is None:
            raise ZooError(f"there are no frames for {self.path}")
        try:
            self._input.close()
            failed = self._process.wait(_SECONDS_TO_FINISH) != 0
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._failure() from error
        if failed or not self._temporary.stat().st_size:
            raise self._failure()
        with explain(self.path):
            umask = os.umask(0)
            os.umask(umask)
            self._temporary.chmod(0o666 & ~umask)  # mkstemp makes it readable to us alone
            self._temporary.replace(self.path)

    def _discard(self) -> None:
        if self._process is not None:
            with suppress(OSError):
                self._input.close()
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._temporary.unlink(missing_ok=True)

    def _failure(self) -> ZooError:
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)  # until its last words are written
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return ZooError(
            f"the video {self.path} could not be written: {lines[-1] if lines else 'ffmpeg died'}",
            "Check that the disk has room",
        )

    def _check_path(self) -> None:
        if self.path.suffix.lower() not in SUFFIXES:
            raise ZooError(
                f"{self.path.name} is no name for a video", f"Let it end in {', '.join(SUFFIXES)}"
            )
        if self.path.is_dir():
            raise ZooError(f"{self.path} is a directory", "Name a file in it: FILE.mp4")


def _ffmpeg() -> str:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise MissingExtra("recording", "video") from None
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise ZooError(
            "imageio-ffmpeg has no ffmpeg for this machine",
            "Install ffmpeg, or name it: export IMAGEIO_FFMPEG_EXE=/path/to/ffmpeg",
        ) from error


def _as_rgb(frame: Any) -> np.ndarray:
    """Return a frame as contiguous uint8 of shape (height, width, 3)."""
    image = np.asarray(frame)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        what = f"{image.dtype} of shape {image.shape}" if image.ndim else type(frame).__name__
        raise ZooError(
            f"the environment drew no picture but {what}",
            "A frame is uint8 of shape (height, width, 3)",
        )
    if image.ndim == 2:
        image = image[..., None]
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    if image.shape[2] not in (3, 4):
        raise ZooError(f"a frame has {image.shape[2]} channels, a picture has 1, 3 or 4")
    return np.ascontiguousarray(image[..., :3])

"""RGB video from folders and video files, lazily; video files need the extra ``video``."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.rgb_codec import read_rgb
from stdnet_arch.data.recordings.frame_files import list_frames

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


class RGBReader(Protocol):
    """RGB video that can be read from any frame on."""

    count: int | None
    """Number of frames; None if only reading to the end would tell."""
    fps: float | None
    """Frames per second, if known."""

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The frames from ``start`` on, ``(H, W, 3)``, RGB."""


class RGBFiles:
    """One PNG or JPEG per frame.

    Args:
        files: in order.
        fps: frames per second, if known.
    """

    def __init__(self, files: Sequence[Path], fps: float | None = None) -> None:
        self.files = list(files)
        self.count: int | None = len(self.files)
        self.fps = fps

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The frames from ``start`` on, one at a time."""
        return (read_rgb(path) for path in self.files[start:])


class RGBFolder(RGBFiles):
    """All PNG or JPEG files of a folder.

    Args:
        folder: where they lie.
        by_name: see :func:`stdnet_arch.data.recordings.frame_files.list_frames`.
    """

    def __init__(self, folder: Path, by_name: bool = False) -> None:
        super().__init__(list_frames(folder, IMAGE_SUFFIXES, by_name))


class RGBVideo:
    """A file that ffmpeg reads.

    Args:
        path: mp4, mov, mkv, avi, ...
        upright: turn frames as the file's metadata asks players to; False: as the sensor gave them.
    """

    def __init__(self, path: Path, upright: bool = True) -> None:
        self.path = path
        self.upright = upright
        with self._open() as container:
            stream = container.streams.video[0]
            self.count = stream.frames or None
            self.fps = float(stream.average_rate) if stream.average_rate else None

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The frames from ``start`` on; those before are decoded, since they must be counted."""
        with self._open() as container:
            try:
                for frame in islice(container.decode(video=0), start, None):
                    yield self._turn(frame.to_ndarray(format="rgb24"), frame.rotation)
            except import_av().error.FFmpegError as error:
                raise ValueError(f"{self.path}: a frame cannot be decoded: {error}") from error

    def _turn(self, rgb: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
        """Counter-clockwise by what the metadata says; only right angles can be."""
        if not (self.upright and degrees):
            return rgb
        if degrees % 90:
            raise ValueError(f"{self.path}: a video can be turned by 90, 180, 270; got {degrees}")
        return np.ascontiguousarray(np.rot90(rgb, degrees // 90))

    def _open(self) -> Any:  # noqa: ANN401  an optional library
        av = import_av()
        try:
            container = av.open(str(self.path))
        except av.error.FFmpegError as error:
            raise ValueError(f"{self.path}: expected a video; {error}") from error
        if not container.streams.video:
            container.close()
            raise ValueError(f"{self.path}: expected a video; got a file without pictures")
        container.streams.video[0].thread_type = "AUTO"
        return container


def open_rgb(path: Path, by_name: bool = False) -> RGBReader:
    """RGB video at a path: a folder of PNG or JPEG, or a video file.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it cannot be read, or frames are missing.
        ImportError: it is a video and PyAV is not installed.
    """
    if path.is_dir():
        return RGBFolder(path, by_name)
    if not path.exists():
        raise FileNotFoundError(f"expected RGB at {path}; it does not exist")
    return RGBVideo(path)


def import_av() -> Any:  # noqa: ANN401  an optional library
    """PyAV, or an error that says how to get it."""
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "video files need PyAV: pip install 'stdnet_arch[video]'; got no such module"
        ) from error
    return av

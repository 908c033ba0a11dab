"""RGB video from folders and video files, lazily; video files need the extra ``video``."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.frame_files import is_pattern, list_frames
from stdnet_arch.data.recordings.picture_file import (
    PICTURE_SUFFIXES,
    orientation_of,
    read_picture,
)
from stdnet_arch.data.recordings.sequential import pick
from stdnet_arch.data.recordings.video_stream import VideoStream, decoding, open_container
from stdnet_arch.utils.input_errors import InputError

IMAGE_SUFFIXES = PICTURE_SUFFIXES


class RGBReader(Protocol):
    """RGB video that can be read from any frame on."""

    count: int | None
    """Number of frames; None if only reading to the end would tell."""
    fps: float | None
    """Frames per second, if known."""

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The frames from ``start`` on, ``(H, W, 3)``, RGB."""


class RGBFiles:
    """One picture per frame, as it is stored.

    Args:
        files: PNG, JPEG, WebP, HEIC, ..., in order.
        fps: frames per second, if known.
    """

    def __init__(self, files: Sequence[Path], fps: float | None = None) -> None:
        self.files = list(files)
        self.count: int | None = len(self.files)
        self.fps = fps
        self.tag_degrees = orientation_of(self.files[0]) if self.files else 0

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The frames from ``start`` on, one at a time."""
        return (read_picture(path) for path in self.files[start:])


class RGBFolder(RGBFiles):
    """All pictures of a folder.

    Args:
        folder: folder of the files, or a pattern of files.
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
        with open_container(self.path) as container:
            stream = container.streams.video[0]
            self.count = stream.frames or None
            self.fps = float(stream.average_rate) if stream.average_rate else None
        if self.count is None:
            self.count = len(self.times_s())

    def turned_degrees(self) -> int:
        """Return the degrees clockwise that the metadata ask players to turn by."""
        with open_container(self.path) as container, decoding(self.path):
            frame = next(container.decode(video=0), None)
        return 0 if frame is None else -frame.rotation % 360

    def times_s(self) -> list[float]:
        """Read the presentation times [s] of all frames, without decoding."""
        return VideoStream(self.path).times_s()

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """The frames from ``start`` on; those before are decoded, since they must be counted."""
        with open_container(self.path) as container, decoding(self.path):
            container.streams.video[0].thread_type = "AUTO"
            for frame in islice(container.decode(video=0), start, None):
                yield self._turn(frame.to_ndarray(format="rgb24"), frame.rotation)

    def _turn(self, rgb: NDArray[np.uint8], degrees: int) -> NDArray[np.uint8]:
        """Counter-clockwise by what the metadata says; only right angles can be."""
        if not (self.upright and degrees):
            return rgb
        if degrees % 90:
            raise InputError(f"{self.path}: a video can be turned by 90, 180, 270; got {degrees}")
        return np.ascontiguousarray(np.rot90(rgb, degrees // 90))


class PickedRGB:
    """Some frames of a reader, in an order of their own.

    Args:
        rgb: all frames.
        places: indices of the frames.
    """

    def __init__(self, rgb: RGBReader, places: Sequence[int]) -> None:
        self.rgb, self.places = rgb, list(places)
        self.count: int | None = len(self.places)
        self.fps = rgb.fps

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield the frames from ``start`` on."""
        return pick(self.rgb.frames, self.places[start:])


class TurnedRGB:
    """RGB turned by right angles.

    Args:
        rgb: the frames.
        degrees: clockwise.
    """

    def __init__(self, rgb: RGBReader, degrees: int) -> None:
        self.rgb, self.turns = rgb, -(degrees // 90)
        self.count, self.fps = rgb.count, rgb.fps

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield the frames from ``start`` on, turned."""
        return (np.ascontiguousarray(np.rot90(rgb, self.turns)) for rgb in self.rgb.frames(start))


def open_rgb(path: Path, by_name: bool = False, upright: bool = True) -> RGBReader:
    """Open RGB video at a path.

    Args:
        path: a folder of pictures, a pattern of them (``X/*.color.png``), one picture, or a video.
        by_name: see :func:`stdnet_arch.data.recordings.frame_files.list_frames`.
        upright: turn a video as its metadata asks players to.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it cannot be read, or frames are missing.
        ImportError: it is a video and PyAV is not installed.
    """
    if path.is_dir() or is_pattern(path):
        return RGBFolder(path, by_name)
    if not path.exists():
        raise FileNotFoundError(f"expected RGB at {path}; it does not exist")
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return RGBFiles([path])
    return RGBVideo(path, upright)

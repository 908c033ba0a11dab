"""Depth video from folders, stacks and videos, lazily, in metres."""

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.depth_codec import load_npy, load_npz
from stdnet_arch.data.codecs.depth_file import SUFFIXES
from stdnet_arch.data.codecs.rgb_codec import read_gray
from stdnet_arch.data.recordings.frame_files import is_pattern, list_frames
from stdnet_arch.data.recordings.sequential import SequentialDepth
from stdnet_arch.data.recordings.stored_depth import DepthCoding, read_metres, to_metres
from stdnet_arch.data.recordings.video_stream import VideoStream, check_gray16, gray16_frames

STACK_SUFFIXES = (".npy", ".npz")
VIDEO_SUFFIXES = (".mkv", ".avi", ".mov", ".mp4", ".nut")


class DepthReader(Protocol):
    """Depth video with random access."""

    def __len__(self) -> int:
        """Number of frames."""

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``; "no depth" is 0, NaN or inf."""

    def name(self, i: int) -> str:
        """Name frame ``i``, without an ending."""


class DepthFiles:
    """One file per frame.

    Args:
        files: npy, npz, 16-bit PNG, TIFF or EXR files, in order.
        coding: meaning of the stored values.
        names: names of the frames; None: like their files.
    """

    def __init__(
        self, files: Sequence[Path], coding: DepthCoding, names: Sequence[str] | None = None
    ) -> None:
        self.coding = coding
        self.files = list(files)
        self.names = [path.stem for path in self.files] if names is None else list(names)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.files)

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``."""
        return read_metres(self.files[i], self.coding)

    def name(self, i: int) -> str:
        """The file's name without its ending, or the name that was given."""
        return self.names[i]


class DepthFolder(DepthFiles):
    """All depth files of a folder.

    Args:
        folder: npy, npz, 16-bit PNG, TIFF or EXR files, all of one kind.
        coding: meaning of the stored values.
        by_name: see :func:`stdnet_arch.data.recordings.frame_files.list_frames`.
    """

    def __init__(self, folder: Path, coding: DepthCoding, by_name: bool = False) -> None:
        files = list_frames(folder, SUFFIXES, by_name)
        kinds = sorted({path.suffix.lower() for path in files})
        if len(kinds) > 1:
            raise ValueError(f"expected depth files of one kind in {folder}; got {kinds}")
        super().__init__(files, coding)


class ConfidentDepth:
    """Depth whose pixels of low confidence are "no depth".

    Args:
        depth: the frames.
        confidence: an 8-bit PNG per frame, of the same size, or what reads it; ARKit's values are
            0, 1 and 2.
        minimum: pixels below it become 0.

    Raises:
        ValueError: there are not as many files as frames.
    """

    def __init__(
        self,
        depth: DepthReader,
        confidence: Sequence[Path] | Callable[[int], NDArray[np.uint8]],
        minimum: int,
    ) -> None:
        if not callable(confidence) and len(confidence) != len(depth):
            raise ValueError(
                f"expected a confidence file per depth frame; got {len(confidence)} for "
                f"{len(depth)} frames"
            )
        self.depth, self.confidence, self.minimum = depth, confidence, minimum

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.depth)

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``."""
        depth_m, source = self.depth.read(i), self.confidence
        confidence = source(i) if callable(source) else read_gray(source[i])
        if confidence.shape != depth_m.shape:
            place = self.name(i) if callable(source) else source[i]
            raise ValueError(
                f"{place}: expected confidence of the size of the depth, {depth_m.shape}; got "
                f"{confidence.shape}"
            )
        return np.where(confidence >= self.minimum, depth_m, np.float32(0))

    def name(self, i: int) -> str:
        """As the depth's."""
        return self.depth.name(i)


class DepthStack:
    """All frames in one array.

    Args:
        path: npy (memory-mapped) or npz (loaded whole), ``(t, h, w)``; a channel axis of length 1
            may stand behind ``t`` or at the end.
        coding: meaning of the stored values.
    """

    def __init__(self, path: Path, coding: DepthCoding) -> None:
        self.path = path
        self.coding = coding
        npy = path.suffix.lower() == ".npy"
        self.stored = load_npy(path) if npy else load_npz(path, coding.npz_key)
        if self.stored.ndim not in (2, 3, 4) or self.stored.size == 0:
            raise ValueError(f"{path}: expected a stack (t, h, w); got shape {self.stored.shape}")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.stored)

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``."""
        return to_metres(self.stored[i], self.path, self.coding)

    def name(self, i: int) -> str:
        """Its number, six digits."""
        return f"{i:06d}"


class DepthVideo:
    """A video of 16-bit grey frames, such as FFV1.

    Args:
        path: mkv, avi, mov, ...
        coding: meaning of the stored values; whole numbers are mm unless it says otherwise.

    Raises:
        ValueError: it is no such video.
    """

    only_forwards = True

    def __init__(self, path: Path, coding: DepthCoding) -> None:
        self.path, self.coding, self.stream = path, coding, VideoStream(path)
        check_gray16(self.stream)
        self.times_s = self.stream.times_s()
        names = [f"{i:06d}" for i in range(len(self.times_s))]
        self._frames = SequentialDepth(self._decode, names)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def read(self, i: int) -> NDArray[np.float32]:
        """Read frame ``i`` [m], ``(h, w)``; going back starts the file again."""
        return self._frames.read(i)

    def name(self, i: int) -> str:
        """Return its number, six digits."""
        return self._frames.name(i)

    def _decode(self, start: int) -> Generator[NDArray[np.float32], None, None]:
        for codes in gray16_frames(self.stream, start):
            yield to_metres(codes, self.path.with_suffix(".png"), self.coding)


class PickedDepth:
    """Some frames of a reader, in an order of their own.

    Args:
        depth: all frames.
        places: indices of the frames.
        names: their new names; None: the old ones.
    """

    def __init__(
        self, depth: DepthReader, places: Sequence[int], names: Sequence[str] | None = None
    ) -> None:
        self.depth, self.places = depth, list(places)
        self.names = [depth.name(i) for i in self.places] if names is None else list(names)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.places)

    def read(self, i: int) -> NDArray[np.float32]:
        """Read frame ``i`` [m], ``(h, w)``."""
        return self.depth.read(self.places[i])

    def name(self, i: int) -> str:
        """Return what frame ``i`` is called."""
        return self.names[i]


class TurnedDepth:
    """Depth turned by right angles.

    Args:
        depth: the frames.
        degrees: clockwise.
    """

    def __init__(self, depth: DepthReader, degrees: int) -> None:
        self.depth, self.turns = depth, -(degrees // 90)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.depth)

    def read(self, i: int) -> NDArray[np.float32]:
        """Read frame ``i`` [m], turned."""
        return np.ascontiguousarray(np.rot90(self.depth.read(i), self.turns))

    def name(self, i: int) -> str:
        """Return what frame ``i`` is called."""
        return self.depth.name(i)


def open_depth(path: Path, coding: DepthCoding, by_name: bool = False) -> DepthReader:
    """Open depth video at a path.

    Args:
        path: a folder of frames, a pattern of them (``X/*.depth.png``), one frame, a npy or npz
            stack, or a video of 16-bit grey.
        coding: meaning of the stored values.
        by_name: see :func:`stdnet_arch.data.recordings.frame_files.list_frames`.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is something else, frames are missing, or the first one cannot be read.
    """
    if path.is_dir() or is_pattern(path):
        return DepthFolder(path, coding, by_name)
    if not path.exists():
        raise FileNotFoundError(f"expected depth at {path}; it does not exist")
    suffix = path.suffix.lower()
    if suffix in STACK_SUFFIXES:
        return _open_array(path, coding)
    if suffix in SUFFIXES:
        return DepthFiles([path], coding)
    if suffix in VIDEO_SUFFIXES:
        return DepthVideo(path, coding)
    raise ValueError(
        f"depth must be a folder, one of {', '.join(SUFFIXES)}, or a 16-bit grey video; got {path}"
    )


def _open_array(path: Path, coding: DepthCoding) -> DepthReader:
    """Open a stack, or a single frame ``(h, w)``."""
    stack = DepthStack(path, coding)
    return stack if stack.stored.ndim > 2 else DepthFiles([path], coding)


def depth_frames(reader: DepthReader, start: int = 0) -> Iterator[NDArray[np.float32]]:
    """The frames from ``start`` on, one at a time."""
    return (reader.read(i) for i in range(start, len(reader)))

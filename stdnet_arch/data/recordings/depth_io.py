"""Depth video from folders and stacks, lazily, in metres."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.codecs.depth_codec import load_npy, load_npz
from stdnet_arch.data.codecs.depth_file import SUFFIXES, read_depth, stored_to_metres
from stdnet_arch.data.codecs.rgb_codec import read_gray
from stdnet_arch.data.recordings.frame_files import list_frames

STACK_SUFFIXES = (".npy", ".npz")


@dataclass(frozen=True)
class DepthCoding:
    """How stored values become metres; see ``data.codecs.depth_file.stored_to_metres``."""

    unit: str | float | None = None
    """``m``, ``mm``, metres per stored unit, ``float16``, or None for the format's usual one."""
    invalid: float | None = None
    """A stored value that means "no depth" beside 0, NaN and inf."""
    npz_key: str | None = None
    """Which array of a npz, if it holds several."""


class DepthReader(Protocol):
    """Depth video with random access."""

    def __len__(self) -> int:
        """Number of frames."""

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``; "no depth" is 0, NaN or inf."""

    def name(self, i: int) -> str:
        """What frame ``i`` is called, without an ending."""


class DepthFiles:
    """One file per frame.

    Args:
        files: npy, npz, 16-bit PNG, TIFF or EXR files, in order.
        coding: how stored values become metres.
        names: what the frames are called; None: like their files.
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
        coding = self.coding
        return read_depth(self.files[i], coding.unit, coding.invalid, coding.npz_key)

    def name(self, i: int) -> str:
        """The file's name without its ending, or the name that was given."""
        return self.names[i]


class DepthFolder(DepthFiles):
    """All depth files of a folder.

    Args:
        folder: npy, npz, 16-bit PNG, TIFF or EXR files, all of one kind.
        coding: how stored values become metres.
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
        confidence: an 8-bit PNG per frame, of the same size; ARKit's values are 0, 1 and 2.
        minimum: pixels below it become 0.

    Raises:
        ValueError: there are not as many files as frames.
    """

    def __init__(self, depth: DepthReader, confidence: Sequence[Path], minimum: int) -> None:
        if len(confidence) != len(depth):
            raise ValueError(
                f"expected a confidence file per depth frame; got {len(confidence)} for "
                f"{len(depth)} frames"
            )
        self.depth, self.confidence, self.minimum = depth, list(confidence), minimum

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.depth)

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``."""
        depth_m, confidence = self.depth.read(i), read_gray(self.confidence[i])
        if confidence.shape != depth_m.shape:
            raise ValueError(
                f"{self.confidence[i]}: expected the size of the depth, {depth_m.shape}; got "
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
        coding: how stored values become metres.
    """

    def __init__(self, path: Path, coding: DepthCoding) -> None:
        self.path = path
        self.coding = coding
        npy = path.suffix.lower() == ".npy"
        self.stored = load_npy(path) if npy else load_npz(path, coding.npz_key)
        if self.stored.ndim not in (3, 4) or len(self.stored) == 0:
            raise ValueError(f"{path}: expected a stack (t, h, w); got shape {self.stored.shape}")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.stored)

    def read(self, i: int) -> NDArray[np.float32]:
        """Frame ``i`` [m], ``(h, w)``."""
        return stored_to_metres(self.stored[i], self.path, self.coding.unit, self.coding.invalid)

    def name(self, i: int) -> str:
        """Its number, six digits."""
        return f"{i:06d}"


def open_depth(path: Path, coding: DepthCoding, by_name: bool = False) -> DepthReader:
    """Depth video at a path: a folder of frames, or a npy or npz stack.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is something else, frames are missing, or the first one cannot be read.
    """
    if path.is_dir():
        return DepthFolder(path, coding, by_name)
    if not path.exists():
        raise FileNotFoundError(f"expected depth at {path}; it does not exist")
    if path.suffix.lower() not in STACK_SUFFIXES:
        raise ValueError(f"depth must be a folder or a {' or '.join(STACK_SUFFIXES)}; got {path}")
    return DepthStack(path, coding)


def depth_frames(reader: DepthReader, start: int = 0) -> Iterator[NDArray[np.float32]]:
    """The frames from ``start`` on, one at a time."""
    return (reader.read(i) for i in range(start, len(reader)))

"""A source reads one raw dataset: clip and frame number in, RGB and depth in metres out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from basicsr.utils.registry import Registry

from stdnet_arch.data.codecs.depth_codec import as_plane, load_npy
from stdnet_arch.data.codecs.rgb_codec import read_bytes, read_rgb

SOURCE_REGISTRY = Registry("source")

VIEWS = ("left", "right")
"""Views of a rectified stereo camera."""

_LAST_NUMBER = re.compile(r"(\d+)\D*$")


class Sliceable(Protocol):
    """An array, or what reads only the part that is sliced: a memory map, blocks of an LMDB."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(H, W)`` or ``(H, W, 3)``."""

    def __getitem__(self, box: tuple[slice, slice], /) -> np.ndarray:
        """Some rows and columns."""

    def __array__(self) -> np.ndarray:
        """All of it: ``np.asarray(image)``."""


class Source(Protocol):
    """Reader of one raw data set; constructed as ``Source(root, **source_opt)``.

    A source may also have

    * ``location(clip, i, what) -> str``, which names the file behind a frame (``what`` is
      ``guide``, ``depth``, or ``lq4`` at x4) for error messages;
    * ``guide_bytes(clip, i) -> (bytes, rows or None)``: a colour file as it is, and which of its
      rows belong to the frame;
    * ``flow_px(clip, i) -> (flow (2, H, W), seen (H, W)) or None``: motion (dx, dy) to the next
      frame in pixels, and where the target is seen; None where a clip or its last frame has none;
    * ``pose(clip, i) -> (4, 4) or None``: camera to world in metres; x right, y down, z forward;
    * ``intrinsics_px(clip) -> (fx, fy, cx, cy)``;
    * ``frame_size(clip) -> (H, W) or None``: what all frames of a clip have, known without reading;
    * ``unit_of_depth``, if its depth is not in metres after all (a parity mode).
    """

    default_range_m: float
    """Divisor of depths [m] if the options name no ``depth_range_m``."""

    def clips(self) -> dict[str, int]:
        """Clip name to number of frames."""

    def guide(self, clip: str, i: int) -> Sliceable:
        """Colour frame ``i``, counted from 0: uint8 ``(H, W, 3)``, RGB."""

    def depth_m(self, clip: str, i: int) -> Sliceable:
        """Depth of frame ``i``: float32 ``(H, W)`` metres, invalid pixels untouched.

        It may be memory-mapped and read-only: slice first, copy before writing.
        """

    def lq_m(self, clip: str, i: int, scale: int) -> np.ndarray | None:
        """Low-resolution depth: float32 ``(h, w)`` metres, or None if there is no file for it."""


def build_source(name: str, root: str, options: Mapping[str, Any]) -> Source:
    """Make the source registered as ``name``.

    Args:
        name: key of ``SOURCE_REGISTRY``.
        root: folder of the dataset (empty for a source without files).
        options: further keyword arguments of the source.
    """
    if name not in SOURCE_REGISTRY:
        known = ", ".join(sorted(SOURCE_REGISTRY.keys()))
        raise ValueError(f"source must be one of {known}; got {name!r}")
    try:
        return SOURCE_REGISTRY.get(name)(root, **options)
    except TypeError as error:
        raise TypeError(
            f"source {name} does not take source_opt {dict(options)}: {error}"
        ) from error


def location(source: Source, clip: str, i: int, what: str) -> str:
    """The file behind a frame, or its name where the source has no files."""
    describe = getattr(source, "location", None)
    return describe(clip, i, what) if describe else f"{what} of clip {clip!r}, frame {i}"


def choose_layout(asked: str | None, found: Mapping[str, bool], expected: str) -> str:
    """Choose which of a dataset's folder layouts to read.

    Args:
        asked: the layout the options name, or None to look.
        found: layout name to whether the folders look like it.
        expected: description of each layout, for the error.
    """
    if asked is not None and asked not in found:
        raise ValueError(f"layout must be one of {', '.join(found)}; got {asked!r}")
    present = [name for name, is_there in found.items() if is_there and asked in {None, name}]
    if len(present) != 1:
        got = "none of these" if not present else "both"
        raise ValueError(
            f"expected {asked or 'exactly one layout'} of: {expected}; got {got}"
            " (check dataroot, or name the layout in source_opt)"
        )
    return present[0]


def check_view(view: str) -> None:
    """Raise unless ``view`` is one of a stereo camera's."""
    if view not in VIEWS:
        raise ValueError(f"view must be {' or '.join(VIEWS)}; got {view!r}")


def child_folders(parent: Path) -> list[Path]:
    """Sorted sub-folders of ``parent``; none if it does not exist."""
    return sorted(p for p in parent.iterdir() if p.is_dir()) if parent.is_dir() else []


def number_of(path: Path) -> int:
    """The frame number of a file: the last number in its name.

    Raises:
        ValueError: there is none.
    """
    match = _LAST_NUMBER.search(path.stem)
    if match is None:
        raise ValueError(f"expected a frame number in the file name; got {path}")
    return int(match[1])


def frame_numbers(folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
    """Frame number (the last number in a file's name) to file, in order, for one folder."""
    if not folder.is_dir():
        raise FileNotFoundError(f"expected a folder of frames at {folder}; it does not exist")
    frames: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        number = number_of(path)
        if number in frames:
            raise ValueError(f"expected one file per frame; got {frames[number]} and {path}")
        frames[number] = path
    if not frames:
        raise FileNotFoundError(f"expected frames ({', '.join(suffixes)}) in {folder}; got none")
    return dict(sorted(frames.items()))


def check_no_gap(frames: Mapping[int, Path]) -> None:
    """Raise if a frame number is missing between the first and the last."""
    numbers = list(frames)
    for before, after in zip(numbers, numbers[1:], strict=False):
        if after != before + 1:
            raise ValueError(
                f"missing frame: expected number {before + 1} after {frames[before]};"
                f" got {frames[after]}"
            )


def check_same_frames(one: Mapping[int, Path], other: Mapping[int, Path]) -> None:
    """Raise if two folders of one clip do not hold the same frame numbers."""
    unpaired = sorted(one.keys() ^ other.keys())
    if unpaired:
        first_one, first_other = next(iter(one.values())), next(iter(other.values()))
        lone = one.get(unpaired[0]) or other[unpaired[0]]
        raise ValueError(
            f"expected the same frames in {first_one.parent} and {first_other.parent};"
            f" got {len(one)} and {len(other)} (first without a partner: {lone})"
        )


@dataclass(frozen=True)
class ClipPaths:
    """Folders of the frames of one clip."""

    guide: Path
    depth: Path


class FileSource:
    """A source whose clips are folders of one file per frame.

    A subclass says where clips lie (``find_clips``, ``lq_folder``) and how a depth file is decoded
    (``decode_depth``, ``decode_lq``; plain npy in metres unless overridden).
    """

    default_range_m: float
    guide_suffixes: tuple[str, ...] = (".png", ".jpg", ".jpeg")
    depth_suffixes: tuple[str, ...] = (".npy",)

    def __init__(self, root: str) -> None:
        """Remember the root; a subclass looks at its folders."""
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise FileNotFoundError(f"expected dataroot to be a folder; got {self.root.absolute()}")
        self._folders: dict[str, ClipPaths] | None = None
        self._files: dict[tuple[str, str], list[Path]] = {}

    def find_clips(self) -> dict[str, ClipPaths]:
        """Clip name to its folders, without looking into them."""
        raise NotImplementedError

    def lq_folder(self, clip: str, scale: int) -> Path | None:  # noqa: ARG002
        """Name the folder of a clip's LR files; None if the layout has none."""
        return None

    def decode_depth(self, path: Path) -> np.ndarray:
        """One depth file as float32 ``(H, W)`` metres."""
        return as_plane(load_npy(path), path)

    def decode_lq(self, path: Path) -> np.ndarray:
        """One LR depth file as float32 ``(h, w)`` metres."""
        return self.decode_depth(path)

    def list_frames(self, folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
        """Frame number to file, in order, without a gap."""
        frames = frame_numbers(folder, suffixes)
        check_no_gap(frames)
        return frames

    def folders(self, clip: str) -> ClipPaths:
        """The folders of a clip; an error that lists the clips if there is none of that name."""
        known = self._known_clips()
        if clip not in known:
            names = ", ".join(list(known)[:20])
            raise FileNotFoundError(
                f"expected one of {len(known)} clips under {self.root}"
                f" ({names}{', ...' if len(known) > 20 else ''}); got {clip!r}"
            )
        return known[clip]

    def clips(self) -> dict[str, int]:
        """Clip name to number of depth frames; 0 where their folder is missing.

        Raises:
            FileNotFoundError: no clip has one, so its name or place is not what was expected.
        """
        folders = {clip: found.depth for clip, found in self._known_clips().items()}
        if not any(folder.is_dir() for folder in folders.values()):
            clip, folder = next(iter(folders.items()))
            raise FileNotFoundError(
                f"expected depth frames of {clip!r} in {folder}; the folder does not exist"
            )
        return {clip: self._count(folder) for clip, folder in folders.items()}

    def _count(self, folder: Path) -> int:
        if not folder.is_dir():
            return 0
        return sum(path.suffix.lower() in self.depth_suffixes for path in folder.iterdir())

    def location(self, clip: str, i: int, what: str) -> str:
        """The path of a frame's file; ``what`` is ``guide``, ``depth``, or ``lq4`` at x4."""
        return str(self._frame(clip, what, i))

    def guide(self, clip: str, i: int) -> np.ndarray:
        """Colour frame: uint8 ``(H, W, 3)``, RGB."""
        return read_rgb(self._frame(clip, "guide", i))

    def guide_bytes(self, clip: str, i: int) -> tuple[bytes, tuple[int, int] | None]:
        """A colour file as it is; and the rows that belong to the frame, None for all."""
        return read_bytes(self._frame(clip, "guide", i)), None

    def depth_m(self, clip: str, i: int) -> np.ndarray:
        """Depth frame: float32 ``(H, W)`` metres, memory-mapped where the file allows."""
        return self.decode_depth(self._frame(clip, "depth", i))

    def lq_m(self, clip: str, i: int, scale: int) -> np.ndarray | None:
        """LR depth frame: float32 ``(h, w)`` metres, or None if the clip has no LR folder."""
        folder = self.lq_folder(clip, scale)
        if folder is None or not folder.is_dir():
            return None
        kind = f"lq{scale}"
        if (clip, kind) not in self._files:
            depth = self.list_frames(self.folders(clip).depth, self.depth_suffixes)
            low = self.list_frames(folder, self.depth_suffixes)
            check_same_frames(depth, low)
            self._files[clip, kind] = list(low.values())
        return self.decode_lq(self._frame(clip, kind, i))

    def _known_clips(self) -> dict[str, ClipPaths]:
        if self._folders is None:
            self._folders = self.find_clips()
            if not self._folders:
                raise FileNotFoundError(f"expected clips under {self.root}; got none")
        return self._folders

    def _frame(self, clip: str, kind: str, i: int) -> Path:
        if (clip, kind) not in self._files:
            self._pair_frames(clip)
        files = self._files[clip, kind]
        if not 0 <= i < len(files):
            raise IndexError(f"expected a frame of {clip!r} below {len(files)}; got {i}")
        return files[i]

    def _pair_frames(self, clip: str) -> None:
        folders = self.folders(clip)
        guide = self.list_frames(folders.guide, self.guide_suffixes)
        depth = self.list_frames(folders.depth, self.depth_suffixes)
        check_same_frames(guide, depth)
        self._files[clip, "guide"] = list(guide.values())
        self._files[clip, "depth"] = list(depth.values())

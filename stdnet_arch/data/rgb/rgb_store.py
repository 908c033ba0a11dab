"""Stores of RGB frames: folders of PNGs, or an LMDB as the toolbox makes them."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stdnet_arch.data.codecs.rgb_codec import decode_rgb, read_rgb
from stdnet_arch.data.database.lmdb_store import open_environment
from stdnet_arch.data.sources.source import check_no_gap, frame_numbers

SEPTUPLET = 7  # frames of a clip of Vimeo-90K
_META_LINE = re.compile(r"(\S+?)(?:\.\w+)? \((\d+),(\d+),(\d+)\) \d+")


class RGBStore(Protocol):
    """Frames of clips by clip name and index from 0."""

    def clips(self) -> list[str]:
        """Names of the clips, in order."""

    def count(self, clip: str) -> int:
        """Number of frames of a clip."""

    def read(self, clip: str, i: int) -> np.ndarray:
        """One frame: uint8 ``(H, W, 3)``, RGB."""

    def location(self, clip: str, i: int) -> str:
        """Name a frame for errors."""


class ClipFolders:
    """A folder of clips, each a folder of PNG or JPEG frames, numbered without a gap."""

    def __init__(self, root: str) -> None:
        """Remember the root."""
        self.root = existing_folder(root)
        self._files: dict[str, list[Path]] = {}

    def clips(self) -> list[str]:
        """Names of the sub-folders; FileNotFoundError if there are none."""
        found = _sub_folders(self.root)
        if not found:
            raise FileNotFoundError(
                f"{self.root}: expected a folder of frames per clip; got no folder in it (of a"
                " single clip, name the folder above)"
            )
        return found

    def count(self, clip: str) -> int:
        """Number of frames of a clip."""
        return len(self._list(clip))

    def read(self, clip: str, i: int) -> np.ndarray:
        """One frame: uint8 ``(H, W, 3)``, RGB."""
        return read_rgb(self._list(clip)[i])

    def location(self, clip: str, i: int) -> str:
        """The frame's file."""
        return str(self._list(clip)[i])

    def _list(self, clip: str) -> list[Path]:
        if clip not in self._files:
            frames = frame_numbers(self.root / clip, (".png", ".jpg", ".jpeg"))
            check_no_gap(frames)
            self._files[clip] = list(frames.values())
        return self._files[clip]


class SeptupletFolders:
    """``00001/0001/im1.png`` to ``im7.png``; names are known, so no clip's folder is listed."""

    def __init__(self, root: str) -> None:
        """Remember the root."""
        self.root = existing_folder(root)

    def clips(self) -> list[str]:
        """Names like ``00001/0001``."""
        return [
            f"{outer}/{inner}"
            for outer in _sub_folders(self.root)
            for inner in _sub_folders(self.root / outer)
        ]

    def count(self, clip: str) -> int:  # noqa: ARG002
        """Seven; a missing file is an error when it is read."""
        return SEPTUPLET

    def read(self, clip: str, i: int) -> np.ndarray:
        """One frame: uint8 ``(H, W, 3)``, RGB."""
        path = Path(self.location(clip, i))
        if not path.is_file():
            raise FileNotFoundError(f"expected the {SEPTUPLET} frames of a clip; got no {path}")
        return read_rgb(path)

    def location(self, clip: str, i: int) -> str:
        """The frame's file."""
        return str(self.root / clip / f"im{i + 1}.png")


class ToolboxLMDB:
    """An LMDB of the toolbox's ``make_lmdb_from_imgs``: encoded images, ``meta_info.txt``.

    The last part of a key names the frame, what is before it the clip: ``00001/0001/im4``.

    Args:
        root: the folder ``*.lmdb``.
    """

    def __init__(self, root: str) -> None:
        """Read the list of keys; the database is opened when the first frame is read."""
        self.root = existing_folder(root)
        meta = self.root / "meta_info.txt"
        if not meta.is_file():
            raise FileNotFoundError(
                f"expected an LMDB of the toolbox (create_lmdb) with {meta}; got none"
            )
        self._keys: dict[str, list[str]] = {}
        for line in meta.read_text(encoding="utf-8").splitlines():
            match = _META_LINE.fullmatch(line.strip())
            if match is None:
                raise ValueError(f"{meta}: expected lines 'key.png (H,W,3) 1'; got {line!r}")
            self._keys.setdefault(match[1].rpartition("/")[0], []).append(match[1])
        for keys in self._keys.values():
            keys.sort(key=lambda key: (len(key), key))  # im2 before im10

    def clips(self) -> list[str]:
        """Names of the clips, in order."""
        return sorted(self._keys)

    def count(self, clip: str) -> int:
        """Number of frames of a clip."""
        return len(self._keys[clip])

    def read(self, clip: str, i: int) -> np.ndarray:
        """One frame: uint8 ``(H, W, 3)``, RGB."""
        key = self._keys[clip][i]
        with open_environment(self.root).begin() as transaction:
            data = transaction.get(key.encode())
        if data is None:
            raise KeyError(f"{self.root}: expected the key {key}, as meta_info.txt says; got none")
        return decode_rgb(data, self.location(clip, i))

    def location(self, clip: str, i: int) -> str:
        """The LMDB and the frame's key."""
        return f"{self.root}:{self._keys[clip][i]}"


def _sub_folders(folder: Path) -> list[str]:
    # scandir knows folders without a look at each of 64,612 clips.
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())


def open_store(root: str, io_backend: Mapping[str, Any], folders: type[RGBStore]) -> RGBStore:
    """The store at a root.

    Args:
        root: folder of frames or LMDB.
        io_backend: ``{type: disk}`` or ``{type: lmdb}``.
        folders: reader of a folder of frames.

    Raises:
        ValueError: an LMDB that is to be read as folders.
        FileNotFoundError: no folder, or no LMDB of the toolbox.
    """
    if io_backend["type"] == "disk" and root.rstrip("/").endswith(".lmdb"):
        raise ValueError(f"{root} is an LMDB: expected io_backend {{type: lmdb}}; got disk")
    return ToolboxLMDB(root) if io_backend["type"] == "lmdb" else folders(root)  # type: ignore[call-arg]


def existing_folder(root: str) -> Path:
    """The path of a folder that must exist."""
    path = Path(root).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"expected a folder of clips; got {path.absolute()}")
    return path

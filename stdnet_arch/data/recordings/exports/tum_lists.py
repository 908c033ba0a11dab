"""Lists of frames beside their folders: ``associations.txt``, or ``rgb.txt`` and ``depth.txt``.

TUM RGB-D, Bonn, ICL-NUIM and ETH3D have them; lines are ``time file`` or ``time file time file``,
``#`` begins a comment, and depth is stored as 1/5000 m.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stdnet_arch.data.recordings.pairing import Pairing, pair_by_time
from stdnet_arch.utils.input_errors import is_regular
from stdnet_arch.utils.names import check_name

UNIT_M = 1 / 5000
DEPTH_LIST, RGB_LIST = "depth.txt", "rgb.txt"
ASSOCIATED = "assoc*.txt"


class ListedFrames(NamedTuple):
    """Frames that a list names and that are there."""

    depth: list[Path]
    rgb: list[Path]
    pairing: Pairing


def has_lists(root: Path) -> bool:
    """Tell whether a folder holds such lists."""
    both = is_regular(root / DEPTH_LIST) and is_regular(root / RGB_LIST)
    return root.is_dir() and (both or _associated(root) is not None)


def read_lists(root: Path, within_s: float | None = None) -> ListedFrames:
    """Read which frames there are and which belong together.

    Args:
        root: the folder of the lists; ``associations.txt`` wins.
        within_s: largest distance of the times of a pair [s], where only ``rgb.txt`` and
            ``depth.txt`` are there.

    Raises:
        ValueError: a line cannot be read, or no listed frame is there.
    """
    associated = _associated(root)
    if associated is not None:
        return _read_associated(root, associated)
    depth, rgb = _read_times(root / DEPTH_LIST), _read_times(root / RGB_LIST)
    here = [[(t, f) for t, f in side if is_regular(f)] for side in (depth, rgb)]
    if not all(here):
        raise ValueError(f"{root}: expected the frames that {DEPTH_LIST} and {RGB_LIST} name")
    depth_s, rgb_s = ([t for t, _ in side] for side in here)
    pairing = pair_by_time(depth_s, rgb_s, within_s)
    gone = len(depth) - len(here[0]), len(rgb) - len(here[1])
    return ListedFrames(
        [f for _, f in here[0]], [f for _, f in here[1]], _with_gone(pairing, *gone)
    )


def _associated(root: Path) -> Path | None:
    return next((file for file in sorted(root.glob(ASSOCIATED)) if is_regular(file)), None)


def _read_associated(root: Path, path: Path) -> ListedFrames:
    rows = [_files_of(line, path) for line in _lines(path)]
    if rows and "depth" in str(rows[0][0]).lower() and "depth" not in str(rows[0][1]).lower():
        rows = [(rgb, depth) for depth, rgb in rows]
    pairs = [(root / depth, root / rgb) for rgb, depth in rows]
    here = [pair for pair in pairs if all(is_regular(file) for file in pair)]
    if not here:
        raise ValueError(f"{path}: expected the frames it names beside it; got none of {len(rows)}")
    depth_files, rgb_files = _and_unlisted(here, 0), _and_unlisted(here, 1)
    n = len(here)
    pairing = Pairing(
        tuple((i, i) for i in range(n)),
        path.name,
        tuple(range(n, len(depth_files))),
        tuple(range(n, len(rgb_files))),
    )
    gone = len(pairs) - n
    return ListedFrames(depth_files, rgb_files, _with_gone(pairing, gone, 0))


def _and_unlisted(pairs: Sequence[tuple[Path, Path]], side: int) -> list[Path]:
    """List the paired files of one side, then the other files of their folder."""
    files = [pair[side] for pair in pairs]
    known = set(files)
    others = [
        file
        for file in sorted(files[0].parent.iterdir())
        if file.suffix == files[0].suffix
        and not file.name.startswith(".")
        and file not in known
        and is_regular(file)
    ]
    return files + others


def _with_gone(pairing: Pairing, depth: int, rgb: int) -> Pairing:
    if not depth and not rgb:
        return pairing
    note = f"{depth + rgb} listed files or pairs are not there"
    return Pairing(
        pairing.pairs, pairing.how, pairing.lone_depth, pairing.lone_rgb, (*pairing.notes, note)
    )


def _files_of(line: str, path: Path) -> tuple[str, str]:
    """Read the two files of a line, as they stand: RGB first in TUM's own tool."""
    files = [word for word in line.replace(",", " ").split() if not _is_number(word)]
    if len(files) != 2:
        raise ValueError(f"{path}: expected two files a line, with or without times; got {line!r}")
    return check_name(files[0], f"a file in {path}"), check_name(files[1], f"a file in {path}")


def _read_times(path: Path) -> list[tuple[float, Path]]:
    rows = []
    for line in _lines(path):
        words = line.replace(",", " ").split()
        if len(words) < 2 or not _is_number(words[0]):
            raise ValueError(f"{path}: expected a time and a file a line; got {line!r}")
        rows.append((float(words[0]), path.parent / check_name(words[1], f"a file in {path}")))
    return rows


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True

"""Several sources as one, each with its share of the training windows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stdnet_arch.data.database.lmdb_source import LmdbSource, find_spans
from stdnet_arch.data.sources.source import SOURCE_REGISTRY, Sliceable, Source, build_source
from stdnet_arch.data.sources.source import location as location_in

MOST_TURNS = 16
"""Most repetitions of the part whose clips are repeated least."""
_KEYS = {"source", "dataroot", "source_opt", "clips", "weight", "lmdb"}


class _Entry(NamedTuple):
    """A clip of the mixture: frames of a clip of one part."""

    part: int
    clip: str
    start: int
    stop: int


@SOURCE_REGISTRY.register()
class Mixed:
    """Clips of several sources; a part with weight 2 fills twice as many frames as one with 1.

    Frames are what counts, so that windows are drawn in these shares: clips of a part are listed as
    often as its weight demands, to a few percent. A clip is called ``k/NAME`` after the number of
    its part. It is ``k/NAME:START`` if a clip list takes a span of it, and ``k/NAME~2`` where it is
    listed for the second time.

    Args:
        root: not used; each part has its own.
        parts: mappings with ``source``, and any of ``weight`` (1), ``dataroot``, ``source_opt``,
            ``clips`` (a clip list), and ``lmdb: true`` where ``dataroot`` is an LMDB.

    Raises:
        ValueError: no part, an unknown key, or a weight that is not positive.
    """

    def __init__(self, root: str = "", *, parts: Sequence[Mapping[str, Any]]) -> None:  # noqa: ARG002
        if not parts:
            raise ValueError("Mixed: expected at least one part; got none")
        self._sources = [_open(k, part) for k, part in enumerate(parts)]
        self.default_range_m = max(source.default_range_m for source in self._sources)
        own = [
            [
                _Entry(k, span.clip, span.start, span.stop)
                for span in find_spans(source, part.get("clips"))
            ]
            for k, (source, part) in enumerate(zip(self._sources, parts, strict=True))
        ]
        frames = [sum(entry.stop - entry.start for entry in entries) for entries in own]
        weights = [float(part.get("weight", 1)) for part in parts]
        self._entries: dict[str, _Entry] = {}
        for entries, times in zip(own, repeats(frames, weights), strict=True):
            for turn in range(1, times + 1):
                for entry in entries:
                    self._add(entry, turn)
        parts_of = {entry.part: name for name, entry in reversed(self._entries.items())}
        self._first_clips = frozenset(parts_of.values())

    def clips(self) -> dict[str, int]:
        """Clip name to number of frames."""
        return {name: entry.stop - entry.start for name, entry in self._entries.items()}

    def guide(self, clip: str, i: int) -> Sliceable:
        """Colour frame: uint8 ``(H, W, 3)``, RGB."""
        source, name, i = self._find(clip, i)
        return source.guide(name, i)

    def depth_m(self, clip: str, i: int) -> Sliceable:
        """Depth frame: float32 ``(H, W)`` metres."""
        source, name, i = self._find(clip, i)
        return source.depth_m(name, i)

    def lq_m(self, clip: str, i: int, scale: int) -> np.ndarray | None:
        """LR depth of the part, ``(h, w)`` metres, or None."""
        source, name, i = self._find(clip, i)
        return source.lq_m(name, i, scale)

    def frame_size(self, clip: str) -> tuple[int, int] | None:
        """Height and width of a clip's frames, if the part knows them without reading.

        None for the first clip of each part: whoever asks reads it, and so finds out what is wrong
        with the part.
        """
        source, name, _ = self._find(clip, 0)
        if clip in self._first_clips:
            return None
        ask = getattr(source, "frame_size", None)
        return ask(name) if ask else None

    def location(self, clip: str, i: int, what: str) -> str:
        """The file behind a frame, or its name in its part."""
        source, name, i = self._find(clip, i)
        return location_in(source, name, i, what)

    def flow_px(self, clip: str, i: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Motion to the next frame, where the part has it and the next frame is one of the clip."""
        source, name, k = self._find(clip, i)
        read = getattr(source, "flow_px", None)
        return read(name, k) if read else None

    def pose(self, clip: str, i: int) -> np.ndarray | None:
        """Camera to world, ``(4, 4)``, if the part has it."""
        source, name, i = self._find(clip, i)
        read = getattr(source, "pose", None)
        return read(name, i) if read else None

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float] | None:
        """``fx, fy, cx, cy``, if the part has them."""
        source, name, _ = self._find(clip, 0)
        read = getattr(source, "intrinsics_px", None)
        return read(name) if read else None

    def _add(self, entry: _Entry, turn: int) -> None:
        whole = entry.start == 0 and entry.stop == self._sources[entry.part].clips()[entry.clip]
        name = f"{entry.part}/{entry.clip}" + ("" if whole else f":{entry.start}")
        self._entries[name if turn == 1 else f"{name}~{turn}"] = entry

    def _find(self, clip: str, i: int) -> tuple[Source, str, int]:
        if clip not in self._entries:
            some = ", ".join(list(self._entries)[:5])
            raise FileNotFoundError(f"expected a clip of the mixture ({some}, ...); got {clip!r}")
        entry = self._entries[clip]
        if not 0 <= i < entry.stop - entry.start:
            count = entry.stop - entry.start
            raise IndexError(f"expected a frame of {clip!r} below {count}; got {i}")
        return self._sources[entry.part], entry.clip, entry.start + i


def _open(k: int, part: Mapping[str, Any]) -> Source:
    unknown = sorted(part.keys() - _KEYS)
    if unknown or "source" not in part:
        raise ValueError(
            f"Mixed: part {k}: expected the key source and any of {', '.join(sorted(_KEYS))}; got"
            f" {', '.join(part)}"
        )
    if not float(part.get("weight", 1)) > 0:
        raise ValueError(f"Mixed: part {k}: weight must be positive; got {part['weight']!r}")
    options, root = part.get("source_opt") or {}, str(part.get("dataroot", ""))
    if part.get("lmdb", False):
        return LmdbSource(str(Path(root).expanduser()), part["source"], options)
    return build_source(part["source"], root, options)


def repeats(frames: Sequence[int], weights: Sequence[float]) -> list[int]:
    """Count how often to list each part, so that frames are in proportion to the weights.

    Args:
        frames: number of frames of each part, >= 1.
        weights: positive.

    Returns:
        Whole numbers >= 1: of those that list one part at most ``MOST_TURNS`` times, the fewest
        that come within 1 % of the shares, or else those that come nearest.
    """
    wanted = np.array(weights, float) / np.array(frames, float)
    wanted = wanted / wanted.min()
    best, least = [], np.inf
    for turns in range(1, MOST_TURNS + 1):
        times = np.maximum(1, np.rint(wanted * turns)).astype(int)
        off = float(np.abs(times / (wanted * turns) - 1).max())
        if off < least - 1e-9:
            best, least = times.tolist(), off
        if least < 0.01:
            break
    return best

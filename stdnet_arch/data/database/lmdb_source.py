"""An LMDB of ``scripts/create_lmdb.py`` in the place of the raw dataset it was made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stdnet_arch.data.codecs.block_codec import BlockedArray
from stdnet_arch.data.database.lmdb_checks import ONCE, ValueChecks
from stdnet_arch.data.database.lmdb_manifest import (
    MANIFEST,
    StoredClip,
    frame_key,
    stored_clips,
    value_key,
)
from stdnet_arch.data.database.lmdb_shards import open_store
from stdnet_arch.data.database.lmdb_values import open_value
from stdnet_arch.data.dataset_options import ReadOptions, TrainOptions
from stdnet_arch.data.sources.clip_list import ClipSpan, resolve_spans
from stdnet_arch.data.sources.source import Source, build_source


def open_source(options: ReadOptions) -> Source:
    """The source that a dataset's options name: raw files, or the LMDB made of them.

    Args:
        options: ``io_backend`` decides what ``dataroot`` is.
    """
    if options.io_backend["type"] == "lmdb":
        verify = options.io_backend.get("verify")
        if verify is None and isinstance(options, TrainOptions):
            verify = ONCE
        return LmdbSource(options.dataroot, options.source, options.source_opt, verify or False)
    if options.dataroot and (Path(options.dataroot).expanduser() / MANIFEST).is_file():
        raise ValueError(
            f"dataroot {options.dataroot!r} is an LMDB: write io_backend: {{type: lmdb}}"
        )
    return build_source(options.source, options.dataroot, options.source_opt)


def find_spans(source: Source, clips: str | Sequence[str] | None) -> list[ClipSpan]:
    """The spans of a clip list; None takes all there is of a source.

    Raises:
        ValueError: frames that an LMDB does not hold; see also
            :func:`stdnet_arch.data.sources.clip_list.resolve_spans`.
    """
    if isinstance(source, LmdbSource):
        return source.find_spans(clips)
    return resolve_spans(clips, source.clips())


class LmdbSource:
    """Reads what :func:`stdnet_arch.data.database.lmdb_writer.create_lmdb` wrote.

    It travels to other processes without the open database, and shares that with all readers of a
    process (:mod:`stdnet_arch.data.database.lmdb_store`). Depth in blocks and RGB in blocks are
    read as far as they are sliced; RGB files that were kept as they are decode whole.

    Args:
        path: the folder ``X.lmdb``, or a pattern of several that are read as one, such as
            ``X-*-of-00008.lmdb``.
        source: name of the source it must have been made from; None does not care.
        source_opt: options it must have been made with; empty does not care.
        verify: compare values with their checksums: True, whenever one is read; ``ONCE``, when it
            is first read, by any worker that shares this source; False, never.
    """

    def __init__(
        self,
        path: str,
        source: str | None = None,
        source_opt: Mapping[str, Any] | None = None,
        verify: bool | str = False,
    ) -> None:
        """Read the manifest."""
        self._store = open_store(path)
        made = self._store.manifest["source"]
        for what, asked, was in (
            ("source", source, made["name"]),
            ("source_opt", dict(source_opt or {}), made["source_opt"]),
        ):
            if asked and asked != was:
                raise ValueError(f"{path} was made with {what} {was!r}; got {asked!r}")
        self.default_range_m = float(made["default_range_m"])
        self.unit = str(made["unit"])
        self._clips = {one.clip: one for one in stored_clips(self._store.manifest)}
        self._scales = tuple(self._store.manifest["options"]["scales"])
        self._checks = ValueChecks(list(self._clips.values()), self._scales, verify)

    def clips(self) -> dict[str, int]:
        """Clip name to number of frames in the raw dataset (they need not all be stored)."""
        return {name: one.count for name, one in self._clips.items()}

    def find_spans(self, clips: str | Sequence[str] | None) -> list[ClipSpan]:
        """The spans of a clip list, all of them stored; None takes all that is stored."""
        if clips is None:
            return [ClipSpan(c.clip, *span) for c in self._clips.values() for span in c.spans]
        spans = resolve_spans(clips, self.clips())
        for span in spans:
            stored = self._clips[span.clip].spans
            if not any(start <= span.start and span.stop <= stop for start, stop in stored):
                raise ValueError(
                    f"{self._store.path}: expected frames {span.start}..{span.stop - 1} of"
                    f" {span.clip!r}; stored are {self._stored_words(span.clip)}"
                )
        return spans

    def location(self, clip: str, i: int, what: str) -> str:
        """The key of a value, in its LMDB."""
        return f"{self._store.path}: {value_key(clip, i, what)}"

    def guide(self, clip: str, i: int) -> np.ndarray | BlockedArray:
        """Colour frame: uint8 ``(H, W, 3)``, RGB."""
        return self._required(clip, i, "guide")

    def depth_m(self, clip: str, i: int) -> np.ndarray | BlockedArray:
        """Depth frame: float32 ``(H, W)`` metres, read as far as it is sliced."""
        return self._required(clip, i, "depth")

    def lq_m(self, clip: str, i: int, scale: int) -> np.ndarray | None:
        """Stored LR depth: float32 ``(h, w)`` metres, or None if the LMDB has none of the scale."""
        if scale in self._scales:
            return self._plain(clip, i, f"lq{scale}")
        if self.unit != "m":
            raise FileNotFoundError(
                f"{self._store.path}: expected stored LR depth of x{scale}, since a sensor"
                f" simulation needs metres and these are of unit {self.unit!r}; stored are"
                f" {list(self._scales)}"
            )
        return None

    def check_lq_auto(self, clip: str, i: int, scale: int, range_m: float, bins: int) -> None:
        """Raise unless stored LR depth is what ``lq: auto`` means: files, or else ``dtof_peak``.

        Args:
            clip: its name.
            i: a stored frame.
            scale: scale of the LR depth.
            range_m: range of the sensor that the dataset asks for.
            bins: number of bins of that sensor.

        Raises:
            ValueError: it was made by another rule, or by a sensor of another range or bins.
        """
        about = self._store.record(clip, i).get(f"lq{scale}", {})
        made, options = about.get("made", "files"), self._store.manifest["options"]
        sensor = options["range_m"], options["bins"]
        if made == "files" or (made, sensor) == ("dtof_peak", (range_m, bins)):
            return
        raise ValueError(
            f"{self.location(clip, i, f'lq{scale}')}: expected LR files or dtof_peak over"
            f" {range_m:g} m in {bins} bins, as lq: auto means; got {made} over {sensor[0]:g} m in"
            f" {sensor[1]} bins: write lq: files to read what is stored, or name a rule to make LR"
            " depth on the fly"
        )

    def flow_px(self, clip: str, i: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Motion (dx, dy) to the next frame [px], ``(2, H, W)``, and where it is seen; or None."""
        flow, seen = (self._plain(clip, i, name) for name in ("flow", "flow_seen"))
        return None if flow is None or seen is None else (flow, seen)

    def pose(self, clip: str, i: int) -> np.ndarray | None:
        """Camera to world, ``(4, 4)``, metres; x right, y down, z forward; if stored."""
        return self._plain(clip, i, "pose")

    def intrinsics_px(self, clip: str) -> tuple[float, float, float, float] | None:
        """``fx, fy, cx, cy`` of all frames of a clip, if stored."""
        stored = self._plain(clip, self._one(clip).spans[0][0], "intrinsics")
        return None if stored is None else tuple(stored.tolist())

    def _required(self, clip: str, i: int, name: str) -> np.ndarray | BlockedArray:
        value = self._open(clip, i, name)
        if value is None:
            raise KeyError(f"{self._store.path}: expected {name} of {frame_key(clip, i)}; got none")
        return value

    def _plain(self, clip: str, i: int, name: str) -> np.ndarray | None:
        value = self._open(clip, i, name)
        return None if value is None else np.asarray(value)

    def _open(self, clip: str, i: int, name: str) -> np.ndarray | BlockedArray | None:
        if not any(start <= i < stop for start, stop in self._one(clip).spans):
            raise IndexError(
                f"{self._store.path}: expected a stored frame of {clip!r},"
                f" {self._stored_words(clip)}; got {i}"
            )
        about = self._store.record(clip, i).get(name)
        if about is None:
            return None
        value, where = self._store.value(clip, i, name), self.location(clip, i, name)
        self._checks.check(clip, i, name, about, value, where)
        return open_value(about, value, where)

    def _one(self, clip: str) -> StoredClip:
        if clip not in self._clips:
            names = ", ".join(list(self._clips)[:20])
            raise FileNotFoundError(
                f"{self._store.path}: expected one of {len(self._clips)} clips ({names}); got"
                f" {clip!r}"
            )
        return self._clips[clip]

    def _stored_words(self, clip: str) -> str:
        return ", ".join(f"{start}..{stop - 1}" for start, stop in self._clips[clip].spans)

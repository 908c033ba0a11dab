"""Content of an LMDB: options, clips and frames, fixed before the first frame is read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from stdnet_arch.data.database.lmdb_frame import StoreOptions, scales_with_files, unit_of
from stdnet_arch.data.database.lmdb_manifest import (
    FORMAT,
    FORMAT_VERSION,
    LONGEST_KEY,
    StoredClip,
    merge_spans,
    value_key,
)
from stdnet_arch.data.sources.clip_list import read_entries, resolve_spans
from stdnet_arch.data.sources.source import Source, build_source

BAD_INPUT = (OSError, ValueError, TypeError, KeyError, IndexError)
"""Errors of a source for files that are missing, broken or of the wrong size."""


@dataclass(frozen=True, kw_only=True)
class LmdbJob:
    """Order for :func:`stdnet_arch.data.database.lmdb_writer.create_lmdb`."""

    source: str
    """Name of a registered source."""
    root: str = ""
    """Folder of the raw dataset."""
    source_opt: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the source."""
    clips: str | Sequence[str] | None = None
    """Clip list as in a YAML; None for all clips of the source."""
    store: StoreOptions = field(default_factory=StoreOptions)
    """Choice of what is stored of each frame."""
    shard: tuple[int, int] | None = None
    """``(i, n)``: every n-th clip from the i-th on, counted from 1; None: all."""


@dataclass(frozen=True)
class LmdbPlan:
    """A job whose clips were looked up."""

    job: LmdbJob
    clips: tuple[StoredClip, ...]
    left_out: Mapping[str, str]
    """Entries of the clip list that cannot be read, and why."""
    default_range_m: float
    unit: str
    """Unit of depth: metres, but for a source that says otherwise."""

    def frames(self) -> list[tuple[str, int]]:
        """All frames to store, in order."""
        return [(one.clip, i) for one in self.clips for i in one.frames()]

    def describe(self) -> dict[str, Any]:
        """All that decides the content of the LMDB, for JSON."""
        job = self.job
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "source": {
                "name": job.source,
                "root": job.root,
                "source_opt": dict(job.source_opt),
                "default_range_m": self.default_range_m,
                "unit": self.unit,
            },
            "options": {**asdict(job.store), "scales": list(job.store.scales or ())},
            "split": {
                **({"shard": list(job.shard)} if job.shard else {}),
                "list": job.clips if isinstance(job.clips, str) else None,
                "asked": [
                    {"clip": c.clip, "count": c.count, "spans": [list(span) for span in c.spans]}
                    for c in self.clips
                ],
            },
        }


def make_plan(job: LmdbJob, skip_bad: bool = False) -> tuple[LmdbPlan, Source]:
    """Look up the clips of a job.

    Args:
        job: clips and options of the LMDB.
        skip_bad: leave out entries of the clip list that do not resolve, instead of raising.

    Raises:
        ValueError: a clip list that does not fit the files, or nothing to store.
        FileNotFoundError: no such folder, clip or list.
    """
    source = build_source(job.source, job.root, job.source_opt)
    available = source.clips()
    entries = list(available) if job.clips is None else read_entries(job.clips)
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    left_out = {}
    for entry in entries:
        try:
            (span,) = resolve_spans([entry], available)
        except BAD_INPUT as error:
            if not skip_bad:
                raise
            left_out[entry] = str(error)
            continue
        spans[span.clip].append((span.start, span.stop))
    if not spans:
        raise ValueError(
            f"expected at least one clip; got {'none that can be read' if entries else 'none'}"
        )
    clips = tuple(
        StoredClip(clip, available[clip], merge_spans(parts)) for clip, parts in spans.items()
    )
    for one in clips:
        _check_key(one)
    if job.store.scales is None:
        job = replace(job, store=_with_scales(job.store, source, clips, skip_bad))
    if job.shard:
        # After the scales were looked for, so that all shards store the same.
        clips = _shard(clips, *job.shard)
    return LmdbPlan(job, clips, left_out, source.default_range_m, unit_of(source)), source


def _shard(clips: tuple[StoredClip, ...], i: int, n: int) -> tuple[StoredClip, ...]:
    """Every n-th clip from the i-th on."""
    if i > len(clips):
        raise ValueError(
            f"shard {i}/{n}: expected at most as many shards as clips, {len(clips)}; got {n}"
        )
    return clips[i - 1 :: n]


def _with_scales(
    store: StoreOptions, source: Source, clips: Sequence[StoredClip], skip_bad: bool
) -> StoreOptions:
    """The options with scales in the place of None; a wish for LR depth is never passed over."""
    found = _found_scales(source, clips, skip_bad) if store.lq in {"auto", "files"} else ()
    if store.lq != "auto" and not found:
        raise ValueError(
            f"lq {store.lq}: expected the scales to store (--scale 4 8 16); got none, and no LR"
            " files that would tell"
        )
    return replace(store, scales=found)


def _found_scales(source: Source, clips: Sequence[StoredClip], skip_bad: bool) -> tuple[int, ...]:
    """Scales that the first readable clip has LR files for."""
    for one in clips:
        try:
            return scales_with_files(source, one.clip, one.spans[0][0])
        except BAD_INPUT:
            if not skip_bad:
                raise
    return ()


def _check_key(one: StoredClip) -> None:
    key = value_key(one.clip, one.count, "intrinsics").encode()
    if len(key) > LONGEST_KEY:
        raise ValueError(
            f"clip {one.clip!r}: expected a name whose keys have at most {LONGEST_KEY} bytes; got"
            f" {len(key)}"
        )

"""Raw RGB-D video to a finished LMDB: resumable, never half written, the same values every time.

Everything is written to ``X.lmdb.part``. A frame's values and its record go in one transaction, so
a killed run leaves whole frames. The next one continues with those that are missing. The manifest
is written last, and only then the folder gets its name.
"""

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb
from tqdm import tqdm

from stdnet_arch.data.database.lmdb_frame import StoredFrame
from stdnet_arch.data.database.lmdb_job import LmdbJob, LmdbPlan, make_plan
from stdnet_arch.data.database.lmdb_manifest import (
    MANIFEST,
    META_INFO,
    OLD,
    PART,
    Record,
    encode_record,
    frame_key,
    read_manifest,
    value_key,
    write_manifest,
)
from stdnet_arch.data.database.lmdb_pool import BadFrame, encode_frames
from stdnet_arch.data.database.lmdb_store import Environment, close_environment
from stdnet_arch.data.database.lmdb_summary import summarize
from stdnet_arch.data.sources.source import Source
from stdnet_arch.utils.whole_file import remove_parts, whole_file

JOB = "job.json"
MAP_START = 1 << 26  # bytes; doubled whenever it is full
COMMIT_BYTES, COMMIT_SECONDS = 1 << 26, 5.0  # what a kill may cost


@dataclass(frozen=True)
class Outcome:
    """Result of a job."""

    path: Path
    manifest: Mapping[str, Any]
    """See :func:`stdnet_arch.data.database.lmdb_summary.summarize`."""
    was_finished: bool
    """Nothing was to be done."""

    @property
    def left_out(self) -> dict[str, str]:
        """Clips that could not be read (``skip_bad``), and why."""
        return dict(self.manifest["left_out"])


def create_lmdb(
    job: LmdbJob,
    out: str | Path,
    *,
    workers: int = 1,
    skip_bad: bool = False,
    force: bool = False,
    quiet: bool = False,
) -> Outcome:
    """Write an LMDB, or continue with one where a run was stopped.

    Args:
        job: clips and options of the LMDB.
        out: the folder to make; its name ends in ``.lmdb``.
        workers: processes that read and encode. More than 1 start with ``spawn``: a script that
            calls this needs ``if __name__ == "__main__":``.
        skip_bad: leave out clips that cannot be read, instead of raising at the first bad frame.
        force: replace a finished LMDB of other options (once the new one is finished).
        quiet: no progress bar.

    Raises:
        ValueError: a bad frame, named with clip, number and file; options that differ from those
            of the finished LMDB or of the interrupted run.
        OSError: no room left, or another process is at it.
    """
    out = Path(out).expanduser()
    if out.suffix != ".lmdb":
        raise ValueError(f"expected a path that ends in .lmdb, as the toolbox does; got {out}")
    plan, source = make_plan(job, skip_bad)
    part = out.with_name(out.name + PART)
    resumed = (part / MANIFEST).is_file()  # killed between its last frame and its name
    if resumed:
        with _exclusively(part):
            _publish(part, out)
    if out.exists() and (resumed or not force):
        manifest = read_manifest(out)
        if not (force and _differences(manifest, plan)):
            _check_same(manifest, plan, f"{out} is finished; --force replaces it")
            return Outcome(out, manifest, True)
    elif out.exists():
        read_manifest(out)  # only what is one of ours is ever replaced
    part.mkdir(parents=True, exist_ok=True)
    with _exclusively(part):
        manifest = _fill(part, plan, source, workers, skip_bad, quiet)
        _publish(part, out)
    return Outcome(out, manifest, False)


def _fill(
    part: Path, plan: LmdbPlan, source: Source, workers: int, skip_bad: bool, quiet: bool
) -> dict[str, Any]:
    """Write what is missing; returns the manifest, which is written too."""
    bad = dict(plan.left_out)
    with _environment(part, plan) as environment:
        todo, total = _missing(environment, plan), len(plan.frames())
        sizes = _stored_sizes(environment, plan)
        wanted = (frame for frame in todo if frame[0] not in bad)
        encoded = encode_frames(plan.job, source, wanted, workers)
        with (
            tqdm(total=total, initial=total - len(todo), unit="frame", disable=quiet) as bar,
            closing(encoded),
        ):
            _write_frames(environment, encoded, sizes, bad if skip_bad else None, bar)
        _delete_clips(environment, plan, bad)
        _check_any_left(plan, bad)
        manifest = summarize(plan, bad, environment, part / META_INFO)
        environment.sync(True)
    write_manifest(part, manifest)
    return manifest


def _write_frames(
    environment: Environment,
    encoded: Iterable[StoredFrame | BadFrame],
    sizes: dict[str, tuple[int, int]],
    bad: dict[str, str] | None,
    bar: Any,  # noqa: ANN401  tqdm's class is generic only in its stubs
) -> None:
    """Write frames as they come; bad clips are noted in ``bad``, or raised if there is none."""
    pending = Pending(environment)
    for frame in encoded:
        checked = _checked(frame, sizes)
        if isinstance(checked, StoredFrame):
            pending.add(checked)
        elif bad is None:
            pending.flush()
            raise ValueError(
                f"clip {checked.clip!r}, frame {checked.index}: {checked.reason} (mend it and run"
                " the same command again; or, if the frame is bad and no option wrong, leave such"
                " clips out with --skip-bad)"
            )
        else:
            bad.setdefault(checked.clip, f"frame {checked.index}: {checked.reason}")
        bar.update()
    pending.flush()


def _checked(
    frame: StoredFrame | BadFrame, sizes: dict[str, tuple[int, int]]
) -> StoredFrame | BadFrame:
    """The frame, or a bad one in its place if its size is not the clip's."""
    if isinstance(frame, BadFrame):
        return frame
    first = sizes.setdefault(frame.clip, frame.size)
    expected, got = ("x".join(map(str, size)) for size in (first, frame.size))
    if expected == got:
        return frame
    reason = f"{frame.file}: expected {expected}, as the clip's first frame; got {got}"
    return BadFrame(frame.clip, frame.index, reason)


def _stored_sizes(environment: Environment, plan: LmdbPlan) -> dict[str, tuple[int, int]]:
    """The size of each clip whose first frame an earlier run stored."""
    sizes = {}
    with environment.begin() as transaction:
        for one in plan.clips:
            record = transaction.get(frame_key(one.clip, one.spans[0][0]).encode())
            if record is not None:
                height, width = json.loads(record)["depth"]["shape"]
                sizes[one.clip] = height, width
    return sizes


def _missing(environment: Environment, plan: LmdbPlan) -> list[tuple[str, int]]:
    with environment.begin() as transaction:
        return [
            frame for frame in plan.frames() if transaction.get(frame_key(*frame).encode()) is None
        ]


def _delete_clips(environment: Environment, plan: LmdbPlan, bad: Mapping[str, str]) -> None:
    """Remove what was stored of clips that turned out bad."""
    with environment.begin() as transaction:
        doomed = [
            key
            for one in plan.clips
            if one.clip in bad
            for i in one.frames()
            for key in _keys_of_frame(transaction, one.clip, i)
        ]
    put(environment, dict.fromkeys(doomed))


def _check_any_left(plan: LmdbPlan, bad: Mapping[str, str]) -> None:
    """An LMDB without a clip is no finished one: it is the options that are wrong, or the root."""
    if all(one.clip in bad for one in plan.clips):
        clip, reason = next(iter(bad.items()))
        raise ValueError(
            f"expected at least one clip that can be stored; got {len(bad)} bad ones, first"
            f" {clip!r}: {reason}"
        )


def _keys_of_frame(
    transaction: Any,  # noqa: ANN401  lmdb has no annotations
    clip: str,
    i: int,
) -> list[bytes]:
    record = transaction.get(frame_key(clip, i).encode())
    if record is None:
        return []
    keys = [frame_key(clip, i), *(value_key(clip, i, name) for name in json.loads(record))]
    return [key.encode() for key in keys]


@contextmanager
def _environment(part: Path, plan: LmdbPlan) -> Iterator[Environment]:
    """The LMDB to continue with, made by a run of the same options, or a new one."""
    remove_parts(part)
    file = part / JOB
    if not file.is_file():
        if any(part.iterdir()):
            raise FileExistsError(
                f"{part}: expected an unfinished LMDB with {JOB}; got other files"
            )
        _write_job(file, plan)
    # Only we write, see _exclusively: no lock file to be left behind.
    environment = lmdb.open(str(part), map_size=MAP_START, lock=False)
    try:
        if environment.stat()["entries"] == 0:
            _write_job(file, plan)  # nothing came of the run that was asked for something else
        begun = json.loads(file.read_text(encoding="utf-8"))
        _check_same(begun, plan, f"{part} was begun; delete it to begin again")
        yield environment
    finally:
        environment.close()


def _write_job(file: Path, plan: LmdbPlan) -> None:
    with whole_file(file) as whole:
        whole.write_text(json.dumps(plan.describe(), indent=1), encoding="utf-8")


def _differences(other: Mapping[str, Any], plan: LmdbPlan) -> list[str]:
    """In what an LMDB was asked for otherwise than a plan asks, in words."""
    mine = json.loads(json.dumps(plan.describe()))
    found = []
    for section in ("source", "options", "split"):
        for name, value in mine[section].items():
            was = other[section].get(name)
            if was != value:
                short = name == "asked"  # thousands of clips
                found.append("other clips" if short else f"{name} {value!r} (was {was!r})")
    return found


def _check_same(other: Mapping[str, Any], plan: LmdbPlan, what: str) -> None:
    differences = _differences(other, plan)
    if differences:
        raise ValueError(f"{what}: expected the same options; got {', '.join(differences)}")


def _publish(part: Path, out: Path) -> None:
    """Give a complete folder its name."""
    (part / JOB).unlink(missing_ok=True)
    old = out.with_name(out.name + OLD)
    close_environment(out)
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    part.rename(out)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _exclusively(folder: Path) -> Iterator[None]:
    """Only one process at a time writes to a folder; a killed one lets go of it."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"{folder}: another process is writing to it; wait for it") from None
        yield
    finally:
        os.close(handle)


class Pending:
    """Frames that wait to be written together: a commit waits for the disk.

    Args:
        environment: open for writing.
    """

    def __init__(self, environment: Environment) -> None:
        """Start empty."""
        self._environment = environment
        self._items: dict[bytes, bytes] = {}
        self._bytes, self._since = 0, time.monotonic()

    def add(self, frame: StoredFrame) -> None:
        """Take a frame with its record; write when there is enough."""
        for value in frame.values:
            self._items[value_key(frame.clip, frame.index, value.name).encode()] = value.data
            self._bytes += len(value.data)
        record: Record = {value.name: value.about for value in frame.values}
        self._items[frame_key(frame.clip, frame.index).encode()] = encode_record(record)
        if self._bytes > COMMIT_BYTES or time.monotonic() - self._since > COMMIT_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting."""
        put(self._environment, self._items)
        self._items, self._bytes, self._since = {}, 0, time.monotonic()


def put(environment: Environment, items: Mapping[bytes, bytes | None]) -> None:
    """Write all, or nothing.

    Args:
        environment: open for writing; its map is doubled while it is too small.
        items: key to value; None deletes the key.

    Raises:
        OSError: the disk is full, or cannot be written.
    """
    try:
        while not _fits(environment, items):
            environment.set_mapsize(2 * environment.info()["map_size"])
    except lmdb.Error as error:
        raise OSError(
            f"{environment.path()}: could not write: {error} (what was written before is kept:"
            " make room and run the same command again)"
        ) from error


def _fits(environment: Environment, items: Mapping[bytes, bytes | None]) -> bool:
    try:
        with environment.begin(write=True) as transaction:
            for key, value in items.items():
                transaction.delete(key) if value is None else transaction.put(key, value)
    except lmdb.MapFullError:
        return False
    return True

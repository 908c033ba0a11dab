"""Encoding frames, in this process or in several, in order and in bounded memory."""

import os
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait

import cv2

from stdnet_arch.data.database.lmdb_frame import StoredFrame, encode_frame
from stdnet_arch.data.database.lmdb_job import BAD_INPUT, LmdbJob
from stdnet_arch.data.sources.source import Source, build_source
from stdnet_arch.utils.interrupts import ignoring_interrupts

AHEAD = 3  # frames in work or waiting, per worker
_worker: dict[str, tuple[LmdbJob, Source]] = {}


@dataclass(frozen=True)
class BadFrame:
    """A frame that cannot be stored, and why."""

    clip: str
    index: int
    reason: str


def encode_frames(
    job: LmdbJob, source: Source, frames: Iterable[tuple[str, int]], workers: int
) -> Generator[StoredFrame | BadFrame, None, None]:
    """The frames of a job, in order.

    Args:
        job: clips and options; its scales must not be None.
        source: the job's, for this process.
        frames: clip and number of each; asked for when there is work to be given out.
        workers: processes; 1 works in this one.

    Raises:
        BrokenProcessPool: a worker was killed, for instance for lack of memory.
    """
    if workers <= 1:
        for clip, i in frames:
            yield _encode(job, source, clip, i)
        return
    context = get_context("spawn")  # a fork would copy the threads' locks and the open LMDB
    pool = ProcessPoolExecutor(workers, context, _start_worker, (job,))
    waiting: deque[Future[StoredFrame | BadFrame]] = deque()
    try:
        for clip, i in frames:
            with ignoring_interrupts():  # it may start a worker
                waiting.append(pool.submit(_encode_in_worker, clip, i))
            if len(waiting) >= AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _encode(job: LmdbJob, source: Source, clip: str, i: int) -> StoredFrame | BadFrame:
    try:
        return encode_frame(source, clip, i, job.store)
    except BAD_INPUT as error:
        return BadFrame(clip, i, str(error))


def _encode_in_worker(clip: str, i: int) -> StoredFrame | BadFrame:
    job, source = _worker["own"]
    return _encode(job, source, clip, i)


def _start_worker(job: LmdbJob) -> None:
    cv2.setNumThreads(1)
    _worker["own"] = job, build_source(job.source, job.root, job.source_opt)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A parent that was killed cannot stop its workers, and they would wait for work for ever.
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

"""One run of ``infer`` in a thread of its own: its lines, how fast it is, how it is stopped."""

import logging
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from stdnet_arch.archs.contract import contract_of
from stdnet_arch.data.recordings.recording import Recording
from stdnet_arch.inference.jobs.default_weights import fill_in_weights
from stdnet_arch.inference.jobs.job import FRAMES, Job, open_job, run_job, say_opening
from stdnet_arch.inference.jobs.options import job_options, predictor_of
from stdnet_arch.inference.predictor import DepthSRPredictor
from stdnet_arch.utils.commands import tell_error

LOGGER = logging.getLogger("stdnet_arch")
MOST_LINES = 200


class StopRequestedError(Exception):
    """Somebody pressed the stop button."""


class Opened:
    """A recording and a network that fit together, and the lines that ``infer`` says of them.

    Args:
        args: options of ``infer``.

    Raises:
        Exception: whatever ``infer`` refuses, with its message.
    """

    def __init__(self, args: Namespace) -> None:
        self.lines: list[str] = []
        with gathering(self.lines):
            self.job = Job(depth=args.depth, rgb=args.rgb, output=args.output, **job_options(args))
            fill_in_weights(args, [self.job])
            self.predictor: DepthSRPredictor = predictor_of(args)
            if self.job.error_map and not contract_of(self.predictor.net).expects_error:
                LOGGER.info("this network expects no errors: there will be no map of them")
                self.job = replace(self.job, error_map=False)
            recording = open_job(self.job, self.predictor.scale)
            say_opening(self.job, self.predictor, recording)
        self.recording: Recording = recording


class Run:
    """A run in the background.

    Args:
        job: job to run.
        predictor: the network.
    """

    def __init__(self, job: Job, predictor: DepthSRPredictor) -> None:
        self.job, self.predictor = job, predictor
        self.lines: list[str] = []
        self.error = ""
        self.what, self.made = FRAMES, 0
        """Things that are being made, and the number of finished frames."""
        self._began_s = self._last_s = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="view-run", daemon=True)

    def start(self) -> "Run":
        """Begin."""
        self._began_s = self._last_s = time.monotonic()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask it to stop after the frame that is being made; what was made stays."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait; tell whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def stopped(self) -> bool:
        """Tell whether somebody has asked it to stop."""
        return self._stop.is_set()

    def rate(self) -> float:
        """Return frames per second, of the frames that this run has made."""
        passed_s = self._last_s - self._began_s
        return self.made / passed_s if passed_s > 0 else 0.0

    def _run(self) -> None:
        try:
            with gathering(self.lines):
                run_job(self.job, self.predictor, quiet=True, tick=self._tick)
        except StopRequestedError:
            pass
        except Exception as error:
            self.error = tell_error(error)

    def _tick(self, what: str) -> None:
        self.what = what
        if what == FRAMES:
            self.made += 1
            self._last_s = time.monotonic()
        if self._stop.is_set():
            raise StopRequestedError


@contextmanager
def gathering(lines: list[str]) -> Iterator[None]:
    """Gather what this thread says meanwhile; other threads serve other people."""
    if not LOGGER.isEnabledFor(logging.INFO):
        LOGGER.setLevel(logging.INFO)
    handler = _Lines(lines, threading.get_ident())
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)


class _Lines(logging.Handler):
    def __init__(self, lines: list[str], thread: int) -> None:
        super().__init__(logging.INFO)
        self.lines, self.thread = lines, thread

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line of our thread; the first and the last ones if there are many."""
        if record.thread == self.thread:
            self.lines.append(record.getMessage())
            if len(self.lines) > MOST_LINES:
                del self.lines[MOST_LINES // 2]

"""Actions behind the buttons of the page for one visitor, apart from how they look."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from stdnet_arch.inference.jobs.job import FRAMES, open_job
from stdnet_arch.inference.jobs.reopening import is_result, reopen
from stdnet_arch.utils.commands import is_about_input, tell_error
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.view.clip import ShownClip
from stdnet_arch.view.places import Places
from stdnet_arch.view.run import Opened, Run
from stdnet_arch.view.sessions import Session
from stdnet_arch.view.wanted import Wanted
from stdnet_arch.weights.shipped import list_shipped

LOGGER = logging.getLogger(__name__)
TOLD_EVERY_S = 0.3


class Told(NamedTuple):
    """Answer that a visitor sees after a button."""

    lines: str
    """Lines that ``infer`` prints."""
    progress: str = ""
    error: str = ""
    news: bool = False
    """The viewer must be loaded again."""


@dataclass(frozen=True)
class JobForm:
    """The fields of the page; uploads are in the session and win over typed paths."""

    depth: str = ""
    rgb: str = ""
    truth: str = ""
    weights: str = ""
    """The name of shipped weights, a path, or nothing: what fits."""
    error_map: bool = True
    ply: bool = False
    video: bool = False
    options: str = ""


class Desk:
    """Opens and runs what visitors ask for.

    Args:
        places: files of this machine that they may read.
        keep: folder of the results; None: they go with the visitor.
        device: device of the networks.
    """

    def __init__(self, places: Places, keep: Path | None = None, device: str = "auto") -> None:
        self.places, self.keep, self.device = places, keep, device

    def open(self, session: Session, form: JobForm) -> Told:
        """Open what the form names: a finished result, or a recording with a network."""
        try:
            return self._open(session, form)
        except Exception as error:
            session.opened = session.shown = session.wanted = None
            if not is_about_input(error):
                LOGGER.exception("a bug")
            return Told("", error=tell_error(error), news=True)

    def run(self, session: Session, form: JobForm) -> Iterator[Told]:
        """Open, then run, telling the progress; a run that was stopped continues."""
        told = self.open(session, form)
        yield told
        opened = session.opened
        if told.error or opened is None:
            error = told.error or "this is a finished result; name a recording to run a network"
            yield told._replace(error=error)
            return
        run = session.run = Run(opened.job, opened.predictor).start()
        ended = False
        while not ended:
            ended = run.wait(TOLD_EVERY_S)
            yield Told(_join(opened.lines, run.lines), self.progress(session, ended), run.error)

    def stop(self, session: Session) -> str:
        """Ask the run to stop."""
        if not session.is_running() or session.run is None:
            return "nothing is running"
        session.run.stop()
        return "stopping after this frame; what was made stays"

    def progress(self, session: Session, ended: bool) -> str:
        """Say how far the visitor's run is."""
        run, shown = session.run, session.shown
        if run is None or shown is None:
            return ""
        said = f"{shown.made()} of {len(shown)} frames, {run.rate():.2f} frames/s"
        if not ended:
            return f"running: {said}" + (f"; making {run.what}" if run.what != FRAMES else "")
        return f"{'stopped' if run.stopped and not shown.done else 'ended'}: {said}"

    def _open(self, session: Session, form: JobForm) -> Told:
        if session.is_running():
            raise InputError("a run is going on; stop it first")
        depth = session.sent.get("depth") or self.places.find(form.depth)
        if depth is None:
            raise InputError("name or upload a recording first")
        if "depth" not in session.sent and is_result(depth):
            return _open_result(session, depth)
        wanted = self._wanted(session, form, depth)
        again = session.wanted == wanted and session.opened is not None
        if session.opened is None or not again:
            session.leave_output()
            session.wanted, session.run = wanted, None
            session.opened = self._opened(session, wanted)
        opened = session.opened
        if session.shown is None or not again:
            recording = open_job(opened.job, opened.predictor.scale)
            session.shown = ShownClip(opened.job, recording)
        return Told("\n".join(opened.lines), news=not again)

    def _opened(self, session: Session, wanted: Wanted) -> Opened:
        output = session.new_output(self.keep)
        try:
            return Opened(wanted.parsed(output, self.device))
        except BaseException:
            with suppress(OSError):  # it holds something
                output.rmdir()
            raise

    def _wanted(self, session: Session, form: JobForm, depth: Path) -> Wanted:
        sent, find = session.sent, self.places.find
        weights: Path | str | None = sent.get("weights") or form.weights.strip() or None
        shipped = [one.name for one in list_shipped()]
        if isinstance(weights, str) and weights.lower() not in map(str.lower, shipped):
            named, weights = weights, find(weights)
            if weights is not None and not weights.exists():
                raise InputError(
                    f"the network must be one of {', '.join(shipped)} or a checkpoint; there is no "
                    f"file {named}"
                )
        return Wanted(
            depth,
            sent.get("rgb") or find(form.rgb),
            sent.get("truth") or find(form.truth),
            weights,
            form.error_map,
            form.ply,
            form.video,
            form.options,
        )


def _open_result(session: Session, folder: Path) -> Told:
    """Show a finished or a stopped result, without computing anything."""
    result = reopen(folder)
    about, recording = f"result of {result.job.depth}", None
    session.opened = session.wanted = session.run = None
    try:
        recording = open_job(result.job, result.scale)
    except Exception as error:
        if not is_about_input(error):
            raise
        about = f"only the result is shown, its recording cannot be opened: {tell_error(error)}"
    try:
        session.shown = ShownClip(result.job, recording, result.names)
    except (ValueError, OSError) as error:
        plain = replace(result.job, side_outputs=result.job.side_outputs._replace(gt=None))
        session.shown = ShownClip(plain, recording, result.names)
        about += f"; without its truth: {tell_error(error)}"
    return Told(f"{about}; network x{result.scale}", news=True)


def _join(before: list[str], now: list[str]) -> str:
    """Join lines; a run says again what opening said."""
    return "\n".join([*before, *(line for line in list(now) if line not in before)])

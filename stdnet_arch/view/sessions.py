"""Visitors, each with a folder of their own that goes when they leave."""

import logging
import os
import secrets
import shutil
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stdnet_arch.utils.folder_lock import LOCK, let_go, take_folder
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.view.clip import ShownClip
from stdnet_arch.view.run import Opened, Run
from stdnet_arch.view.uploads import held_bytes, take_uploads
from stdnet_arch.view.wanted import Wanted

LOGGER = logging.getLogger(__name__)
PREFIX = "stdnet-view-"
UPLOADS, RESULTS, POINTS = "uploads", "results", "points"
MOST_VISITORS = 32
LEAVING_S = 20.0
"""Longest wait for a run that was asked to stop, before its folder is deleted."""


@dataclass
class Session:
    """One visitor: a tab of a browser."""

    folder: Path
    most_bytes: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """Names the visitor in addresses; nobody else knows it."""
    wanted: Wanted | None = None
    """Request that ``opened`` was opened for."""
    opened: Opened | None = None
    shown: ShownClip | None = None
    run: Run | None = None
    sent: dict[str, Path] = field(default_factory=dict)
    """Uploads by what they are: ``depth``, ``rgb``, ``truth``, ``weights``."""
    results: int = 0

    def take(self, what: str, paths: list[Path]) -> Path:
        """Take an upload in, in place of an earlier one of its kind; see ``take_uploads``.

        Raises:
            InputError: the upload is refused, or a run reads the earlier one.
        """
        self.forget(what)
        kept = self.folder / UPLOADS / what
        left = self.most_bytes - held_bytes(self.folder / UPLOADS)
        self.sent[what] = take_uploads(paths, kept, left)
        return self.sent[what]

    def forget(self, what: str) -> None:
        """Delete an upload.

        Raises:
            InputError: a run may be reading it.
        """
        if self.is_running():
            raise InputError("a run is going on; stop it before you change its files")
        self.wanted = None
        if self.sent.pop(what, None) is not None:
            shutil.rmtree(self.folder / UPLOADS / what, ignore_errors=True)

    def new_output(self, root: Path | None) -> Path:
        """Name a folder for results: in the visitor's own, or in one that is kept.

        Args:
            root: folder of the results; None: nowhere, they go with the visitor.
        """
        place = self.folder / RESULTS if root is None else root
        place.mkdir(parents=True, exist_ok=True)
        while True:
            self.results += 1
            path = place / f"result_{self.results:03d}"
            try:
                path.mkdir()
            except FileExistsError:
                continue  # of an earlier page, or of somebody else
            return path

    def leave_output(self) -> None:
        """Remove the folder of the last results, if nothing was written there."""
        if self.opened is not None:
            with suppress(OSError):  # it holds something
                self.opened.job.output.rmdir()

    def is_running(self) -> bool:
        """Tell whether a run is going on."""
        return self.run is not None and not self.run.wait(0)

    def close(self) -> None:
        """Stop what runs, and delete the visitor's folder."""
        if self.run is not None:
            self.run.stop()
            self.run.wait(LEAVING_S)
        self.leave_output()
        self.opened = self.shown = None
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """All visitors of one page.

    Args:
        most_bytes: largest size of one visitor's uploads, zips unpacked.
        root: folder of their folders; None: a new temporary folder. Those that a program left
            behind which was killed are deleted.
    """

    def __init__(self, most_bytes: int, root: Path | None = None) -> None:
        if root is None:
            _sweep(Path(tempfile.gettempdir()))
            root = Path(tempfile.mkdtemp(prefix=PREFIX))
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)
        self.root, self.most_bytes = root, most_bytes
        self._handle = take_folder(root)
        self._by_key: dict[str, Session] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count the visitors."""
        return len(self._by_key)

    def of(self, key: str | None) -> Session:
        """Return the visitor whom the browser's tab names, a new one if need be.

        Raises:
            InputError: the tab says no name, or too many visitors are here.
        """
        if not key:
            raise InputError("this page needs a browser")
        with self._lock:
            if key not in self._by_key:
                if len(self._by_key) >= MOST_VISITORS:
                    raise InputError(f"{MOST_VISITORS} visitors are here; come back later")
                folder = Path(tempfile.mkdtemp(prefix="visitor-", dir=self.root))
                self._by_key[key] = Session(folder, self.most_bytes)
            return self._by_key[key]

    def shown(self, token: str) -> tuple[Session, ShownClip]:
        """Return what the visitor with a token looks at.

        Raises:
            KeyError: no such visitor, or nothing is opened.
        """
        for session in list(self._by_key.values()):
            if secrets.compare_digest(session.token.encode(), token.encode()):
                shown = session.shown
                if shown is not None:
                    return session, shown
        raise KeyError("nothing is opened under this address")

    def close(self, key: str | None) -> None:
        """Let a visitor go, and delete what belongs to them."""
        with self._lock:
            session = self._by_key.pop(key or "", None)
        if session is not None:
            session.close()

    def close_all(self) -> None:
        """Let all go, and delete everything."""
        for key in list(self._by_key):
            self.close(key)
        let_go(self.root, self._handle)
        shutil.rmtree(self.root, ignore_errors=True)

    def drop(self) -> None:
        """Delete everything at once, while the program is being ended."""
        for session in list(self._by_key.values()):
            if session.run is not None:
                session.run.stop()
        for path in self.root.iterdir():  # the lock last: with it, the next page goes on with this
            shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Delete what pages that were killed have left of their visitors."""
    for left in folder.glob(f"{PREFIX}*"):
        # Without a lock file, it is just being made, or no page's.
        if left.is_symlink() or not (left / LOCK).is_file() or left.stat().st_uid != os.getuid():
            continue
        try:
            handle = take_folder(left)
        except OSError:
            continue  # its program lives
        let_go(left, handle)
        shutil.rmtree(left, ignore_errors=True)
        LOGGER.info("deleted %s, left behind by a page that was killed", left)

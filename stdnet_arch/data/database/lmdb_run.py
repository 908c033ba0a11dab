"""Runs of the scripts that write and verify LMDBs: what they say, and how they end."""

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stdnet_arch.data.database.lmdb_job import LmdbJob
from stdnet_arch.data.database.lmdb_shards import shard_path
from stdnet_arch.data.database.lmdb_summary import describe_manifest
from stdnet_arch.data.database.lmdb_verify import verify_lmdb
from stdnet_arch.data.database.lmdb_writer import create_lmdb
from stdnet_arch.utils.commands import FAILED, run_command

LEFT_OUT = 3


@dataclass(frozen=True, kw_only=True)
class LmdbRun:
    """One run of ``scripts/create_lmdb.py``."""

    job: LmdbJob
    out: Path
    """``X.lmdb``; a shard is written beside it."""
    workers: int = 1
    """Processes that read and encode."""
    skip_bad: bool = False
    """Leave out clips with bad frames."""
    force: bool = False
    """Replace a finished LMDB."""
    verify: bool = False
    """Then read everything again, and the raw files."""
    quiet: bool = False
    """No progress."""
    debug: bool = False
    """Errors with their stack."""

    def start(self) -> int:
        """Write as :meth:`write` does; an error is one message, and an exit code."""
        return guarded(self.write, self.debug)

    def write(self) -> int:
        """Write the LMDB, or the missing rest of it.

        Returns:
            0 if all went well, 1 if it is not as it was written, 3 if clips were left out.
        """
        shard = self.job.shard
        outcome = create_lmdb(
            self.job,
            shard_path(self.out, shard) if shard else self.out,
            workers=self.workers,
            skip_bad=self.skip_bad,
            force=self.force,
            quiet=self.quiet,
        )
        done = "was finished already" if outcome.was_finished else "written"
        _say(f"{outcome.path}: {done}\n{describe_manifest(outcome.manifest)}")
        if self.verify and _verify(outcome.path, self.job.root or None, self.quiet):
            return FAILED
        return LEFT_OUT if outcome.left_out else 0


def verify(path: Path, root: str | None = None, quiet: bool = False, debug: bool = False) -> int:
    """Compare an LMDB with its checksums and, if there is a ``root``, with the raw files.

    Returns:
        0 if everything is as it was written, 1 with messages if not, 130 for Ctrl-C.
    """
    return guarded(lambda: _verify(path, root, quiet), debug)


def _verify(path: Path, root: str | None, quiet: bool) -> int:
    problems = verify_lmdb(path, root, quiet)
    _say("\n".join(problems) if problems else f"{path}: everything is as it was written")
    return FAILED if problems else 0


def guarded(run: Callable[[], int], debug: bool = False) -> int:
    """Run a command; return its exit code, 1 for an error, 130 for Ctrl-C."""
    logging.captureWarnings(True)
    return run_command(run, _say, debug=debug)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")

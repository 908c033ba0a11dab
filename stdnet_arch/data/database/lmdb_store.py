"""Opening LMDBs: one environment per path and process, shared by all readers, never pickled.

lmdb >= 2 refuses to open a path twice in a process, so training and validation share here. Nothing
is locked and nothing is written, which also makes what a forked worker inherits safe to read. A
spawned worker opens its own at its first read.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

from stdnet_arch.data.database.lmdb_manifest import (
    Record,
    check_manifest,
    frame_key,
    read_manifest,
    value_key,
)
from stdnet_arch.utils.input_errors import InputError, check_regular, reading

Environment = Any  # lmdb has no annotations

READ_ONLY = {"readonly": True, "lock": False, "readahead": False}
_opened: dict[str, Environment] = {}
_opening = threading.Lock()
_transactions = threading.local()


def open_environment(path: str | Path, **options: bool) -> Environment:
    """The read-only environment of a path, opened once per process.

    Args:
        path: folder of the LMDB.
        options: options of ``lmdb.open``, for the first to open it; nothing is locked by default.
    """
    import lmdb

    real = os.path.realpath(path)
    with _opening:
        if real not in _opened:
            check_regular(Path(real) / "data.mdb")
            with reading(real):
                environment = lmdb.open(real, **{**READ_ONLY, **options})
                _check_not_cut(environment, Path(real))
            _opened[real] = environment
        return _opened[real]


def close_environment(path: str | Path) -> None:
    """Forget an environment, so that what is written to its path later is seen."""
    real = os.path.realpath(path)
    with _opening:
        environment = _opened.pop(real, None)
    vars(_transactions).pop(real, None)
    if environment is not None:
        environment.close()


def _check_not_cut(environment: Environment, path: Path) -> None:
    # Reading beyond the end of the mapped file would end the process with SIGBUS.
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    size = (path / "data.mdb").stat().st_size
    if size < needed:
        environment.close()
        raise ValueError(
            f"{path / 'data.mdb'}: expected {needed} bytes; got {size} (an incomplete copy?)"
        )


class LmdbStore:
    """The values of a finished LMDB.

    Args:
        path: the folder ``X.lmdb``.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the manifest; the database is opened at the first read of each process."""
        self.path = Path(path).expanduser()
        self.manifest = read_manifest(self.path)
        check_manifest(self.manifest, self.path)
        self._real = os.path.realpath(self.path)

    def get(self, key: str) -> memoryview:
        """The bytes under a key, not copied: a view of the mapped file."""
        data = self._transaction().get(key.encode())
        if data is None:
            raise KeyError(
                f"{self.path}: expected a value {key!r}; got none (scripts/verify_lmdb.py says"
                " what else is missing)"
            )
        return memoryview(data)

    def record(self, clip: str, i: int) -> Record:
        """Read the record of a frame."""
        stored = bytes(self.get(frame_key(clip, i)))
        with reading(f"{self.path}: {frame_key(clip, i)}"):
            record = json.loads(stored)
            if not all(isinstance(about, dict) for about in record.values()):
                raise InputError(f"expected a record of values; got {record!r}")
            return record

    def value(self, clip: str, i: int, name: str) -> memoryview:
        """One value of a frame."""
        return self.get(value_key(clip, i, name))

    def _transaction(self) -> Any:  # noqa: ANN401
        # One per thread, kept: the content never changes, and views stay valid.
        held = vars(_transactions)
        if self._real not in held:
            held[self._real] = open_environment(self._real).begin(buffers=True)
        return held[self._real]

"""Writing to an LMDB in whole transactions, in a map that grows as it must."""

import time
from collections.abc import Mapping

import lmdb

from stdnet_arch.data.database.lmdb_frame import StoredFrame
from stdnet_arch.data.database.lmdb_manifest import Record, encode_record, frame_key, value_key
from stdnet_arch.data.database.lmdb_store import Environment

COMMIT_BYTES, COMMIT_SECONDS = 1 << 26, 5.0  # what a kill may cost


class Batch:
    """Frames that are written together: a commit waits for the disk.

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

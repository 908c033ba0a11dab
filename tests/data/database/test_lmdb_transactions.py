"""Writing in whole transactions: all or nothing, whatever the size of map and disk."""

import resource

import lmdb
import pytest

from stdnet_arch.data.database import lmdb_writer
from stdnet_arch.data.database.lmdb_frame import StoredFrame
from stdnet_arch.data.database.lmdb_values import describe
from stdnet_arch.data.database.lmdb_writer import Pending, put


@pytest.fixture
def environment(tmp_path):
    with lmdb.open(str(tmp_path / "x.lmdb"), map_size=1 << 15, lock=False) as opened:
        yield opened


def items_of(environment):
    with environment.begin() as transaction:
        return {bytes(key): bytes(value) for key, value in transaction.cursor()}


def test_the_map_doubles_until_all_fits(environment):
    items = {b"a": bytes(9), b"b": b"x" * 300_000}
    put(environment, items)
    assert items_of(environment) == items
    assert environment.info()["map_size"] == 1 << 19


def test_none_deletes(environment):
    put(environment, {b"a": b"1", b"b": b"2"})
    put(environment, {b"a": None, b"never": None})
    assert items_of(environment) == {b"b": b"2"}


def test_frames_wait_for_one_another_and_come_with_their_records(environment, monkeypatch):
    monkeypatch.setattr(lmdb_writer, "COMMIT_SECONDS", 1e9)  # however slow the machine
    batch = Pending(environment)
    batch.add(StoredFrame("c", 7, "file", (1, 2), [describe("depth", b"ab", shape=[1, 2])]))
    assert items_of(environment) == {}
    batch.flush()
    assert sorted(items_of(environment)) == [b"c/000007", b"c/000007/depth"]


def test_a_full_disk_is_an_error_and_what_was_written_stays(environment):
    put(environment, {b"a": b"1"})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(OSError, match=r"x.lmdb: could not write: .*make room and run"):
            put(environment, {b"b": b"x" * 300_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert items_of(environment) == {b"a": b"1"}

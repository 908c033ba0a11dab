"""Stores of frames: order, errors that name the frame, travel to other processes."""

import pickle

import lmdb
import numpy as np
import pytest
from fake_frames import write_rgb
from fake_septuplets import make_lmdb

from stdnet_arch.data.rgb.rgb_store import ClipFolders, SeptupletFolders, ToolboxLMDB, open_store


def grey(value):
    return np.full((4, 6, 3), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Twelve frames without leading zeros: by name im10 comes before im2."""
    for i in range(12):
        write_rgb(tmp_path / "png/a/im" / f"im{i + 1}.png", grey(i))
    return tmp_path / "png"


@pytest.fixture
def database(folder):
    make_lmdb(folder, folder.parent / "x.lmdb")
    return folder.parent / "x.lmdb"


def test_frames_come_in_the_order_of_their_numbers(folder, database):
    stores = [(ToolboxLMDB(str(database)), "a/im"), (ClipFolders(str(folder / "a")), "im")]
    for store, clip in stores:
        assert store.clips() == [clip]
        assert [store.read(clip, i)[0, 0, 0] for i in range(store.count(clip))] == list(range(12))


def test_a_store_travels_to_another_process_after_a_read(database):
    store = ToolboxLMDB(str(database))
    store.read("a/im", 0)
    twin = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(twin.read("a/im", 3), grey(3))


def test_two_stores_of_one_database_live_side_by_side(database):
    stores = [ToolboxLMDB(str(database)) for _ in range(2)]
    assert [int(store.read("a/im", 5).mean()) for store in stores] == [5, 5]


def test_septuplets_are_found_without_looking_into_them(tmp_path):
    for name in ("00002/0001", "00001/0010", "00001/0002"):
        (tmp_path / name).mkdir(parents=True)
    store = SeptupletFolders(str(tmp_path))
    assert store.clips() == ["00001/0002", "00001/0010", "00002/0001"]
    assert store.location("00001/0002", 6) == str(tmp_path / "00001/0002/im7.png")


def test_a_key_that_the_list_promises_and_the_database_lacks_is_named(database):
    with (database / "meta_info.txt").open("a") as meta:
        meta.write("a/im/im13.png (4,6,3) 1\n")
    with pytest.raises(KeyError, match="expected the key a/im/im13"):
        ToolboxLMDB(str(database)).read("a/im", 12)


def test_a_truncated_value_is_named(tmp_path, folder):
    make_lmdb(folder, path := tmp_path / "cut.lmdb")
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"a/im/im2", transaction.get(b"a/im/im2")[:-20])
    with pytest.raises(ValueError, match="cut.lmdb:a/im/im2: expected a whole image"):
        ToolboxLMDB(str(path)).read("a/im", 1)


def test_a_list_of_another_form_is_refused(database):
    (database / "meta_info.txt").write_text("a/im/im1.png\n")
    with pytest.raises(
        ValueError, match=r"expected lines 'key.png \(H,W,3\) 1'; got 'a/im/im1.png"
    ):
        ToolboxLMDB(str(database))


def test_the_backend_chooses_the_store(folder, database):
    assert isinstance(open_store(str(folder), {"type": "disk"}, ClipFolders), ClipFolders)
    assert isinstance(open_store(str(database), {"type": "lmdb"}, ClipFolders), ToolboxLMDB)
    with pytest.raises(ValueError, match="x.lmdb is an LMDB: expected io_backend .*; got disk"):
        open_store(str(database), {"type": "disk"}, ClipFolders)
    with pytest.raises(FileNotFoundError, match="expected an LMDB of the toolbox"):
        open_store(str(folder), {"type": "lmdb"}, ClipFolders)

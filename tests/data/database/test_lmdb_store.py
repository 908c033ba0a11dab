"""One environment per path and process: shared, forked, spawned, never pickled."""

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import lmdb
import numpy as np
import pytest
from basicsr.data import build_dataset
from basicsr.utils import FileClient
from fake_frames import coordinates
from lmdb_parts import write_lmdb
from torch.utils.data import DataLoader

from stdnet_arch.data.database.lmdb_source import LmdbSource
from stdnet_arch.data.database.lmdb_store import LmdbStore, close_environment, open_environment


@pytest.fixture
def path(tmp_path, make_clip):
    return write_lmdb(make_clip(), tmp_path / "x.lmdb")


@pytest.fixture
def datasets(path, section):
    """Training and validation over one LMDB, both of them opened in this process."""
    backend = {"io_backend": {"type": "lmdb"}, "dataroot": str(path)}
    train = section("", **backend)
    val = {k: v for k, v in train.items() if k not in {"num_frame", "gt_size"}}
    val |= {"type": "RGBDVideoTestDataset", "phase": "val"}
    both = build_dataset(train), build_dataset(val)
    assert both[0][0]["clip"] == both[1][0]["clip"] == "clip"
    return both


def test_a_path_is_opened_once(path):
    assert open_environment(path) is open_environment(str(path) + "/")
    before = open_environment(path)
    close_environment(path)
    assert open_environment(path) is not before


def test_the_toolbox_shares_it(path):
    ours = LmdbStore(path)
    client = FileClient("lmdb", db_paths=str(path), client_keys="gt")
    data = client.get("clip/000003/guide", "gt")
    assert data == bytes(ours.value("clip", 3, "guide"))
    assert data.startswith(b"\x89PNG")


def test_a_missing_value_is_named(path):
    with pytest.raises(KeyError, match=r"x.lmdb: expected a value 'clip/000009'; got none"):
        LmdbStore(path).record("clip", 9)


def test_values_are_not_copied(path):
    assert isinstance(LmdbStore(path).value("clip", 0, "depth"), memoryview)


def test_an_incomplete_copy_is_seen_before_it_is_read(tmp_path, path):
    copy = tmp_path / "copy.lmdb"
    copy.mkdir()
    (copy / "data.mdb").write_bytes((path / "data.mdb").read_bytes()[:-4097])
    (copy / "manifest.json").write_text((path / "manifest.json").read_text())
    with pytest.raises(ValueError, match=r"data.mdb: expected \d+ bytes; got \d+ \(an incomplete"):
        LmdbStore(copy).record("clip", 0)


def test_nothing_is_locked_or_written(path):
    LmdbStore(path).record("clip", 0)
    assert "lock.mdb" not in [file.name for file in path.iterdir()]
    with pytest.raises(lmdb.ReadonlyError):
        open_environment(path).begin(write=True)


def test_threads_read_side_by_side(path):
    source = LmdbSource(str(path))
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(lambda i: np.asarray(source.depth_m("clip", i % 5)), range(40)))
    np.testing.assert_array_equal(frames, coordinates(5, 24, 32)[np.arange(40) % 5])


def test_pickling_leaves_the_open_database_behind(datasets):
    copied = pickle.loads(pickle.dumps(datasets[1]))
    np.testing.assert_array_equal(copied[0]["gt"], datasets[1][0]["gt"])


@pytest.mark.parametrize(("start", "workers"), [("fork", (2, 1)), ("spawn", (0, 1))])
def test_workers_of_train_and_val_read_the_same_lmdb(datasets, start, workers):
    train, val = (
        DataLoader(dataset, num_workers=n, multiprocessing_context=start if n else None)
        for dataset, n in zip(datasets, workers, strict=True)
    )
    trained, validated = zip(iter(train), val, strict=False), datasets[1][0]
    for window, whole in trained:
        np.testing.assert_array_equal(whole["gt"][0], validated["gt"])
        assert window["gt"].shape == (1, 3, 1, 16, 16)


def test_a_forked_process_opens_other_lmdbs_too(path):
    LmdbStore(path).record("clip", 0)
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_read_elsewhere, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == 0


def _read_elsewhere(path):
    close_environment(path)
    assert LmdbStore(path).record("clip", 4)["depth"]["shape"] == [24, 32]

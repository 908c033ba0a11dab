"""Workers, seeds and LMDB."""

import os

import lmdb
import pytest
import torch
from basicsr.data import build_dataloader
from basicsr.utils import FileClient
from toolbox_parts import Draws


def draw(seed=1, rank=0, epochs=2, workers=2, context="fork"):
    """What workers draw: (epoch, item, [random, numpy.random, patched])."""
    torch.manual_seed(seed + rank)  # as basicsr.utils.options.parse_options does
    opt = {"phase": "train", "batch_size_per_gpu": 1, "num_worker_per_gpu": workers}
    loader = build_dataloader(Draws(), opt, num_gpu=0, seed=seed)
    loader.multiprocessing_context = context
    return torch.stack([torch.cat(list(loader)) for _ in range(epochs)])


def test_workers_draw_new_random_numbers_in_every_epoch_and_rank():
    first, second = draw()
    (other,) = draw(rank=1, epochs=1)
    drawn = torch.cat([first, second, other])[:, :2].flatten()
    assert drawn.unique().numel() == drawn.numel() == 24


def test_workers_draw_the_same_numbers_for_the_same_seed():
    torch.testing.assert_close(draw(epochs=1), draw(epochs=1), rtol=0, atol=0)
    assert not torch.equal(draw(epochs=1)[..., :2], draw(seed=2, epochs=1)[..., :2])


def test_stock_workers_repeat_their_random_numbers_in_every_epoch(without_patch):
    without_patch("basicsr.data", "worker_init_fn")
    first, second = draw()
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_spawned_workers_have_the_patches_and_the_seeds_of_forked_ones():
    spawned = draw(epochs=1, workers=1, context="spawn")
    assert spawned[0, :, 2].all()
    torch.testing.assert_close(spawned, draw(epochs=1, workers=1), rtol=0, atol=0)


@pytest.fixture
def database(tmp_path):
    path = str(tmp_path / "clips.lmdb")
    with lmdb.open(path, map_size=1 << 20) as environment, environment.begin(write=True) as change:
        change.put(b"a/000001", b"depth")
    return path


def test_one_lmdb_serves_several_readers_and_their_forks(database):
    train = FileClient("lmdb", db_paths=database)
    val = FileClient("lmdb", db_paths=[database], client_keys=["gt"])
    assert train.get("a/000001") == b"depth"
    assert val.get("a/000001", "gt") == b"depth"
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, FileClient("lmdb", db_paths=database).get("a/000001"))
        os._exit(0)
    assert os.read(read, 5) == b"depth"
    os.wait()


def test_stock_cannot_open_an_lmdb_twice(database, without_patch):
    if int(lmdb.__version__.split(".")[0]) < 2:
        pytest.skip("the symptom needs lmdb >= 2")
    without_patch("basicsr.utils.file_client:LmdbBackend", "__init__")
    train = FileClient("lmdb", db_paths=database)
    with pytest.raises(lmdb.Error, match="already open in this process"):
        FileClient("lmdb", db_paths=database)
    assert train.get("a/000001") == b"depth"


def test_several_lmdbs_need_as_many_keys(database):
    with pytest.raises(ValueError, match="shorter"):
        FileClient("lmdb", db_paths=[database], client_keys=["lq", "gt"])

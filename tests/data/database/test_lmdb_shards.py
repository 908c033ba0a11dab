"""Shards: what many machines store and one reads is what one machine stores."""

import pickle
import runpy
import sys
from pathlib import Path

import create_lmdb_ray
import numpy as np
import pytest
from create_lmdb import create
from lmdb_parts import arguments, contents, write_lmdb

from stdnet_arch.data.database.lmdb_shards import ShardedStore, parse_shard, shard_path
from stdnet_arch.data.database.lmdb_source import LmdbSource
from stdnet_arch.data.rgbd_video_dataset import RGBDVideoDataset
from stdnet_arch.utils.commands import FAILED

SCRIPT = Path(__file__).parents[3] / "scripts/create_lmdb_ray.py"


@pytest.fixture
def root(make_clip):
    for k in range(5):
        root = make_clip(name=f"raw/c{k}", frames=2 + k % 2, height=16 + 4 * k).parent
    return root


@pytest.fixture
def sharded(root, tmp_path):
    """Three shards by the command, in another order than they are counted."""
    for shard in ("2/3", "3/3", "1/3"):
        assert create(arguments(root, tmp_path / "x.lmdb", "--shard", shard)) == 0
    return str(tmp_path / "x-*-of-00003.lmdb")


def test_several_lmdbs_read_as_the_one_that_one_machine_makes(root, sharded, tmp_path):
    whole, parts = LmdbSource(write_lmdb(root, tmp_path / "one.lmdb")), LmdbSource(sharded)
    assert parts.clips() == whole.clips()
    assert list(parts.clips()) == list(whole.clips())
    assert parts.find_spans(None) == whole.find_spans(None)
    for clip, count in whole.clips().items():
        for i in range(count):
            for read in ("guide", "depth_m"):
                one, other = (np.asarray(getattr(s, read)(clip, i)) for s in (whole, parts))
                np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(whole.lq_m(clip, i, 4), parts.lq_m(clip, i, 4))


def test_values_of_shards_are_those_of_one_machine_byte_by_byte(root, sharded, tmp_path):
    whole = contents(write_lmdb(root, tmp_path / "one.lmdb"))
    parts = {}
    for i in (1, 2, 3):
        parts |= contents(shard_path(tmp_path / "x.lmdb", (i, 3)))
    for text in ("manifest.json", "meta_info.txt"):
        whole.pop(text)
        parts.pop(text)
    assert parts == whole


def test_training_reads_the_pattern(root, sharded):
    section = {
        "name": "x", "phase": "train", "scale": 4, "source": "Folder", "dataroot": sharded,
        "io_backend": {"type": "lmdb"}, "num_frame": 2, "gt_size": 8, "depth_range_m": 100_000,
    }  # fmt: skip
    dataset = RGBDVideoDataset(section)
    assert {dataset[i]["clip"] for i in range(len(dataset))} == {f"c{k}" for k in range(5)}


def test_a_missing_shard_is_named(sharded, tmp_path):
    shard_path(tmp_path / "x.lmdb", (2, 3)).rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="number 2 is missing .*--shard 2/3"):
        ShardedStore(sharded)


def test_shards_of_other_options_are_refused(root, tmp_path):
    for name, options in (("y-a", {}), ("y-b", {"depth_dtype": "float16"})):
        write_lmdb(root, tmp_path / f"{name}.lmdb", **options)
    with pytest.raises(ValueError, match="the same options"):
        ShardedStore(tmp_path / "y-*.lmdb")


def test_a_clip_in_two_lmdbs_is_refused(root, tmp_path):
    for name in ("y-a", "y-b"):
        write_lmdb(root, tmp_path / f"{name}.lmdb")
    with pytest.raises(ValueError, match="every clip in one LMDB; got 'c0'"):
        ShardedStore(tmp_path / "y-*.lmdb")


def test_no_match_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected LMDBs"):
        ShardedStore(tmp_path / "y-*.lmdb")


def test_more_shards_than_clips_are_refused(root, tmp_path, capsys):
    code = create(arguments(root, tmp_path / "x.lmdb", "--shard", "7/8"))
    assert code == FAILED
    assert "at most as many shards as clips, 5" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3"])
def test_other_forms_of_a_shard_are_refused(text):
    with pytest.raises(ValueError, match="like 3/8"):
        parse_shard(text)


def map_here(items, writer, arguments, workers):
    """A cluster of one, which carries things as bytes as others do."""
    assert workers == 2
    run = pickle.loads(pickle.dumps(writer))(*pickle.loads(pickle.dumps(arguments)))
    return [run(item) for item in items]


def test_a_cluster_makes_the_same_shards(root, sharded, tmp_path):
    command = ["--shards", "3", "--at-once", "2", *arguments(root, tmp_path / "ray.lmdb")]
    assert create_lmdb_ray.main(command, map_here) == 0
    for i in (1, 2, 3):
        one, other = (shard_path(tmp_path / f"{name}.lmdb", (i, 3)) for name in ("x", "ray"))
        assert contents(one) == contents(other)


@pytest.mark.slow
def test_ray_makes_the_same_shards(root, sharded, tmp_path, monkeypatch):
    pytest.importorskip("ray")
    command = ["--shards", "3", "--at-once", "2", *arguments(root, tmp_path / "ray.lmdb")]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *command])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert exit_.value.code == 0
    for i in (1, 2, 3):
        one, other = (shard_path(tmp_path / f"{name}.lmdb", (i, 3)) for name in ("x", "ray"))
        assert contents(one) == contents(other)


def test_a_cluster_says_which_shards_failed(root, tmp_path, capsys):
    command = ["--shards", "6", "--at-once", "2", *arguments(root, tmp_path / "ray.lmdb")]
    assert create_lmdb_ray.main(command, map_here) == FAILED
    assert "shards 6: see above" in capsys.readouterr().err

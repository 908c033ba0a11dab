"""An LMDB gives what the raw files give, item by item."""

import numpy as np
import pytest
import torch
from basicsr.data import build_dataset
from fake_frames import misaligned
from hypothesis import given
from hypothesis import strategies as st
from lmdb_parts import folder_job, write_lmdb
from test_dydtof_source import write_native as write_dydtof_native
from test_dydtof_source import write_stdnet as write_dydtof
from test_dynamicreplica_source import write_native as write_replica_native
from test_dynamicreplica_source import write_stdnet as write_replica
from test_tartanair_source import write_clip as write_tartanair

from stdnet_arch.data.augment import CropBox
from stdnet_arch.data.clip_reader import ClipReader
from stdnet_arch.data.database.lmdb_frame import StoreOptions
from stdnet_arch.data.database.lmdb_job import LmdbJob
from stdnet_arch.data.database.lmdb_source import LmdbSource
from stdnet_arch.data.database.lmdb_writer import create_lmdb
from stdnet_arch.data.dataset_options import TestOptions

SOURCES = {
    "DyDToF": (write_dydtof, {}, 8),
    "DyDToF native": (write_dydtof_native, {"rows": 16}, 8),
    "TarTanAir": (lambda root: write_tartanair(root / "HR_RGB" / "office" / "P000", 3), {}, 4),
    "TarTanAir native": (
        lambda root: write_tartanair(root / "office" / "Hard" / "P000", 3, flow=True),
        {"level": "Hard"}, 4,
    ),
    "DynamicReplica": (write_replica, {}, 4),
    "DynamicReplica raw": (write_replica, {"depth_decode": "uint16_raw"}, 4),
    "DynamicReplica native": (write_replica_native, {}, 4),
    "Synthetic": (
        lambda root: None, {"num_clips": 2, "num_frame": 2, "size": [24, 32], "seed": 1}, 4,
    ),
}  # fmt: skip


def item_of(source, root, source_opt, scale, backend, **more):
    """The first item of the test set, disk or LMDB."""
    dataset = build_dataset({
        "type": "RGBDVideoTestDataset", "phase": "test", "name": "x", "scale": scale,
        "source": source, "source_opt": source_opt, "dataroot": str(root),
        "io_backend": {"type": backend}, "depth_range_m": 1e6, **more,
    })  # fmt: skip
    return dataset[0]


def assert_same_items(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, other[name]), name
            assert value.dtype == other[name].dtype
        else:
            assert value == other[name], name


@pytest.mark.parametrize("rgb", ["keep", "raw", "png"])
@pytest.mark.parametrize("kind", SOURCES)
def test_items_are_those_of_the_raw_files(tmp_path, kind, rgb):
    write, source_opt, scale = SOURCES[kind]
    name, root = kind.split()[0], tmp_path / "raw"
    root.mkdir()
    write(root)
    job = LmdbJob(source=name, root=str(root), source_opt=source_opt, store=StoreOptions(rgb=rgb))
    path = create_lmdb(job, tmp_path / "x.lmdb", quiet=True).path
    assert_same_items(
        item_of(name, path, source_opt, scale, "lmdb"),
        item_of(name, root, source_opt, scale, "disk"),
    )


@pytest.mark.parametrize("lq", ["auto", "files", "dtof_peak"])
@pytest.mark.parametrize("rgb", ["keep", "raw", "png"])
def test_training_windows_are_those_of_the_raw_files(tmp_path, make_clip, section, lq, rgb):
    root = make_clip(frames=6, height=200, width=164)
    path = write_lmdb(root, tmp_path / "x.lmdb", rgb=rgb)
    opt = section(root, lq=lq, gt_size=64, use_reverse=True, crop_candidates=2)
    disk = build_dataset(opt)
    ours = build_dataset({**opt, "dataroot": str(path), "io_backend": {"type": "lmdb"}})
    for i in range(len(disk)):
        items = []
        for dataset in (disk, ours):
            torch.manual_seed(i)
            items.append(dataset[i])
        assert_same_items(items[1], items[0])


@pytest.fixture(scope="module")
def block_reader(tmp_path_factory):
    """A reader of a coordinate clip that is larger than several blocks."""
    from fake_frames import coordinate_clip, write_npy, write_rgb

    folder = tmp_path_factory.mktemp("blocks")
    clip = coordinate_clip(2, 96, 88, 4)
    for i in range(2):
        write_rgb(folder / "clip" / "rgb" / f"{i}.png", clip["guide"][i])
        write_npy(folder / "clip" / "depth" / f"{i}.npy", clip["gt"][i])
        write_npy(folder / "clip" / "lq_x4" / f"{i}.npy", clip["lq"][i])
    path = write_lmdb(folder / "clip", folder / "x.lmdb", rgb="raw")
    options = TestOptions(
        source="Folder", dataroot=str(path), scale=4, depth_range_m=1e6,
        io_backend={"type": "lmdb"},
    )  # fmt: skip
    return ClipReader(options)


@given(st.integers(0, 23), st.integers(0, 21), st.integers(1, 24), st.integers(1, 22))
def test_every_crop_of_blocks_is_aligned(block_reader, top, left, height, width):
    box = CropBox(top, left, min(height, 24 - top), min(width, 22 - left))
    clip = block_reader.read("clip", [1, 0], box)
    assert misaligned(clip, 4) == 0
    assert clip["gt"][0, 0, 0] == 1 + 10_000 + 400 * top + 4 * left


def test_a_crop_decodes_nothing_but_its_blocks(block_reader):
    depth = block_reader.source.depth_m("clip", 0)
    read, blocks = depth._read, []
    depth._read = lambda r, c: blocks.append((r, c)) or read(r, c)
    _ = depth[70:80, 5:60]
    assert blocks == [(1, 0)]


def test_cameras_and_flow_are_those_of_the_source(tmp_path):
    job = LmdbJob(source="Synthetic", source_opt={"num_clips": 1, "num_frame": 2, "size": [16, 24]})
    path = create_lmdb(job, tmp_path / "x.lmdb", quiet=True).path
    from stdnet_arch.data.synthetic.source import Synthetic

    ours, made = LmdbSource(str(path)), Synthetic(num_clips=1, num_frame=2, size=[16, 24])
    assert ours.intrinsics_px("0000") == made.intrinsics_px("0000")
    np.testing.assert_array_equal(ours.pose("0000", 1), made.pose("0000", 1))
    for one, other in zip(ours.flow_px("0000", 0), made.flow_px("0000", 0), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_what_a_source_has_not_is_none(tmp_path, make_clip):
    source = LmdbSource(str(write_lmdb(make_clip(), tmp_path / "x.lmdb")))
    assert source.flow_px("clip", 0) is None
    assert source.pose("clip", 0) is None
    assert source.intrinsics_px("clip") is None
    assert source.lq_m("clip", 0, 8) is None


def test_lr_that_is_not_stored_is_made_as_from_disk(tmp_path, make_clip):
    root = make_clip()
    path = write_lmdb(root, tmp_path / "x.lmdb", scales=())
    kept = item_of("Folder", root, {}, 4, "disk", lq="dtof_peak", dtof_range_m=1e5)
    made = item_of("Folder", path, {}, 4, "lmdb", lq="auto", dtof_range_m=1e5)
    assert torch.equal(made["lq"], kept["lq"])
    with pytest.raises(FileNotFoundError, match="lq is files: expected x4 LR files"):
        item_of("Folder", path, {}, 4, "lmdb", lq="files")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"source": "DyDToF"}, r"made with source 'Folder'; got 'DyDToF'"),
        ({"source_opt": {"unit": "mm"}}, r"made with source_opt {'lq': .*got {'unit': 'mm'}"),
        ({"clips": ["clip 7"]}, "expected 7 frames of clip; got 5"),
        ({"io_backend": {"type": "disk"}}, "is an LMDB: write io_backend: {type: lmdb}"),
        ({"io_backend": {"type": "zip"}}, r"io_backend must be {type: disk}, {type: lmdb} or"),
        ({"io_backend": {"type": "lmdb", "path": "x"}}, "io_backend must be"),
    ],
)
def test_options_that_do_not_fit_the_lmdb_are_refused(tmp_path, make_clip, section, asked, message):
    path = write_lmdb(make_clip(), tmp_path / "x.lmdb")
    opt = {**section(path), "io_backend": {"type": "lmdb"}, **asked}
    with pytest.raises(ValueError, match=message):
        build_dataset(opt)


def test_raw_codes_without_stored_lr_are_not_simulated(tmp_path):
    (tmp_path / "raw").mkdir()
    write_replica(tmp_path / "raw")
    raw, store = {"depth_decode": "uint16_raw"}, StoreOptions(scales=())
    job = LmdbJob(source="DynamicReplica", root=str(tmp_path / "raw"), source_opt=raw, store=store)
    path = create_lmdb(job, tmp_path / "x.lmdb", quiet=True).path
    with pytest.raises(FileNotFoundError, match=r"stored LR depth of x4.*unit 'raw code'"):
        item_of("DynamicReplica", path, raw, 4, "lmdb")


def test_a_raw_folder_is_no_lmdb(make_clip, section):
    with pytest.raises(FileNotFoundError, match=r"expected an LMDB with manifest.json"):
        build_dataset(section(make_clip(), io_backend={"type": "lmdb"}))


def test_frames_that_are_not_stored_are_refused_at_once(tmp_path, make_clip, section):
    job = folder_job(make_clip(), clips=["clip 1 4"])
    path = create_lmdb(job, tmp_path / "x.lmdb", quiet=True).path
    opt = section(path, io_backend={"type": "lmdb"})
    assert [build_dataset(opt)[0]["frame"]] == [1]
    with pytest.raises(ValueError, match=r"expected frames 0..4 of 'clip'; stored are 1..3"):
        build_dataset({**opt, "clips": ["clip"]})
    with pytest.raises(IndexError, match=r"expected a stored frame of 'clip', 1..3; got 4"):
        LmdbSource(str(path)).depth_m("clip", 4)
    with pytest.raises(FileNotFoundError, match="expected one of 1 clips"):
        LmdbSource(str(path)).depth_m("clop", 1)


ROOMS = {"num_clips": 1, "num_frame": 5, "size": [24, 40], "seed": 3}


@pytest.fixture(scope="module")
def area_lmdb(tmp_path_factory):
    job = LmdbJob(
        source="Synthetic", source_opt=ROOMS, store=StoreOptions(scales=(4,), lq="area", rgb="raw")
    )
    return create_lmdb(job, tmp_path_factory.mktemp("rooms") / "x.lmdb", quiet=True).path


@pytest.mark.parametrize(
    "asked",
    [
        {"extras": ["flow_px", "intrinsics_px", "pose"], "center_crop": [16, 24]},
        {"lq_every": 2},
        {"sensor_opt": {"holes": 0.2, "noise_m": 0.1, "shift_px": 2, "parallax_px": 3}},
        {"lq": "dtof_histogram", "sensor_opt": {"signal_photons": 90}},
    ],
    ids=["extras", "lq_every", "sensor", "histogram"],
)
def test_what_a_test_set_adds_is_that_of_the_source(area_lmdb, asked):
    asked = {"lq": "area", **asked}
    disk = item_of("Synthetic", "", ROOMS, 4, "disk", **asked)
    assert_same_items(disk, item_of("Synthetic", area_lmdb, ROOMS, 4, "lmdb", **asked))
    assert set(asked.get("extras", [])) <= disk.keys()


def test_lr_depth_of_another_rule_is_read_when_asked_for_and_never_as_auto(area_lmdb):
    disk = item_of("Synthetic", "", ROOMS, 4, "disk", lq="area")
    assert_same_items(disk, item_of("Synthetic", area_lmdb, ROOMS, 4, "lmdb", lq="files"))
    with pytest.raises(ValueError, match="as lq: auto means; got area over 100 m in 1024 bins"):
        item_of("Synthetic", area_lmdb, ROOMS, 4, "lmdb")


@pytest.mark.parametrize("sensor", [{"dtof_bins": 64}, {"dtof_range_m": 50.0}])
def test_stored_dtof_peak_of_another_sensor_is_no_auto(tmp_path, make_clip, sensor):
    path = write_lmdb(make_clip(), tmp_path / "x.lmdb", scales=(4,), lq="dtof_peak")
    item_of("Folder", path, {}, 4, "lmdb")
    with pytest.raises(ValueError, match="got dtof_peak over 100 m in 1024 bins"):
        item_of("Folder", path, {}, 4, "lmdb", **sensor)

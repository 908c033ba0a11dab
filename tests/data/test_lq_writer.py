"""LR files on disk equal what the datasets make on the fly."""

import numpy as np
import pytest
from fake_frames import write_npy

from stdnet_arch.data.clip_reader import ClipReader
from stdnet_arch.data.dataset_options import TestOptions, read_options
from stdnet_arch.data.lq_writer import write_lq
from stdnet_arch.data.rgbd_video_test_dataset import RGBDVideoTestDataset

NOISY = {"noise_m": 3.0, "holes": 0.2, "seed": 5}


@pytest.fixture
def options(make_clip):
    """A function that makes the options of a test set over one faked clip."""
    root = make_clip(frames=3)

    def make(**changes):
        section = {
            "name": "set", "source": "Folder", "scale": 4, "dataroot": str(root), "lq": "area",
            "dtof_range_m": 1e6, "beyond_range": "keep",
        }  # fmt: skip
        return read_options(TestOptions, section | changes)

    return make


@pytest.mark.parametrize("lq", ["area", "bicubic", "dtof_histogram"])
def test_files_read_back_are_what_is_made_on_the_fly(options, lq):
    made = options(lq=lq, sensor_opt=NOISY)
    (folder,) = write_lq(made, f"{made.dataroot}/../{{clip}}/written_{{scale}}")
    assert sorted(path.name for path in folder.iterdir()) == [f"{i:04d}.npy" for i in range(3)]
    read = options(lq="files", source_opt={"lq": "written_{scale}"})
    sets = [RGBDVideoTestDataset({"name": "set", **vars(o)})[0]["lq"] for o in (made, read)]
    np.testing.assert_array_equal(*sets)


def test_depth_beyond_the_range_of_the_network_is_kept(options):
    made = options(depth_range_m=1.0)
    (folder,) = write_lq(made, f"{made.dataroot}/{{clip}}/{{scale}}")
    assert np.load(folder / "0000.npy").min() > 1


def test_only_the_listed_frames_are_written(options, tmp_path):
    (folder,) = write_lq(options(clips=["clip 1 3"]), str(tmp_path / "x{scale}" / "{clip}"))
    assert folder == tmp_path / "x4" / "clip"
    assert sorted(path.name for path in folder.iterdir()) == ["0001.npy", "0002.npy"]


def test_a_source_without_files_gets_numbers(tmp_path):
    section = {"name": "set", "source": "Synthetic", "scale": 8, "lq": "nearest"}
    section["source_opt"] = {"num_clips": 2, "num_frame": 2, "size": [32, 48]}
    folders = list(
        write_lq(read_options(TestOptions, section), str(tmp_path / "{clip}" / "{scale}"))
    )
    assert len(folders) == 2
    assert [path.name for path in sorted(folders[1].iterdir())] == ["000000.npy", "000001.npy"]
    assert np.load(folders[1] / "000000.npy").shape == (4, 6)


@pytest.mark.parametrize(
    ("changes", "out", "words"),
    [
        ({}, "a/{clip}", r"expected \{clip\} and \{scale\} in the output folder.*got 'a/\{clip\}'"),
        ({"source_opt": {"unit": "mm"}}, "{clip}{scale}", "read in unit 'mm': leave unit out"),
        ({"sensor_opt": {"shift_px": 1.0}}, "{clip}{scale}", "misalign RGB, which is not written"),
    ],
)
def test_what_files_cannot_hold_is_refused(options, changes, out, words):
    with pytest.raises(ValueError, match=words):
        list(write_lq(options(**changes), out))


def test_files_that_are_there_already_are_kept(options, tmp_path):
    write_npy(tmp_path / "clip4" / "0000.npy", np.zeros(1))
    with pytest.raises(FileExistsError, match="expected no files in .*clip4 yet"):
        list(write_lq(options(), str(tmp_path / "{clip}{scale}")))
    assert [path.name for path in (tmp_path / "clip4").iterdir()] == ["0000.npy"]


def test_a_broken_frame_is_named_and_leaves_no_part(options, tmp_path):
    made = options()
    ClipReader(made)
    write_npy(f := tmp_path / "clip" / "depth" / "0001.npy", -np.ones((24, 32), np.float32))
    with pytest.raises(ValueError, match=rf"{f}: expected depth >= 0 m; got -1 m"):
        list(write_lq(made, str(tmp_path / "out{scale}" / "{clip}")))
    assert [p.name for p in (tmp_path / "out4" / "clip").iterdir()] == ["0000.npy"]

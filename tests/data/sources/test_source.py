"""The registry, layouts and what every source of files refuses."""

import pickle

import numpy as np
import pytest
from fake_frames import coordinate_guide, coordinates

from stdnet_arch.data.sources.source import SOURCE_REGISTRY, build_source, choose_layout, location


@pytest.mark.parametrize("name", ["DyDToF", "TarTanAir", "DynamicReplica", "Folder"])
def test_the_sources_register_by_existing(name):
    assert name in SOURCE_REGISTRY


def test_an_unknown_source_lists_the_known(tmp_path):
    with pytest.raises(ValueError, match=r"source must be one of .*DyDToF.*Folder.*; got 'Kitti'"):
        build_source("Kitti", str(tmp_path), {})


def test_an_unknown_option_names_source_and_option(tmp_path):
    with pytest.raises(TypeError, match=r"source Folder does not take source_opt .*units"):
        build_source("Folder", str(tmp_path), {"units": "mm"})


def test_a_missing_root_names_itself(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected dataroot to be a folder; got .*nowhere"):
        build_source("Folder", str(tmp_path / "nowhere"), {})


def test_an_empty_root_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected clips under"):
        build_source("Folder", str(tmp_path), {}).clips()


@pytest.mark.parametrize(
    ("asked", "there", "layout"),
    [(None, (True, False), "a"), (None, (False, True), "b"), ("b", (True, True), "b")],
)
def test_a_layout_is_found_or_chosen(asked, there, layout):
    assert choose_layout(asked, dict(zip("ab", there, strict=True)), "a = .., b = ..") == layout


@pytest.mark.parametrize(
    ("asked", "there", "message"),
    [
        (None, (True, True), "expected exactly one layout of: HOW; got both"),
        (None, (False, False), "expected exactly one layout of: HOW; got none"),
        ("b", (True, False), "expected b of: HOW; got none"),
        ("c", (True, True), "layout must be one of a, b; got 'c'"),
    ],
)
def test_an_unclear_layout_is_refused(asked, there, message):
    with pytest.raises(ValueError, match=message):
        choose_layout(asked, dict(zip("ab", there, strict=True)), "HOW")


def test_frames_come_as_they_lie(make_clip):
    source = build_source("Folder", str(make_clip(frames=3)), {"lq": "lq_x{scale}"})
    assert source.clips() == {"clip": 3}
    np.testing.assert_array_equal(source.depth_m("clip", 2), coordinates(3, 24, 32)[2])
    np.testing.assert_array_equal(source.guide("clip", 1), coordinate_guide(3, 24, 32)[1])
    np.testing.assert_array_equal(source.lq_m("clip", 2, 4), coordinates(3, 24, 32)[2, ::4, ::4])


def test_no_lr_folder_is_none(make_clip):
    assert build_source("Folder", str(make_clip()), {}).lq_m("clip", 0, 4) is None
    lr_at_x4 = build_source("Folder", str(make_clip()), {"lq": "lq_x{scale}"})
    assert lr_at_x4.lq_m("clip", 0, 8) is None


def test_locations_are_paths(make_clip):
    root = make_clip()
    source = build_source("Folder", str(root), {"lq": "lq_x{scale}"})
    source.lq_m("clip", 0, 4)
    assert location(source, "clip", 1, "guide") == str(root / "rgb" / "0001.png")
    assert location(source, "clip", 1, "depth") == str(root / "depth" / "0001.npy")
    assert location(source, "clip", 1, "lq4") == str(root / "lq_x4" / "0001.npy")


def test_a_source_without_files_is_named_in_words():
    assert location(object(), "hall", 3, "depth") == "depth of clip 'hall', frame 3"


def test_a_missing_frame_is_named(make_clip):
    root = make_clip()
    (root / "rgb" / "0002.png").unlink()
    (root / "depth" / "0002.npy").unlink()
    message = r"missing frame: expected number 2 after .*0001.png; got .*0003.png"
    with pytest.raises(ValueError, match=message):
        build_source("Folder", str(root), {}).depth_m("clip", 0)


@pytest.mark.parametrize(("folder", "suffix"), [("rgb", ".png"), ("depth", ".npy")])
def test_rgb_and_depth_of_different_length_are_refused(make_clip, folder, suffix):
    root = make_clip(frames=5)
    (root / folder / f"0004{suffix}").unlink()
    with pytest.raises(ValueError, match=r"expected the same frames .*0004") as caught:
        build_source("Folder", str(root), {}).guide("clip", 0)
    assert "got 4 and 5" in str(caught.value) or "got 5 and 4" in str(caught.value)


def test_lr_and_hr_of_different_length_are_refused(make_clip):
    root = make_clip(frames=5)
    (root / "lq_x4" / "0004.npy").unlink()
    with pytest.raises(ValueError, match=r"expected the same frames .* got 5 and 4 .*0004.npy"):
        build_source("Folder", str(root), {"lq": "lq_x{scale}"}).lq_m("clip", 0, 4)


def test_two_files_of_one_frame_are_refused(make_clip):
    root = make_clip()
    (root / "depth" / "other_0002.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"expected one file per frame; got .*0002.*other_0002"):
        build_source("Folder", str(root), {}).depth_m("clip", 0)


def test_a_name_without_number_is_refused(make_clip):
    root = make_clip()
    (root / "depth" / "mean.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"expected a frame number in the file name; got .*mean"):
        build_source("Folder", str(root), {}).depth_m("clip", 0)


def test_other_files_do_not_matter(make_clip):
    root = make_clip(frames=3)
    (root / "depth" / "Thumbs.db").write_bytes(b"")
    assert build_source("Folder", str(root), {}).depth_m("clip", 2).shape == (24, 32)


def test_a_frame_or_clip_that_is_not_there_is_refused(make_clip):
    source = build_source("Folder", str(make_clip(frames=3)), {})
    with pytest.raises(IndexError, match="expected a frame of 'clip' below 3; got 3"):
        source.depth_m("clip", 3)
    with pytest.raises(FileNotFoundError, match=r"expected one of 1 clips under .*; got 'hall'"):
        source.depth_m("hall", 0)


def test_a_source_travels_to_another_process(make_clip):
    source = build_source("Folder", str(make_clip(frames=3)), {})
    source.depth_m("clip", 0)
    twin = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(twin.depth_m("clip", 1), source.depth_m("clip", 1))

"""A user's own folders."""

import numpy as np
import pytest
from fake_frames import coordinate_guide, coordinates, write_npy, write_png16, write_rgb

from stdnet_arch.data.sources.folder_source import Folder

DEPTH_MM = np.array([[500, 1000, 0], [65535, 1, 2500]], np.uint16)


def write_frame(rgb, depth, stored, number=0):
    """One colour and one depth frame; a uint16 array becomes a PNG, any other a npy."""
    height, width = stored.shape[:2]
    write_rgb(rgb / f"{number}.png", coordinate_guide(1, height, width)[0])
    if stored.dtype == np.uint16:
        write_png16(depth / f"{number}.png", stored)
    else:
        write_npy(depth / f"{number}.npy", stored)


@pytest.mark.parametrize(
    ("rgb", "depth", "clip"),
    [("rgb", "depth", "root"), ("a/b/rgb", "a/b/depth", "a/b"), ("rgb/a", "depth/a", "a")],
)
def test_three_arrangements(tmp_path, rgb, depth, clip):
    root = tmp_path / "root"
    write_frame(root / rgb, root / depth, coordinates(1, 4, 6)[0])
    source = Folder(str(root))
    assert source.clips() == {clip: 1}
    np.testing.assert_array_equal(source.depth_m(clip, 0), coordinates(1, 4, 6)[0])
    np.testing.assert_array_equal(source.guide(clip, 0), coordinate_guide(1, 4, 6)[0])


@pytest.mark.parametrize("arrangement", ["{clip}/{name}", "{name}/{clip}"])
def test_lr_lies_like_depth(tmp_path, arrangement):
    rgb, depth, lq = (arrangement.format(clip="hall", name=n) for n in ("color", "gt", "lr/X4"))
    write_frame(tmp_path / rgb, tmp_path / depth, coordinates(1, 8, 12)[0])
    write_npy(tmp_path / lq / "0.npy", coordinates(1, 2, 3))
    source = Folder(str(tmp_path), guide="color", depth="gt", lq="lr/X{scale}")
    np.testing.assert_array_equal(source.lq_m("hall", 0, 4), coordinates(1, 2, 3)[0])
    assert source.lq_m("hall", 0, 8) is None


@pytest.mark.parametrize(
    ("unit", "metres"),
    [(None, 1e-3), ("mm", 1e-3), ("m", 1.0), (1 / 6553.5, 1 / 6553.5)],
)
def test_png_codes_become_metres(tmp_path, unit, metres):
    write_frame(tmp_path / "rgb", tmp_path / "depth", DEPTH_MM)
    depth_m = Folder(str(tmp_path), unit=unit).depth_m(tmp_path.name, 0)
    assert depth_m.dtype == np.float32
    np.testing.assert_allclose(depth_m, DEPTH_MM * metres, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("unit", "metres"), [(None, 1.0), ("m", 1.0), ("mm", 1e-3)])
def test_floats_become_metres(tmp_path, dtype, unit, metres):
    stored = np.array([[1, 2, 4], [0, 8, 16]], dtype)
    write_frame(tmp_path / "rgb", tmp_path / "depth", stored)
    depth_m = Folder(str(tmp_path), unit=unit).depth_m(tmp_path.name, 0)
    assert depth_m.dtype == np.float32
    np.testing.assert_allclose(depth_m, stored.astype(float) * metres, rtol=1e-6)


def test_the_invalid_value_becomes_no_depth(tmp_path):
    write_frame(tmp_path / "rgb", tmp_path / "depth", DEPTH_MM)
    depth_m = Folder(str(tmp_path), invalid=65535).depth_m(tmp_path.name, 0)
    np.testing.assert_allclose(depth_m, [[0.5, 1, 0], [0, 0.001, 2.5]], rtol=1e-6)


def test_npz_frames(tmp_path):
    write_rgb(tmp_path / "rgb" / "0.jpg", coordinate_guide(1, 2, 3)[0])
    (tmp_path / "depth").mkdir()
    np.savez(tmp_path / "depth" / "0.npz", depth=DEPTH_MM, confidence=np.ones((2, 3)))
    source = Folder(str(tmp_path), npz_key="depth", unit="mm")
    np.testing.assert_allclose(source.depth_m(tmp_path.name, 0), DEPTH_MM / 1000, rtol=1e-6)


def test_whole_numbers_in_npy_need_a_unit(tmp_path):
    write_frame(tmp_path / "rgb", tmp_path / "depth", DEPTH_MM.astype(np.int32))
    with pytest.raises(ValueError, match=r"0.npy: expected a unit .*; got int32"):
        Folder(str(tmp_path)).depth_m(tmp_path.name, 0)


def test_timestamps_pair_by_order(tmp_path):
    for rgb, depth, metres in (("10.017", "10.021", 1), ("10.050", "10.055", 2)):
        write_rgb(tmp_path / "rgb" / f"{rgb}.png", coordinate_guide(1, 2, 3)[0] + metres)
        write_npy(tmp_path / "depth" / f"{depth}.npy", np.full((2, 3), metres, np.float32))
    source = Folder(str(tmp_path), consecutive=False)
    assert (source.depth_m(tmp_path.name, 1) == 2).all()
    assert source.guide(tmp_path.name, 1)[0, 0, 0] == 2
    with pytest.raises(ValueError, match="missing frame"):
        Folder(str(tmp_path)).depth_m(tmp_path.name, 1)


def test_timestamps_of_different_length_are_refused(tmp_path):
    write_frame(tmp_path / "rgb", tmp_path / "depth", DEPTH_MM)
    write_png16(tmp_path / "depth" / "1.png", DEPTH_MM)
    with pytest.raises(ValueError, match="got 1 and 2"):
        Folder(str(tmp_path), consecutive=False).guide(tmp_path.name, 0)


def test_a_misspelt_depth_folder_is_named(tmp_path):
    write_frame(tmp_path / "rgb", tmp_path / "depth", DEPTH_MM)
    with pytest.raises(FileNotFoundError, match=r"expected depth frames .*depths"):
        Folder(str(tmp_path), depth="depths").clips()


def test_a_clip_without_its_depth_folder_has_no_frames(tmp_path):
    write_frame(tmp_path / "a/rgb", tmp_path / "a/depth", DEPTH_MM)
    write_frame(tmp_path / "b/rgb", tmp_path / "b/depths", DEPTH_MM)
    assert Folder(str(tmp_path)).clips() == {"a": 1, "b": 0}

"""DyDToF in both layouts."""

import numpy as np
import pytest
from fake_frames import coordinate_guide, coordinates, write_npy, write_rgb

from stdnet_arch.data.sources.dydtof_source import DyDToF

CLIP = "school/school_shot8"


def write_stdnet(root, frames=3, height=16, width=24):
    depth, guide = coordinates(frames, height, width), coordinate_guide(frames, height, width)
    for i in range(frames):
        name = f"school_shot8.{i:04d}"
        write_rgb(root / "DyDToF_HR_RGB" / CLIP / "color" / f"{name}.jpeg", guide[i])
        write_npy(root / "DyDToF_HR_RGB" / CLIP / "depth" / f"{name}.npy", depth[i])
        write_npy(root / "DyDToF_LR" / "X8" / CLIP / "depth" / f"{name}.npy", depth[i, ::8, ::8])


def write_native(root, frames=3, height=20, width=24):
    depth, guide = coordinates(frames, height, width), coordinate_guide(frames, height, width)
    for i in range(frames):
        name = f"school_shot8.{i:04d}"
        write_rgb(root / CLIP / "ColorImage" / f"{name}.jpeg", guide[i])
        write_npy(root / CLIP / "DepthMap" / f"{name}.npy", depth[i])
        write_npy(root / CLIP / "SurfaceNormal" / f"{name}.npy", np.zeros((height, width, 3)))


def test_stdnet_layout_is_found_and_read(tmp_path):
    write_stdnet(tmp_path)
    source = DyDToF(str(tmp_path))
    assert (source.layout, source.clips()) == ("stdnet", {CLIP: 3})
    np.testing.assert_array_equal(source.depth_m(CLIP, 2), coordinates(3, 16, 24)[2])
    np.testing.assert_array_equal(source.lq_m(CLIP, 2, 8), coordinates(3, 16, 24)[2, ::8, ::8])
    assert source.lq_m(CLIP, 2, 4) is None
    difference = source.guide(CLIP, 1).astype(int) - coordinate_guide(3, 16, 24)[1]
    assert abs(difference).mean() < 4  # JPEG


def test_native_frames_lose_rows_at_both_ends_and_stay_aligned(tmp_path):
    write_native(tmp_path, height=20)
    source = DyDToF(str(tmp_path), rows=16)
    assert (source.layout, source.clips()) == ("native", {CLIP: 3})
    np.testing.assert_array_equal(source.depth_m(CLIP, 1), coordinates(3, 20, 24)[1, 2:18])
    difference = source.guide(CLIP, 1).astype(int) - coordinate_guide(3, 20, 24)[1, 2:18]
    assert abs(difference).mean() < 4  # JPEG
    assert source.lq_m(CLIP, 1, 4) is None


def test_native_540_rows_become_528(tmp_path):
    write_native(tmp_path, frames=1, height=540)
    source = DyDToF(str(tmp_path))
    assert source.depth_m(CLIP, 0).shape == (528, 24)
    assert source.guide(CLIP, 0).shape == (528, 24, 3)
    assert source.depth_m(CLIP, 0)[0, 0] == coordinates(1, 540, 24)[0, 6, 0]


def test_native_frames_with_too_few_rows_name_themselves(tmp_path):
    write_native(tmp_path, height=20)
    with pytest.raises(ValueError, match=r"shot8.0000.npy: expected at least 528 rows; got 20"):
        DyDToF(str(tmp_path)).depth_m(CLIP, 0)


def test_two_layouts_in_one_root_need_a_word(tmp_path):
    write_stdnet(tmp_path)
    write_native(tmp_path)
    with pytest.raises(ValueError, match="got both"):
        DyDToF(str(tmp_path))
    assert DyDToF(str(tmp_path), layout="native", rows=16).clips() == {CLIP: 3}


def test_no_layout_says_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"DyDToF_HR_RGB/<scene>/<clip>.* got none"):
        DyDToF(str(tmp_path))


def test_the_range_is_the_papers():
    assert DyDToF.default_range_m == 40

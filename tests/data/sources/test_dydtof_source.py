"""DyDToF in both layouts."""

import numpy as np
import pytest
import torch
from fake_frames import coordinate_guide, coordinates, write_npy, write_rgb

from stdnet_arch.data.geometry import GeometryReader
from stdnet_arch.data.sources.clip_list import ClipSpan
from stdnet_arch.data.sources.dydtof_source import DyDToF
from stdnet_arch.metrics.consistency_metric import calculate_tae

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


HEADER = "id,tx,ty,tz,qw,qx,qy,qz,fx,fy,cx,cy"
# Unreal: x forward, y right, z up. Two metres to the right, three up, looking to the right.
HALF = 0.5**0.5
TURNED = f"{{}},1,2,3,{HALF},0,0,{HALF},30,40,12,10"


def write_table(folder, *rows):
    (folder / "CameraPoses.csv").write_text("\n".join([HEADER, *rows]) + "\n")


def test_a_camera_of_unreal_looks_where_it_looks(tmp_path):
    write_native(tmp_path, height=20)
    write_table(tmp_path / CLIP, *(TURNED.format(i) for i in range(3)))
    pose = DyDToF(str(tmp_path), rows=16).pose(CLIP, 1)
    # x right, y down, z forward. Its right is where forward was, only behind; its down is down.
    np.testing.assert_allclose(pose[:3, 3], [2, -3, 1])
    np.testing.assert_allclose(pose[:3, :3].T, [[0, 0, -1], [0, 1, 0], [1, 0, 0]], atol=1e-12)


def test_a_camera_of_the_right_handed_table_looks_the_other_way(tmp_path):
    write_native(tmp_path, height=20)
    write_table(tmp_path / CLIP, *(TURNED.format(i) for i in range(3)))
    pose = DyDToF(str(tmp_path), rows=16, pose_axes="right_handed").pose(CLIP, 1)
    np.testing.assert_allclose(pose[:3, 3], [-2, -3, 1])
    np.testing.assert_allclose(pose[:3, :3].T, [[0, 0, 1], [0, 1, 0], [-1, 0, 0]], atol=1e-12)


def test_the_centre_of_a_frame_stays_its_centre_when_rows_go(tmp_path):
    write_native(tmp_path, height=20)
    write_table(tmp_path / CLIP, TURNED.format(0))
    # 24 x 16 of 24 x 20 pixels: the middle lies between pixels 11 and 12, 7 and 8.
    assert DyDToF(str(tmp_path), rows=16).intrinsics_px(CLIP) == (30, 40, 11.5, 7.5)


def test_without_a_table_there_are_no_poses(tmp_path):
    write_stdnet(tmp_path)
    source = DyDToF(str(tmp_path))
    assert source.pose(CLIP, 0) is None
    assert source.intrinsics_px(CLIP) is None


def test_a_wall_that_a_moving_camera_sees_has_no_tae(tmp_path):
    # A wall 4 m ahead; the camera goes 1 m forward and as far to the right as 2 pixels there.
    folder = tmp_path / "DyDToF_HR_RGB" / CLIP
    guide = coordinate_guide(2, 16, 24)
    for i, depth in enumerate((4.0, 3.0)):
        name = f"school_shot8.{i:04d}"
        write_rgb(folder / "color" / f"{name}.jpeg", guide[i])
        write_npy(folder / "depth" / f"{name}.npy", np.full((16, 24), depth, np.float32))
    write_table(folder, "0,5,1,2,1,0,0,0,20,20,12,8", "1,6,1.3,2,1,0,0,0,20,20,12,8")
    source = DyDToF(str(tmp_path))
    reader = GeometryReader(source, ("pose", "intrinsics_px"))
    extras = reader.read(ClipSpan(CLIP, 0, 2), (slice(0, 16), slice(0, 24)))
    depth = torch.from_numpy(np.stack([source.depth_m(CLIP, i) for i in (0, 1)]))[None, :, None]
    assert calculate_tae(depth, depth, **{k: v[None] for k, v in extras.items()}) == 0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0,1,2,3,1,0,0,0,1,1,1,x", "a number in every cell"),
        ("7,1,2,3,1,0,0,0,1,1,1,1", "id 0"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tmp_path, row, message):
    write_stdnet(tmp_path)
    write_table(tmp_path / "DyDToF_HR_RGB" / CLIP, row)
    with pytest.raises(ValueError, match=message):
        DyDToF(str(tmp_path)).pose(CLIP, 0)


def test_a_table_without_a_column_is_named(tmp_path):
    write_stdnet(tmp_path)
    (tmp_path / "DyDToF_HR_RGB" / CLIP / "CameraPoses.csv").write_text("id,tx\n0,1\n")
    with pytest.raises(ValueError, match="got no ty"):
        DyDToF(str(tmp_path)).pose(CLIP, 0)


def test_axes_that_there_are_not_are_refused(tmp_path):
    write_stdnet(tmp_path)
    with pytest.raises(ValueError, match="pose_axes must be left_handed or right_handed; got 'y'"):
        DyDToF(str(tmp_path), pose_axes="y")

"""TarTanAir in both layouts."""

import numpy as np
import pytest
from fake_frames import coordinate_guide, coordinates, write_npy, write_rgb

from stdnet_arch.data.sources.clip_list import resolve_spans
from stdnet_arch.data.sources.tartanair_source import TarTanAir

CLIP = "office2/P000"


def write_clip(folder, frames, dtype=np.float32, flow=False):
    depth, guide = coordinates(frames, 8, 12).astype(dtype), coordinate_guide(frames, 8, 12)
    for i in range(frames):
        write_rgb(folder / "image_left" / f"{i:06d}_left.png", guide[i])
        write_npy(folder / "depth_left" / f"{i:06d}_left_depth.npy", depth[i])
        name = folder / "flow" / f"{i:06d}_{i + 1:06d}"
        if flow and i < frames - 1:
            motion = np.arange(8 * 12 * 2, dtype=np.float32).reshape(8, 12, 2) - i
            write_npy(name.with_name(f"{name.name}_flow.npy"), motion)
            write_npy(name.with_name(f"{name.name}_mask.npy"), (guide[i, ..., 1] % 3 * 10))


def test_stdnet_layout_is_found_and_read(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=3)
    lr = coordinates(3, 8, 12)[:, None, None, ::4, ::4]
    for i in range(3):
        write_npy(tmp_path / "LR" / "X4" / CLIP / f"{i:06d}_left_depth.npy", lr[i])
    source = TarTanAir(str(tmp_path))
    assert (source.layout, source.clips()) == ("stdnet", {CLIP: 3})
    np.testing.assert_array_equal(source.depth_m(CLIP, 2), coordinates(3, 8, 12)[2])
    np.testing.assert_array_equal(source.guide(CLIP, 2), coordinate_guide(3, 8, 12)[2])
    assert lr[2].shape == (1, 1, 2, 3)
    np.testing.assert_array_equal(source.lq_m(CLIP, 2, 4), lr[2, 0, 0])


@pytest.mark.parametrize(("level", "frames"), [("Easy", 5), ("Hard", 3)])
def test_native_levels_are_different_flights(tmp_path, level, frames):
    write_clip(tmp_path / "office2" / "Easy" / "P000", frames=5)
    write_clip(tmp_path / "office2" / "Hard" / "P000", frames=3)
    source = TarTanAir(str(tmp_path), level=level)
    assert (source.layout, source.clips()) == ("native", {CLIP: frames})
    assert source.guide(CLIP, frames - 1)[0, 0, 2] == frames - 1
    assert source.lq_m(CLIP, 0, 4) is None


def test_float16_files_are_read_as_metres(tmp_path):
    write_clip(tmp_path / "office2" / "Hard" / "P000", frames=1, dtype=np.float16)
    depth_m = TarTanAir(str(tmp_path), level="Hard").depth_m(CLIP, 0)
    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(depth_m, coordinates(1, 8, 12)[0])


@pytest.mark.parametrize("level", [None, "hard", "Medium"])
def test_native_layout_needs_a_level(tmp_path, level):
    write_clip(tmp_path / "office2" / "Hard" / "P000", frames=1)
    with pytest.raises(ValueError, match=f"level, Easy or Hard; got {level!r}"):
        TarTanAir(str(tmp_path), level=level)


def test_the_wrong_level_is_seen_by_its_frame_count(tmp_path):
    write_clip(tmp_path / "office2" / "Easy" / "P000", frames=5)
    available = TarTanAir(str(tmp_path), level="Easy").clips()
    with pytest.raises(ValueError, match=r"expected 3 frames of office2/P000; got 5.*level"):
        resolve_spans([f"{CLIP} 3"], available)


def test_the_range_is_the_papers():
    assert TarTanAir.default_range_m == 30


def test_flow_is_two_planes_and_a_mask_of_what_is_seen(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=3, flow=True)
    source = TarTanAir(str(tmp_path))
    flow_px, seen = source.flow_px(CLIP, 1)
    assert (flow_px.shape, seen.shape, seen.dtype) == ((2, 8, 12), (8, 12), bool)
    assert flow_px[:, 2, 5].tolist() == [2 * (2 * 12 + 5) - 1, 2 * (2 * 12 + 5)]
    np.testing.assert_array_equal(seen[0], np.arange(12) % 3 == 0)
    assert source.flow_px(CLIP, 2) is None


def test_a_clip_without_flow_has_none(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=2)
    assert TarTanAir(str(tmp_path)).flow_px(CLIP, 0) is None


@pytest.mark.parametrize("what", ["flow", "mask"])
def test_a_flow_file_that_is_missing_is_named(tmp_path, what):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=3, flow=True)
    (tmp_path / "HR_RGB" / CLIP / "flow" / f"000001_000002_{what}.npy").unlink()
    with pytest.raises(FileNotFoundError, match=f"expected .*000001_000002_{what}.npy"):
        TarTanAir(str(tmp_path)).flow_px(CLIP, 1)


def write_poses(root, lines):
    (root / "HR_RGB" / CLIP / "pose_left.txt").write_text("\n".join(lines))


def test_poses_look_along_z_with_y_down(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=2)
    # Forward, right and down by 1, 2 and 3; then a quarter turn to the right.
    half = np.sqrt(0.5)
    write_poses(tmp_path, ["1 2 3 0 0 0 1", f"0 0 0 0 0 {half} {half}"])
    source = TarTanAir(str(tmp_path))
    np.testing.assert_allclose(source.pose(CLIP, 0)[:3, 3], [2, 3, 1])
    np.testing.assert_allclose(source.pose(CLIP, 0)[:3, :3], np.eye(3))
    forward = source.pose(CLIP, 1)[:3, :3] @ [0, 0, 1]
    np.testing.assert_allclose(forward, [1, 0, 0], atol=1e-12)


def test_rotations_are_those_of_scipy(tmp_path):
    from scipy.spatial.transform import Rotation

    write_clip(tmp_path / "HR_RGB" / CLIP, frames=1)
    quaternion = np.array([0.1, -0.5, 0.7, 0.4])
    write_poses(tmp_path, ["0 0 0 " + " ".join(map(str, quaternion))])
    ned = Rotation.from_quat(quaternion).as_matrix()
    axes = [1, 2, 0]  # right, down, forward among forward, right, down
    np.testing.assert_allclose(
        TarTanAir(str(tmp_path)).pose(CLIP, 0)[:3, :3], ned[np.ix_(axes, axes)], atol=1e-12
    )


def test_a_pose_file_of_another_length_is_refused(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=2)
    write_poses(tmp_path, ["0 0 0 0 0 0 1"] * 3)
    with pytest.raises(ValueError, match=r"pose_left.txt: expected 2 lines.*; got 3 of 7"):
        TarTanAir(str(tmp_path)).pose(CLIP, 0)


def test_a_clip_without_poses_has_none_but_intrinsics(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=1)
    source = TarTanAir(str(tmp_path))
    assert source.pose(CLIP, 0) is None
    assert source.intrinsics_px(CLIP) == (320, 320, 320, 240)


def write_right(folder, frames):
    """The right camera's files; depth is twice the left one's."""
    for i in range(frames):
        write_rgb(folder / "image_right" / f"{i:06d}_right.png", coordinate_guide(1, 8, 12)[0])
        write_npy(folder / "depth_right" / f"{i:06d}_right_depth.npy", 2 * coordinates(1, 8, 12)[0])
    np.savetxt(folder / "pose_right.txt", [[0, 0.25, 0, 0, 0, 0, 1]] * frames)


def test_the_right_view_has_files_and_poses_of_its_own(tmp_path):
    folder = tmp_path / "office2/Hard/P000"
    write_clip(folder, frames=2, flow=True)
    write_right(folder, frames=2)
    source = TarTanAir(str(tmp_path), level="Hard", view="right")
    assert source.clips() == {CLIP: 2}
    np.testing.assert_array_equal(source.depth_m(CLIP, 1), 2 * coordinates(1, 8, 12)[0])
    assert source.flow_px(CLIP, 0) is None  # the files are of the left view
    np.testing.assert_allclose(source.pose(CLIP, 0)[:3, 3], [0.25, 0, 0])


def test_lr_files_are_of_the_left_view(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=2)
    write_right(tmp_path / "HR_RGB" / CLIP, frames=2)
    write_npy(tmp_path / "LR" / "X4" / CLIP / "000000_left_depth.npy", np.ones((1, 1, 2, 3), "f4"))
    assert TarTanAir(str(tmp_path), view="right").lq_m(CLIP, 0, 4) is None


def test_clips_without_a_right_view_are_not_listed(tmp_path):
    write_clip(tmp_path / "HR_RGB" / CLIP, frames=2)
    write_clip(tmp_path / "HR_RGB/office2/P001", frames=2)
    write_right(tmp_path / "HR_RGB" / CLIP, frames=2)
    assert list(TarTanAir(str(tmp_path), view="right").clips()) == [CLIP]

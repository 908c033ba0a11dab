"""TarTanAir in both layouts."""

import numpy as np
import pytest
from fake_frames import coordinate_guide, coordinates, write_npy, write_rgb

from stdnet_arch.data.clip_list import resolve_spans
from stdnet_arch.data.tartanair_source import TarTanAir

CLIP = "office2/P000"


def write_clip(folder, frames, dtype=np.float32):
    depth, guide = coordinates(frames, 8, 12).astype(dtype), coordinate_guide(frames, 8, 12)
    for i in range(frames):
        write_rgb(folder / "image_left" / f"{i:06d}_left.png", guide[i])
        write_npy(folder / "depth_left" / f"{i:06d}_left_depth.npy", depth[i])
        write_npy(folder / "flow" / f"{i:06d}_{i + 1:06d}_flow.npy", np.zeros((8, 12, 2)))


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

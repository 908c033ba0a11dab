"""Depth video from every kind of place, in metres."""

import numpy as np
import pytest
from recording_parts import depth_clip, write_depth_folder, write_gray

from stdnet_arch.data.codecs.depth_file import FORMATS, write_depth
from stdnet_arch.data.recordings.depth_io import (
    ConfidentDepth,
    DepthCoding,
    DepthFiles,
    depth_frames,
    open_depth,
)

CLIP = depth_clip(3, 4, 5)
PLAIN = DepthCoding()


def all_of(reader, start=0):
    return np.stack(list(depth_frames(reader, start)))


@pytest.mark.parametrize("kind", FORMATS)
def test_folders_of_every_format(tmp_path, kind):
    if kind == "exr":
        pytest.importorskip("OpenEXR")
    for i, frame in enumerate(CLIP):
        write_depth(tmp_path / "d" / f"{i + 7}{FORMATS[kind]}", frame, kind)
    coding = DepthCoding(unit="float16" if kind == "float16png" else None)
    reader = open_depth(tmp_path / "d", coding)
    tolerance = 2e-3 if kind == "float16png" else 1e-6
    np.testing.assert_allclose(all_of(reader), CLIP, rtol=tolerance)
    assert [reader.name(i) for i in range(len(reader))] == ["7", "8", "9"]


def test_reading_can_start_anywhere(tmp_path):
    write_depth_folder(tmp_path / "d", CLIP)
    np.testing.assert_allclose(all_of(open_depth(tmp_path / "d", PLAIN), 2), CLIP[2:], rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 1, 4, 5), (3, 4, 5, 1)])
def test_one_stack_in_a_npy(tmp_path, shape):
    np.save(tmp_path / "d.npy", CLIP.reshape(shape))
    reader = open_depth(tmp_path / "d.npy", PLAIN)
    np.testing.assert_array_equal(all_of(reader), CLIP)
    assert reader.name(2) == "000002"


def test_one_stack_in_a_npz(tmp_path):
    codes = np.round(CLIP * 1000).astype(np.uint16)
    np.savez(tmp_path / "d.npz", depth=codes, confidence=codes)
    reader = open_depth(tmp_path / "d.npz", DepthCoding("mm", npz_key="depth"))
    np.testing.assert_allclose(all_of(reader), CLIP, rtol=1e-6)
    with pytest.raises(ValueError, match="depth.*confidence"):
        open_depth(tmp_path / "d.npz", PLAIN)


def test_a_stack_is_not_loaded_whole(tmp_path):
    np.save(tmp_path / "d.npy", CLIP)
    frame = open_depth(tmp_path / "d.npy", PLAIN).read(1)
    assert isinstance(frame, np.memmap)


def test_the_invalid_code_and_unit_reach_every_frame(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[[9999, 1000]], [[500, 9999]]], np.uint16))
    reader = open_depth(tmp_path / "d.npy", DepthCoding(1 / 5000, 9999))
    np.testing.assert_allclose(all_of(reader), [[[0, 0.2]], [[0.1, 0]]], rtol=1e-6)


def test_places_that_are_no_depth_are_named(tmp_path):
    (tmp_path / "d.mp4").touch()
    np.save(tmp_path / "flat.npy", CLIP[0, 0])
    with pytest.raises(FileNotFoundError, match="gone; it does not exist"):
        open_depth(tmp_path / "gone", PLAIN)
    with pytest.raises(ValueError, match=r"expected a video"):
        open_depth(tmp_path / "d.mp4", PLAIN)
    with pytest.raises(ValueError, match=r"expected a stack \(t, h, w\); got shape \(5,\)"):
        open_depth(tmp_path / "flat.npy", PLAIN)


def test_mixed_formats_are_refused(tmp_path):
    write_depth(tmp_path / "d" / "0.npy", CLIP[0], "npy")
    write_depth(tmp_path / "d" / "1.png", CLIP[1], "png16")
    with pytest.raises(ValueError, match=r"of one kind .*'\.npy', '\.png'"):
        open_depth(tmp_path / "d", PLAIN)


def test_confidence_must_fit_the_depth(tmp_path):
    write_depth_folder(tmp_path / "d", CLIP)
    depth = open_depth(tmp_path / "d", PLAIN)
    write_gray(tmp_path / "c.png", np.ones((4, 7)))
    with pytest.raises(ValueError, match="per depth frame; got 1 for 3 frames"):
        ConfidentDepth(depth, [tmp_path / "c.png"], 1)
    with pytest.raises(ValueError, match=r"size of the depth, \(4, 5\); got \(4, 7\)"):
        ConfidentDepth(depth, [tmp_path / "c.png"] * 3, 1).read(0)


def test_files_can_be_called_otherwise(tmp_path):
    write_depth_folder(tmp_path / "d", CLIP)
    files = sorted((tmp_path / "d").iterdir())
    reader = DepthFiles([files[2], files[2]], PLAIN, ["a", "b"])
    assert [reader.name(i) for i in range(2)] == ["a", "b"]
    np.testing.assert_allclose(all_of(reader), CLIP[[2, 2]], atol=1e-6)

"""The folder that Record3D exports."""

import json

import numpy as np
import pytest
from recording_parts import depth_clip, rgb_clip, write_gray, write_rgb_folder

from stdnet_arch.data.recordings.exports.record3d import cameras_of
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics

DEPTH_M, RGB = depth_clip(11, 6, 4), rgb_clip(11, 45, 30)
METADATA = {
    "w": 30,
    "h": 45,
    "fps": 60,
    "K": [40.5, 0, 0, 0, 41.5, 0, 15, 22.5, 1],
    "poses": [[0, 0, 0, 1, 0, 0, 0]] * 11,
}


def write_export(folder):
    """EXR + JPG as the app writes it, frames 0 to 10 without leading zeros."""
    openexr = pytest.importorskip("OpenEXR")
    (folder / "depth").mkdir(parents=True)
    for i, frame in enumerate(DEPTH_M):
        header = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
        planes = {name: np.ascontiguousarray(frame) for name in "RGB"}
        with openexr.File(header, planes) as file:
            file.write(str(folder / f"depth/{i}.exr"))
    write_rgb_folder(folder / "rgb", RGB)
    for i in range(11):
        (folder / f"rgb/c_{i:04d}.png").rename(folder / f"rgb/{i}.png")
    (folder / "metadata.json").write_text(json.dumps(METADATA))


@pytest.mark.parametrize("inner", [".", "EXR_RGBD"])
def test_depth_is_metres_beside_the_pictures(tmp_path, inner):
    write_export(tmp_path / inner)
    recording = open_recording(tmp_path, None, Reading(), 4)
    depths, colors = zip(*recording.frames(), strict=True)
    np.testing.assert_allclose(np.stack(depths), DEPTH_M)
    np.testing.assert_array_equal(np.stack(colors), RGB)
    assert recording.fps == 60
    assert recording.intrinsics(3) == Intrinsics(40.5, 41.5, 15, 22.5)


def test_confidence_is_used_where_the_export_has_it(tmp_path):
    write_export(tmp_path)
    for i in range(11):
        write_gray(tmp_path / f"confidence/{i}.png", np.full((6, 4), i % 3))
    recording = open_recording(tmp_path, None, Reading(min_confidence=1), 4)
    assert [bool(recording.depth.read(i).any()) for i in range(4)] == [False, True, True, False]


def test_the_camera_of_every_frame_wins_where_it_is_known():
    cameras = cameras_of({**METADATA, "perFrameIntrinsicCoeffs": [[1, 2, 3, 4], [5, 6, 7, 8]]})
    assert cameras == [Intrinsics(1, 2, 3, 4), Intrinsics(5, 6, 7, 8)]
    assert cameras_of({}) == []


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_broken_metadata_is_named(tmp_path, text):
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(ValueError, match=r"metadata\.json: expected"):
        open_recording(tmp_path, None, Reading(), 4)

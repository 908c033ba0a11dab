"""``--rerun``: what the SDK reads out of the file is what the files of the run hold."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from recording_parts import depth_clip, write_depth_folder, write_picture, write_recording

from stdnet_arch.data.codecs.depth_file import read_depth
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.synthetic.recording import write_synthetic_recording
from stdnet_arch.inference.jobs.command import main
from stdnet_arch.inference.jobs.timeline import (
    TimelineFrame,
    lq_camera,
    up_axis,
    write_timeline,
)

pytest.importorskip("rerun", reason="needs rerun-sdk (extra rerun)")
from rerun.chunk import RrdReader  # noqa: E402

CAMERA = Intrinsics(20, 21, 12, 8)
FRAMES = 3


def infer(folder, weights, *more):
    fixed = ["--weights", weights, "--device", "cpu", "--quiet"]
    words = ["--depth", folder, "-o", folder.parent / "out", *fixed, *more]
    return main([str(word) for word in words])


@pytest.fixture
def clip(tmp_path):
    """A synthetic recording: with a camera, poses and a hole."""
    write_synthetic_recording(tmp_path / "clip", FRAMES, (32, 48), 4)
    return tmp_path / "clip"


def read_rows(path, entity, component):
    """Values of a component over the time lines: ``[({time line: time}, value)]``."""
    chunks = [chunk for chunk in RrdReader(path).stream() if chunk.entity_path == entity]
    batches = [chunk.to_record_batch() for chunk in chunks]
    rows = [
        ({name: as_whole(batch, name)[i] for name in lines_of(batch)}, batch.column(component)[i])
        for batch in batches
        if component in batch.schema.names
        for i in range(batch.num_rows)
    ]
    known = [(times, value.values) for times, value in rows if value.is_valid]
    return sorted(known, key=lambda row: row[0]["frame"])


def as_whole(batch, name):
    """Times of a line: numbers of frames, or nanoseconds."""
    return batch.column(name).cast("int64").to_pylist()


def lines_of(batch):
    return [name for name in ("frame", "time") if name in batch.schema.names]


def images(path, entity):
    """Depth images [m], by the units that the file says."""
    found = []
    parts = [read_rows(path, entity, f"DepthImage:{x}") for x in ("buffer", "format", "meter")]
    for (_, buffer), (_, form), (_, meter) in zip(*parts, strict=True):
        size = form[0].as_py()
        data = np.array(buffer[0].as_py(), np.uint8)
        kind = {2: np.uint16, 4: np.float32}[len(data) // (size["width"] * size["height"])]
        values = data.view(kind).reshape(size["height"], size["width"])
        found.append(values.astype(np.float64) / meter[0].as_py())
    return np.stack(found)


def depths(folder, suffix):
    return np.stack([read_depth(path) for path in sorted(folder.glob(f"*{suffix}"))])


@pytest.mark.parametrize(("kind", "suffix"), [("png16", ".png"), ("npy", ".npy")])
def test_depth_images_are_the_files_in_metres(clip, expecting_weights, kind, suffix):
    file = clip.parent / "t.rrd"
    assert infer(clip, expecting_weights, "--rerun", file, "--format", kind) == 0
    out = clip.parent / "out"
    for entity, folder in (("prediction", out), ("expected_error", out / "error_map")):
        found = images(file, f"/camera/{entity}")
        np.testing.assert_allclose(found, depths(folder, suffix), rtol=1e-6)
    np.testing.assert_allclose(images(file, "/camera/lq"), depths(clip / "depth", ".png"))


def test_points_are_those_of_the_ply_files(clip, bilinear):
    file, out = clip.parent / "t.rrd", clip.parent / "out"
    assert infer(clip, bilinear.weights, "--rerun", file, "--ply") == 0
    points = read_rows(file, "/camera/points", "Points3D:positions")
    assert len(points) == FRAMES
    vertex = np.dtype([("at", "<f4", 3), ("color", "u1", 3)])
    for (_, found), path in zip(points, sorted((out / "points").iterdir()), strict=True):
        expected = np.frombuffer(path.read_bytes().partition(b"end_header\n")[2], vertex)["at"]
        np.testing.assert_allclose(np.array(found.to_pylist()), expected, atol=1e-5)


def test_cameras_and_poses_are_the_recordings(clip, bilinear):
    file = clip.parent / "t.rrd"
    infer(clip, bilinear.weights, "--rerun", file)
    fx, fy, cx, cy = np.loadtxt(clip / "intrinsics.txt")
    (_, matrix), *_ = read_rows(file, "/camera/rgb", "Pinhole:image_from_camera")
    found = np.reshape(matrix[0].as_py(), (3, 3)).T
    np.testing.assert_allclose(found, [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], rtol=1e-6)
    poses = np.loadtxt(clip / "poses.txt").reshape(FRAMES, 3, 4)
    turns = read_rows(file, "/camera", "Transform3D:mat3x3")
    places = read_rows(file, "/camera", "Transform3D:translation")
    for pose, (_, turn), (_, place) in zip(poses, turns, places, strict=True):
        np.testing.assert_allclose(np.reshape(turn[0].as_py(), (3, 3)).T, pose[:, :3], atol=1e-6)
        np.testing.assert_allclose(place[0].as_py(), pose[:, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("right", "down", "axis"),
    [
        ((1, 0, 0), (0, 0, -1), "Z_UP"),  # TUM and others of the ground
        ((1, 0, 0), (0.3, -0.9, 0.3), "Y_UP"),  # ARKit, looking down a little
        ((0, 0, 1), (0.8, 0.6, 0), "X_DOWN"),
    ],
)
def test_the_way_up_is_that_of_the_first_picture(right, down, axis):
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1] = right, down
    assert up_axis(pose) == f"RIGHT_HAND_{axis}"


def test_without_poses_the_world_is_the_cameras(tmp_path):
    depth_m = depth_clip(1, 8, 12)[0]
    moment = TimelineFrame(
        np.zeros((8, 12, 3), np.uint8), depth_m, depth_m, None, CAMERA, (1, 1), None, 0
    )
    write_timeline(tmp_path / "t.rrd", [moment], (0, 1))
    (chunk,) = [chunk for chunk in RrdReader(tmp_path / "t.rrd").stream() if chunk.is_static
                and chunk.entity_path == "/"]  # fmt: skip
    (axes,) = chunk.to_record_batch().column("ViewCoordinates:xyz").to_pylist()
    right, down, forward = 3, 2, 5  # numbers of Rerun's format
    assert list(axes[0]) == [right, down, forward]


def test_the_camera_of_the_depth_sees_the_same_point():
    small = lq_camera(CAMERA, (4, 3))
    # The corner between two pixels of RGB and of depth is one ray.
    assert (2.5 - small.cx_px) / small.fx_px == pytest.approx((3 * 3 - 0.5 - CAMERA.cx_px) / 20)
    assert (1.5 - small.cy_px) / small.fy_px == pytest.approx((2 * 4 - 0.5 - CAMERA.cy_px) / 21)


def test_pictures_are_the_recordings(clip, bilinear):
    file = clip.parent / "t.rrd"
    infer(clip, bilinear.weights, "--rerun", file)
    rows = read_rows(file, "/camera/rgb", "EncodedImage:blob")
    given = np.stack([np.array(Image.open(p), float) for p in sorted((clip / "rgb").iterdir())])
    blobs = [io.BytesIO(bytes(blob[0].as_py())) for _, blob in rows]
    found = np.stack([np.array(Image.open(blob), float) for blob in blobs])
    # JPEG halves the size of the colours, and these textures are one pixel fine.
    apart = np.abs(found[:, None] - given[None]).mean(axis=(2, 3, 4))
    assert apart.argmin(axis=1).tolist() == [0, 1, 2]
    assert apart.diagonal().max() < 7


@pytest.mark.parametrize("first_s", [12.5, 1305031453.25], ids=["own", "since 1970"])
def test_the_time_line_is_the_recordings_own(tmp_path, bilinear, first_s):
    times_s = [first_s, first_s + 0.125, first_s + 2]
    for i, time_s in enumerate(times_s):
        write_picture(tmp_path / f"clip/rgb/{time_s}.png", np.full((16, 24, 3), 40 * i, np.uint8))
        np.save(tmp_path / f"{time_s}.npy", depth_clip(3, 4, 6)[i])
        (tmp_path / "clip/depth").mkdir(exist_ok=True)
        (tmp_path / f"{time_s}.npy").rename(tmp_path / f"clip/depth/{time_s}.npy")
    assert infer(tmp_path / "clip", bilinear.weights, "--rerun", tmp_path / "t.rrd") == 0
    rows = read_rows(tmp_path / "t.rrd", "/camera/lq", "DepthImage:buffer")
    assert [row["time"] / 1e9 for row, _ in rows] == pytest.approx(times_s, abs=1e-6)
    assert [row["frame"] for row, _ in rows] == [0, 1, 2]


def test_without_a_camera_there_are_pictures_alone_and_that_is_said(tmp_path, bilinear, caplog):
    write_recording(tmp_path / "clip")
    assert infer(tmp_path / "clip", bilinear.weights, "--rerun", tmp_path / "t.rrd") == 0
    assert "will hold no cameras and no points" in caplog.text
    assert len(images(tmp_path / "t.rrd", "/camera/prediction")) == 5
    assert read_rows(tmp_path / "t.rrd", "/camera/points", "Points3D:positions") == []


def test_the_file_never_replaces_an_input_or_another_kind_of_file(clip, bilinear, capsys):
    for file in (clip / "t.rrd", clip.parent / "t.png"):
        assert infer(clip, bilinear.weights, "--rerun", file) == 1
    said = capsys.readouterr().err
    assert "must not replace or lie in the input" in said
    assert "ends in .rrd" in said
    assert not (clip.parent / "out").exists()


def test_a_file_that_is_gone_is_made_again_without_the_network(clip, bilinear, monkeypatch):
    file = clip.parent / "t.rrd"
    infer(clip, bilinear.weights, "--rerun", file)
    whole = images(file, "/camera/prediction")
    file.unlink()
    monkeypatch.setattr(type(bilinear), "predict_prepared", None)
    assert infer(clip, bilinear.weights, "--rerun", file) == 0
    np.testing.assert_array_equal(images(file, "/camera/prediction"), whole)


def test_a_manifest_names_the_file(clip, bilinear):
    line = {"depth": "clip", "output": "a", "rerun": "a.rrd"}
    (clip.parent / "list.jsonl").write_text(json.dumps(line) + "\n")
    words = ["--manifest", clip.parent / "list.jsonl", "-o", clip.parent / "all"]
    fixed = ["--weights", bilinear.weights, "--device", "cpu", "--quiet"]
    assert main([str(word) for word in (*words, *fixed)]) == 0
    assert len(images(clip.parent / "all/a.rrd", "/camera/prediction")) == FRAMES


def test_an_error_half_way_leaves_no_file(tmp_path):
    def moments():
        depth_m = depth_clip(1, 8, 12)[0]
        rgb = np.zeros((8, 12, 3), np.uint8)
        yield TimelineFrame(rgb, depth_m, depth_m, None, None, (1, 1), None, None)
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        write_timeline(tmp_path / "t.rrd", moments(), (0, 1))
    assert list(tmp_path.iterdir()) == []


def test_holes_are_zero(tmp_path, bilinear):
    depth_m = depth_clip(2, 4, 6)
    depth_m[1, 2, 3] = 0
    write_depth_folder(tmp_path / "clip/depth", depth_m)
    for i in range(2):
        write_picture(tmp_path / f"clip/rgb/c_{i:04d}.png", np.zeros((16, 24, 3), np.uint8))
    infer(tmp_path / "clip", bilinear.weights, "--rerun", tmp_path / "t.rrd")
    np.testing.assert_allclose(images(tmp_path / "t.rrd", "/camera/lq"), depth_m, rtol=1e-6)

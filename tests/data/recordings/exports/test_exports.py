"""Folders as data sets and apps export them, in their true layouts."""

import json
import shutil
import zipfile

import cv2
import numpy as np
import pytest
from recording_parts import depth_clip, rgb_clip, write_picture

from stdnet_arch.data.codecs.depth_file import write_depth
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.recordings.stored_depth import DepthCoding
from stdnet_arch.utils.input_errors import InputError

DEPTH_M, RGB = depth_clip(4, 6, 8), rgb_clip(4, 24, 32)
TIMES = ["10.0333", "10.0667", "10.2", "10.1333"]  # by value: 0, 1, 3, 2


def write_codes(path, depth_m, per_metre):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.round(depth_m * per_metre).astype(np.uint16))


def frames_of(recording):
    depths, colors = zip(*recording.frames(), strict=True)
    return np.stack(depths), np.stack(colors)


def write_tum(root, lists=True):
    for i, time in enumerate(TIMES):
        write_codes(root / f"depth/{time}.png", DEPTH_M[i], 5000)
        write_picture(root / f"rgb/{float(time) + 0.004:.4f}.png", RGB[i])
    if lists:
        for name, shift in (("depth", 0), ("rgb", 0.004)):
            stamps = sorted((float(time) + shift, time) for time in TIMES)
            lines = [
                f"{stamp:.4f} {name}/{time if not shift else format(stamp, '.4f')}.png"
                for stamp, time in stamps
            ]
            (root / f"{name}.txt").write_text("# a list\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize("alone", [True, False])
def test_tum_folders_know_their_unit_and_their_times(tmp_path, alone):
    write_tum(tmp_path)
    places = (tmp_path, None) if alone else (tmp_path / "depth", tmp_path / "rgb")
    recording = open_recording(*places, Reading(), 4)
    depths, colors = frames_of(recording)
    np.testing.assert_allclose(depths, DEPTH_M[[0, 1, 3, 2]], atol=1e-4)
    np.testing.assert_array_equal(colors, RGB[[0, 1, 3, 2]])
    assert recording.about.unit == "1/5000 m (TUM layout)"
    assert recording.about.pairing.how == "time (at most 4 ms apart)"


def test_without_lists_times_in_names_are_paired_and_the_unit_is_said(tmp_path):
    write_tum(tmp_path, lists=False)
    (tmp_path / "rgb/10.0373.png").unlink()
    recording = open_recording(tmp_path / "depth", tmp_path / "rgb", Reading(), 4)
    depths, colors = frames_of(recording)
    np.testing.assert_allclose(depths, 5 * DEPTH_M[[1, 3, 2]], atol=1e-3)
    np.testing.assert_array_equal(colors, RGB[[1, 3, 2]])
    assert recording.about.pairing.lone_depth == (0,)
    assert "usual for whole numbers in .png; else --depth-unit" in recording.about.unit


def test_associations_win_and_what_they_do_not_name_is_left_out(tmp_path):
    write_tum(tmp_path)
    rows = [
        f"{float(t) + 0.004:.4f} rgb/{float(t) + 0.004:.4f}.png {t} depth/{t}.png"
        for t in (TIMES[0], TIMES[3])
    ]
    (tmp_path / "associations.txt").write_text("\n".join(rows))
    recording = open_recording(tmp_path, None, Reading(), 4)
    np.testing.assert_allclose(frames_of(recording)[0], DEPTH_M[[0, 3]], atol=1e-4)
    assert recording.about.pairing.how == "associations.txt"
    assert len(recording.about.pairing.lone_depth) == 2


def test_associations_may_name_the_depth_first(tmp_path):
    for i in range(2):
        write_codes(tmp_path / f"depth/{i}.png", DEPTH_M[i], 5000)
        write_picture(tmp_path / f"rgb/{i}.png", RGB[i])
    (tmp_path / "associations.txt").write_text(
        "0 depth/0.png 0 rgb/0.png\n1 depth/1.png 1 rgb/1.png"
    )
    depths, colors = frames_of(open_recording(tmp_path, None, Reading(), 4))
    np.testing.assert_allclose(depths, DEPTH_M[:2], atol=1e-4)
    np.testing.assert_array_equal(colors, RGB[:2])


@pytest.mark.parametrize(
    ("depth", "rgb", "per_metre", "unit"),
    [
        ("frame-{:06d}.depth.png", "frame-{:06d}.color.png", 1000, "mm (usual"),
        ("depth{:06d}.png", "frame{:06d}.png", 6553.5, "1/6553.5 m (Replica layout)"),
    ],
)
def test_depth_and_rgb_of_one_folder_are_told_apart(tmp_path, depth, rgb, per_metre, unit):
    for i in range(4):
        write_codes(tmp_path / "results" / depth.format(i), DEPTH_M[i], per_metre)
        write_picture(tmp_path / "results" / rgb.format(i), RGB[i])
        (tmp_path / f"results/frame-{i:06d}.pose.txt").write_text("1 0 0 0")
    (tmp_path / "results/._depth000009.png").write_bytes(b"rubbish of a Mac")
    (tmp_path / "camera-intrinsics.txt").write_text("40 0 15.5\n0 41 11.5\n0 0 1\n")
    recording = open_recording(tmp_path, None, Reading(), 4)
    depths, colors = frames_of(recording)
    np.testing.assert_allclose(depths, DEPTH_M, atol=6e-4)
    np.testing.assert_array_equal(colors, RGB)
    assert recording.about.unit.startswith(unit)
    assert recording.intrinsics(0) == Intrinsics(40, 41, 15.5, 11.5)


def test_patterns_choose_files_of_one_folder(tmp_path):
    for i in range(4):
        write_codes(tmp_path / f"{i}.depth.png", DEPTH_M[i], 1000)
        write_picture(tmp_path / f"{i}.color.png", RGB[i])
    places = tmp_path / "*.depth.png", tmp_path / "*.color.png"
    depths, colors = frames_of(open_recording(*places, Reading(), 4))
    np.testing.assert_allclose(depths, DEPTH_M, atol=6e-4)
    np.testing.assert_array_equal(colors, RGB)
    with pytest.raises(FileNotFoundError, match=r"expected frames .* in .*\*\.nothing"):
        open_recording(tmp_path / "*.nothing", tmp_path / "*.color.png", Reading(), 4)


def test_scannet_exports_are_two_folders_with_a_camera(tmp_path):
    for i in range(2):
        write_codes(tmp_path / f"depth/{i}.png", DEPTH_M[i], 1000)
        write_picture(tmp_path / f"color/{i}.jpg", np.full((24, 32, 3), 90))
    (tmp_path / "intrinsic").mkdir()
    (tmp_path / "intrinsic/intrinsic_color.txt").write_text(
        "1170 0 647 0\n0 1171 483 0\n0 0 1 0\n0 0 0 1\n"
    )
    recording = open_recording(tmp_path, None, Reading(), 4)
    assert recording.intrinsics(1) == Intrinsics(1170, 1171, 647, 483)
    np.testing.assert_allclose(frames_of(recording)[0], DEPTH_M[:2], atol=6e-4)


def test_polycam_pairs_by_name_and_reads_the_camera_of_each_frame(tmp_path):
    names = ["1442008525605", "1442008775743", "1442009042558"]
    for i, name in enumerate(names):
        write_codes(tmp_path / f"keyframes/depth/{name}.png", DEPTH_M[i], 1000)
        write_picture(tmp_path / f"keyframes/images/{name}.jpg", np.full((24, 32, 3), 90))
        if i != 1:
            write_picture(tmp_path / f"keyframes/corrected_images/{name}.png", RGB[i])
        path = tmp_path / f"keyframes/corrected_cameras/{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"fx": 40 + i, "fy": 41, "cx": 15, "cy": 11, "width": 32}))
    recording = open_recording(tmp_path, None, Reading(), 4)
    depths, colors = frames_of(recording)
    np.testing.assert_allclose(depths, DEPTH_M[[0, 2]], atol=6e-4)
    np.testing.assert_array_equal(colors, RGB[[0, 2]])
    assert recording.intrinsics(1) == Intrinsics(42, 41, 15, 11)
    assert (recording.about.sensor, recording.about.pairing.lone_depth) == ("phone", (1,))


@pytest.mark.parametrize("key", ["depth_path", "depth_file_path"])
def test_transforms_json_names_depth_cameras_and_unit(tmp_path, key):
    frames = []
    for i in range(3):
        write_codes(tmp_path / f"images/{i}.depth.png", DEPTH_M[i], 4000)
        write_picture(tmp_path / f"images/{i}.png", RGB[i])
        frames.append({"file_path": f"images/{i}", key: f"images/{i}.depth.png", "fl_x": 40 + i})
    frames.append({"file_path": "images/0"})
    content = {"fl_y": 41, "cx": 15, "cy": 11, "integer_depth_scale": 1 / 4000, "frames": frames}
    (tmp_path / "transforms.json").write_text(json.dumps(content))
    recording = open_recording(tmp_path, None, Reading(), 4)
    depths, colors = frames_of(recording)
    np.testing.assert_allclose(depths, DEPTH_M[:3], atol=2e-4)
    np.testing.assert_array_equal(colors, RGB[:3])
    assert recording.intrinsics(2) == Intrinsics(42, 41, 15, 11)
    assert recording.about.notes == ("1 frames name no depth",)
    assert recording.about.unit == "1/4000 m (transforms.json)"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("associations.txt", "1 a.png", "expected two files a line"),
        ("associations.txt", "1 rgb/a.png 1 depth/a.png", "got none of 1"),
        ("transforms.json", '{"frames": [{"file_path": "a"}]}', "got none of 1"),
        ("transforms.json", "[]", "expected frames with file_path"),
        ("transforms.json", "{}", "expected frames with file_path"),
    ],
)
def test_broken_lists_are_named(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        open_recording(tmp_path, None, Reading(), 4)


def test_the_users_unit_wins_over_the_layouts(tmp_path):
    write_tum(tmp_path)
    recording = open_recording(tmp_path, None, Reading(DepthCoding(0.001)), 4)
    np.testing.assert_allclose(recording.depth.read(0), 5 * DEPTH_M[0], atol=1e-3)
    assert recording.about.unit == "1/1000 m (asked for)"


def test_a_zip_is_its_folder(tmp_path):
    write_tum(tmp_path / "scene")
    shutil.make_archive(str(tmp_path / "scene"), "zip", tmp_path / "scene", ".")
    recording = open_recording(tmp_path / "scene.zip", None, Reading(), 4)
    np.testing.assert_allclose(frames_of(recording)[0], DEPTH_M[[0, 1, 3, 2]], atol=1e-4)


def test_a_zip_that_leaves_its_folder_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../../up.png", b"x")
    with pytest.raises(InputError, match="must stay in its folder"):
        open_recording(tmp_path / "x.zip", None, Reading(), 4)


def test_a_broken_zip_is_named(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 rubbish")
    with pytest.raises(ValueError, match=r"x\.zip: expected a readable zip file"):
        open_recording(tmp_path / "x.zip", None, Reading(), 4)


def test_single_pictures_are_a_clip_of_one_frame(tmp_path):
    write_depth(tmp_path / "arkit_depth.png", DEPTH_M[0], "png16")
    write_picture(tmp_path / "image.png", RGB[0])
    recording = open_recording(tmp_path / "arkit_depth.png", tmp_path / "image.png", Reading(), 4)
    depths, colors = frames_of(recording)
    np.testing.assert_allclose(depths, DEPTH_M[:1], atol=6e-4)
    np.testing.assert_array_equal(colors, RGB[:1])

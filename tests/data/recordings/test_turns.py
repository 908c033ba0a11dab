"""Pictures and depth that lie on their side, and other kinds of pictures."""

import numpy as np
import pytest
from PIL import Image
from recording_parts import (
    depth_clip,
    rgb_clip,
    write_depth_folder,
    write_picture,
    write_rgb_folder,
)

from stdnet_arch.data.recordings.assemble import turn_camera
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.picture_file import orientation_of, read_picture
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics

DEPTH_M, RGB = depth_clip(2, 6, 8), rgb_clip(2, 24, 32)


@pytest.fixture
def folders(tmp_path):
    write_depth_folder(tmp_path / "depth", DEPTH_M)
    write_rgb_folder(tmp_path / "rgb", RGB)
    return tmp_path / "depth", tmp_path / "rgb"


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, -1), (180, -2), (270, -3)])
def test_frames_are_turned_clockwise(folders, degrees, turns):
    reading = Reading(rotate_rgb=degrees, rotate_depth=degrees)
    depth_m, rgb = next(open_recording(*folders, reading, 4).frames())
    np.testing.assert_allclose(depth_m, np.rot90(DEPTH_M[0], turns), atol=1e-6)
    np.testing.assert_array_equal(rgb, np.rot90(RGB[0], turns))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_camera_turns_with_its_picture(degrees):
    camera = Intrinsics(40, 50, 11, 7)
    marked = np.zeros((24, 32))
    marked[7, 11] = 1
    (row,), (column,) = np.nonzero(np.rot90(marked, -degrees // 90))
    turned = turn_camera(camera, degrees, 24, 32)
    assert (turned.cx_px, turned.cy_px) == (column, row)
    assert turned[:2] == ((40, 50) if degrees == 180 else (50, 40))


def write_tagged(path, orientation):
    path.parent.mkdir(exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB[0]).save(path, exif=exif, quality=95)


@pytest.mark.parametrize(("orientation", "degrees"), [(1, 0), (3, 180), (6, 90), (8, 270)])
def test_the_tag_of_a_jpeg_is_said_and_not_followed(tmp_path, orientation, degrees):
    write_tagged(tmp_path / "x.jpg", orientation)
    assert orientation_of(tmp_path / "x.jpg") == degrees
    assert read_picture(tmp_path / "x.jpg").shape == (24, 32, 3)


def test_the_opening_notes_name_the_tag(tmp_path):
    write_depth_folder(tmp_path / "depth", DEPTH_M[:1])
    write_tagged(tmp_path / "rgb/0.jpg", 6)
    (note,) = open_recording(tmp_path / "depth", tmp_path / "rgb", Reading(), 4).about.notes
    assert "turn it by 90 degrees clockwise" in note
    assert "--rotate-rgb 90" in note
    chosen = open_recording(tmp_path / "depth", tmp_path / "rgb", Reading(rotate_rgb=0), 4)
    assert chosen.about.notes == ()


@pytest.mark.parametrize("name", ["x.webp", "x.bmp", "x.ppm", "x.tif"])
def test_other_pictures_are_read_to_the_bit(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(RGB[0]).save(tmp_path / name, **options)
    np.testing.assert_array_equal(read_picture(tmp_path / name), RGB[0])


def test_heic_is_read(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    smooth = np.broadcast_to(np.linspace(40, 200, 64)[:, None, None], (64, 64, 3)).astype(np.uint8)
    heif.from_pillow(Image.fromarray(smooth)).save(tmp_path / "x.heic", quality=95)
    assert np.abs(read_picture(tmp_path / "x.heic").astype(int) - smooth).max() < 8


@pytest.mark.parametrize("name", ["x.webp", "x.bmp", "x.heic"])
def test_broken_pictures_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"RIFF\xff\xff\x00\x00WEBP rubbish")
    with pytest.raises(ValueError, match=f"{name}: expected a"):
        read_picture(tmp_path / name)


def test_hidden_files_are_no_frames(folders):
    write_picture(folders[1] / "._c_0000.png", RGB[1])
    (folders[0] / ".DS_Store").write_bytes(b"")
    assert len(open_recording(*folders, Reading(), 4).depth) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [({"rotate_rgb": 45}, "turned by one of .* got 45"), ({"pair": "luck"}, "got 'luck'")],
)
def test_choices_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Reading(**options)

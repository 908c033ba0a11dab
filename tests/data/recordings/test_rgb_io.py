"""RGB video from folders and video files."""

import builtins
import struct

import numpy as np
import pytest
from recording_parts import rgb_clip, write_rgb_folder

from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.rgb_io import RGBVideo, open_rgb

CLIP = rgb_clip(4, 16, 24)


def write_video(path, rgb, codec="ffv1", pixels="bgr0"):
    """A lossless video at 12 frames per second."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 12)
        stream.height, stream.width, stream.pix_fmt = *rgb.shape[1:3], pixels
        for frame in rgb:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def all_of(reader, start=0):
    return np.stack(list(reader.frames(start)))


@pytest.mark.parametrize("start", [0, 3])
def test_a_folder(tmp_path, start):
    write_rgb_folder(tmp_path / "c", CLIP, first=8)
    reader = open_rgb(tmp_path / "c")
    assert (reader.count, reader.fps) == (4, None)
    np.testing.assert_array_equal(all_of(reader, start), CLIP[start:])


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("name", ["c.mkv", "c.avi"])
def test_a_video(tmp_path, name, start):
    reader = open_rgb(write_video(tmp_path / name, CLIP))
    assert reader.count in {4, None}  # a mkv does not say
    assert reader.fps == 12
    np.testing.assert_array_equal(all_of(reader, start), CLIP[start:])


def test_a_video_can_be_read_twice(tmp_path):
    reader = open_rgb(write_video(tmp_path / "c.mkv", CLIP))
    np.testing.assert_array_equal(all_of(reader), all_of(reader))


def test_files_that_are_no_video_are_named(tmp_path):
    pytest.importorskip("av")
    (tmp_path / "c.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(ValueError, match=r"c.mp4: expected a video"):
        open_rgb(tmp_path / "c.mp4")
    with pytest.raises(FileNotFoundError, match="gone; it does not exist"):
        open_rgb(tmp_path / "gone")


def test_missing_pyav_says_how_to_get_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "av":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    (tmp_path / "c.mp4").touch()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'stdnet_arch\[video\]'"):
        open_rgb(tmp_path / "c.mp4")


# a, b, c, d of the display matrix (x' = a x + c y, y' = b x + d y), and what a player does.
@pytest.mark.parametrize(
    ("matrix", "turn"),
    [
        ((1, 0, 0, 1), lambda frame: frame),
        ((0, 1, -1, 0), lambda frame: frame.transpose(1, 0, 2)[:, ::-1]),  # clockwise
        ((-1, 0, 0, -1), lambda frame: frame[::-1, ::-1]),
        ((0, -1, 1, 0), lambda frame: frame.transpose(1, 0, 2)[::-1]),  # counter-clockwise
    ],
)
def test_a_video_is_turned_as_its_metadata_says(tmp_path, matrix, turn):
    path = write_video(tmp_path / "c.mp4", CLIP, "libx264rgb", "rgb24")
    plain = all_of(RGBVideo(path))
    set_display_matrix(path, matrix)
    np.testing.assert_array_equal(all_of(open_rgb(path))[2], turn(plain[2]))
    np.testing.assert_array_equal(all_of(RGBVideo(path, upright=False)), plain)


@pytest.mark.parametrize(("asked", "notes"), [(None, 1), (0, 0)])
def test_the_turn_of_a_video_is_said_and_can_be_left_out(tmp_path, asked, notes):
    path = write_video(tmp_path / "c.mp4", CLIP, "libx264rgb", "rgb24")
    set_display_matrix(path, (0, 1, -1, 0))
    np.save(tmp_path / "d.npy", np.ones((len(CLIP), 3, 4), np.float32))
    recording = open_recording(tmp_path / "d.npy", path, Reading(rotate_rgb=asked), 4)
    assert len(recording.about.notes) == notes
    assert all("turned by 90 degrees clockwise" in note for note in recording.about.notes)
    turned = next(recording.colors()).shape[:2] == CLIP.shape[2:0:-1]
    assert turned == (asked is None)


def set_display_matrix(path, matrix):
    """Write into the track header of an mp4, where phones put it."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version and flags, times, layer, volume
    a, b, c, d = (value << 16 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)

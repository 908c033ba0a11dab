"""Recordings of strangers: pipes, playlists, names that climb, cameras that see nothing."""

import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from recording_parts import write_recording

from stdnet_arch.data.recordings.depth_io import open_depth
from stdnet_arch.data.recordings.exports.camera_files import find_camera
from stdnet_arch.data.recordings.exports.transforms_json import read_transforms
from stdnet_arch.data.recordings.exports.tum_lists import read_lists
from stdnet_arch.data.recordings.frame_files import list_frames
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.pairing import pair_by_time
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics, check_camera
from stdnet_arch.data.recordings.rgb_io import open_rgb
from stdnet_arch.data.recordings.stored_depth import DepthCoding
from stdnet_arch.utils.input_errors import InputError


def bind_socket(path):
    here = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


FOREIGN = {
    "pipe": os.mkfifo,
    "socket": bind_socket,
    "device": lambda path: path.symlink_to("/dev/null"),
    "nowhere": lambda path: path.symlink_to("not there"),
    "loop": lambda path: path.symlink_to(path.name),
}


@pytest.fixture(params=FOREIGN)
def put(request):
    """Puts something that is no file in the place of one."""

    def replace(path):
        path.unlink(missing_ok=True)
        FOREIGN[request.param](path)

    return replace


def read_all(folder):
    return list(open_recording(folder / "depth", folder / "rgb", Reading(), 4).frames())


@pytest.mark.parametrize("frame", ["depth/d_0001.png", "rgb/c_0001.png"])
def test_what_is_no_file_among_frames_is_refused_and_not_left_out(tmp_path, put, frame):
    write_recording(tmp_path, frames=3)
    assert len(read_all(tmp_path)) == 3
    put(tmp_path / frame)
    with pytest.raises(InputError, match="_0001.png"):
        read_all(tmp_path)


def test_a_folder_among_frames_is_none(tmp_path):
    write_recording(tmp_path, frames=3)
    (tmp_path / "rgb/c_0003.png").mkdir()
    assert len(list_frames(tmp_path / "rgb", (".png",), by_name=True)) == 3


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4", "x.png", "x.webp"])
def test_a_pipe_is_no_rgb(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="regular file"):
        next(open_rgb(tmp_path / name).frames())


@pytest.mark.parametrize("name", ["x.mkv", "x.png", "x.npy", "x.npz", "x.pfm", "x.tiff"])
def test_a_pipe_is_no_depth(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="regular file"):
        open_depth(tmp_path / name, DepthCoding()).read(0)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile other.mkv\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_under_the_name_of_a_video_is_refused(tmp_path, text):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "other.mkv"), "w") as container:
        stream = container.add_stream("ffv1", 5)
        stream.width, stream.height, stream.pix_fmt = 8, 4, "bgr0"
        frame = av.VideoFrame.from_ndarray(np.zeros((4, 8, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (tmp_path / "x.mp4").write_text(text)
    with pytest.raises(ValueError, match="expected a video"):
        open_rgb(tmp_path / "x.mp4")
    assert next(open_rgb(tmp_path / "other.mkv").frames()).shape == (4, 8, 3)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd"])
def test_names_in_lists_stay_in_the_folder_of_the_recording(tmp_path, name):
    frames = [{"file_path": name, "depth_path": "d.png"}, {"file_path": "a", "depth_path": name}]
    for frame in frames:
        (tmp_path / "transforms.json").write_text(json.dumps({"frames": [frame]}))
        with pytest.raises(InputError, match="must stay in its folder"):
            read_transforms(tmp_path)
    (tmp_path / "associations.txt").write_text(f"1 {name} 1 depth/1.png\n")
    with pytest.raises(InputError, match="must stay in its folder"):
        read_lists(tmp_path)


@pytest.mark.parametrize(
    "camera", [(0, 1, 1, 1), (1, -1, 1, 1), (np.nan, 1, 1, 1), (1, 1, 1, np.inf)]
)
def test_a_camera_that_sees_nothing_is_refused(camera):
    with pytest.raises(InputError, match="must have fx, fy > 0"):
        check_camera(Intrinsics(*camera), "the camera of frame 3")


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_a_camera_file_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "cam_params.json").write_bytes(content)
    with pytest.raises(InputError, match="cam_params.json: expected"):
        find_camera(tmp_path)


@pytest.mark.parametrize("times", [[], [0.0, np.nan], [np.inf]])
def test_frames_without_times_are_not_paired_by_them(times):
    with pytest.raises(ValueError, match="expected a time for each frame"):
        pair_by_time(times, [0.0, 0.1])


def test_a_pipe_in_a_ros_bag_is_refused(tmp_path):
    pytest.importorskip("rosbags")
    (tmp_path / "metadata.yaml").write_text("rosbag2_bagfile_information: {}")
    os.mkfifo(tmp_path / "x.mcap")
    with pytest.raises(InputError, match="x.mcap: expected a regular file"):
        open_recording(tmp_path, None, Reading(), 4)

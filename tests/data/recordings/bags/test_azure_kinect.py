"""Recordings of the Azure Kinect: calibration, lenses, tracks."""

import json

import cv2
import numpy as np
import pytest
from recording_parts import rgb_clip

from stdnet_arch.data.recordings.bags.azure_calibration import MODEL, read_calibration
from stdnet_arch.data.recordings.depth_io import open_depth
from stdnet_arch.data.recordings.lens import Lens
from stdnet_arch.data.recordings.open_recording import open_recording
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.recordings.stored_depth import DepthCoding

DEPTH_NUMBERS = [
    0.5122697949409485, 0.49451231956481934, 0.4921168386936188, 0.4921667277812958,
    3.1305770874023438, 2.324939012527466, 0.1304156482219696,
    3.458651542663574, 3.350114583969116, 0.6629416346549988,
    0, 0, -0.0000511557373101823, 0.00008132171933539212,
]  # fmt: skip
COLOR_NUMBERS = [
    0.4967627227306366, 0.5108628273010254, 0.470907062292099, 0.6274453997612,
    0.7227460145950317, -2.8855903148651123, 1.6327226161956787,
    0.6021990180015564, -2.7196261882781982, 1.565053105354309,
    0, 0, -0.0001431911950930953, 0.0007828465895727277,
]  # fmt: skip


def calibration(rotation=(1, 0, 0, 0, 1, 0, 0, 0, 1), translation=(-0.03, 0, 0), plain=False):
    """What the sensor writes, with the numbers of a real one (or without distortion)."""

    def camera(location, numbers, sides, rt):
        if plain:
            numbers = [*numbers[:4], *[0] * 10]
        return {
            "Location": f"CALIBRATION_CameraLocation{location}",
            "Intrinsics": {"ModelType": MODEL, "ModelParameters": numbers},
            "SensorHeight": sides[0],
            "SensorWidth": sides[1],
            "Rt": {"Rotation": np.ravel(rt[0]).tolist(), "Translation": list(rt[1])},
        }

    cameras = [
        camera("D0", DEPTH_NUMBERS, (1024, 1024), (np.eye(3), (0, 0, 0))),
        camera("PV0", COLOR_NUMBERS, (3072, 4096), (rotation, translation)),
    ]
    return json.dumps({"CalibrationInformation": {"Cameras": cameras}}).encode() + b"\0"


def test_intrinsics_are_those_that_the_sdk_prints_for_this_sensor():
    read = read_calibration(calibration(), (640, 576), (1920, 1080), "NFOV_UNBINNED")
    depth = (503.927643, 503.978729, 332.064270, 325.880615)
    color = (904.141541, 903.521362, 953.284424, 555.142456)
    np.testing.assert_allclose(read.depth.pinhole, depth, atol=2e-4)
    np.testing.assert_allclose(read.color.pinhole, color, atol=2e-4)
    assert read.color.distortion[2:4] == (0.0007828465895727277, -0.0001431911950930953)


@pytest.mark.parametrize(
    ("mode", "size", "share"),
    [("NFOV_2X2BINNED", (320, 288), 0.5), ("NFOV_UNBINNED", (640, 576), 1)],
)
def test_binned_depth_has_a_camera_of_half_the_size(mode, size, share):
    whole = read_calibration(calibration(), (640, 576), (1280, 720), "NFOV_UNBINNED").depth.pinhole
    read = read_calibration(calibration(), size, (1280, 720), mode).depth.pinhole
    np.testing.assert_allclose(
        np.add(read, [0, 0, 0.5, 0.5]), share * np.add(whole, [0, 0, 0.5, 0.5])
    )


@pytest.mark.parametrize(
    "data", [b"{}", b"rubbish", calibration().replace(b"BrownConrady", b"Other")]
)
def test_another_calibration_is_told(data):
    with pytest.raises(ValueError, match="expected the calibration of an Azure Kinect"):
        read_calibration(data, (640, 576), (1280, 720), "NFOV_UNBINNED")


@pytest.mark.parametrize("name", ["depth", "color"])
def test_a_pixels_ray_comes_back_to_it_through_the_real_lens(name):
    read = read_calibration(calibration(), (640, 576), (1280, 720), "NFOV_UNBINNED")
    lens, size = (read.depth, (576, 640)) if name == "depth" else (read.color, (720, 1280))
    rays = lens.rays(*size)[100:-100:50, 100:-100:50].reshape(-1, 2)
    pixels = lens.project(2.5 * np.column_stack((rays, np.ones(len(rays)))))
    v, u = np.mgrid[100 : size[0] - 100 : 50, 100 : size[1] - 100 : 50]
    np.testing.assert_allclose(pixels, np.column_stack((u.ravel(), v.ravel())), atol=1e-3)


def test_the_lens_is_opencvs_rational_model():
    lens = read_calibration(calibration(), (640, 576), (1280, 720), "NFOV_UNBINNED").color
    points = np.random.default_rng(3).uniform([-1, -0.6, 0.8], [1, 0.6, 3], (50, 3))
    fx, fy, cx, cy = lens.pinhole
    matrix, zero = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), np.zeros(3)
    expected, _ = cv2.projectPoints(points, zero, zero, matrix, np.array(lens.distortion))
    np.testing.assert_allclose(lens.project(points), expected[:, 0], atol=1e-6)


def test_without_distortion_a_lens_is_a_pinhole():
    lens = Lens(Intrinsics(40, 50, 3, 2))
    np.testing.assert_allclose(lens.rays(4, 5)[1, 4], [1 / 40, -1 / 50])
    np.testing.assert_allclose(lens.project(np.array([[0.1, 0.2, 2.0]])), [[5, 7]])
    assert lens.project(np.zeros((0, 3))).shape == (0, 2)


def write_kinect(path, depth_codes, rgb, times=(0, 1)):
    """Tracks, titles and attachment as k4arecorder names them; depth as FFV1 instead of raw."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format="matroska") as container:
        color = container.add_stream("ffv1", 5)
        color.width, color.height, color.pix_fmt = rgb.shape[2], rgb.shape[1], "bgr0"
        depth = container.add_stream("ffv1", 5)
        depth.width, depth.height = depth_codes.shape[2], depth_codes.shape[1]
        depth.pix_fmt = "gray16le"
        color.metadata["title"], depth.metadata["title"] = "COLOR", "DEPTH"
        depth.metadata["K4A_DEPTH_MODE"] = "NFOV_UNBINNED"
        container.add_attachment(
            "calibration.json",
            "application/octet-stream",
            calibration(translation=(0, 0, 0), plain=True),
        )
        for time, codes, picture in zip(times, depth_codes, rgb, strict=True):
            for stream, array, form in ((color, picture, "rgb24"), (depth, codes, "gray16le")):
                frame = av.VideoFrame.from_ndarray(array, format=form)
                frame.pts = time
                container.mux(stream.encode(frame))
        for stream in (color, depth):
            container.mux(stream.encode())


def test_a_wall_seen_by_the_depth_camera_covers_the_color_at_its_depth(tmp_path):
    codes = np.full((2, 576, 640), 2000, np.uint16)
    codes[1] = 3000
    rgb = rgb_clip(2, 720, 1280)
    write_kinect(tmp_path / "x.mkv", codes, rgb)
    recording = open_recording(tmp_path / "x.mkv", None, Reading(), 16)
    depths, colors = zip(*recording.frames(), strict=True)
    assert depths[0].shape == (45, 80)
    # 75 degrees of depth against 90 of color: the middle is seen, the sides are not.
    np.testing.assert_allclose(depths[0][10:35, 20:60], 2, rtol=1e-6)
    np.testing.assert_allclose(depths[1][10:35, 20:60], 3, rtol=1e-6)
    assert not depths[0][:, :3].any()
    np.testing.assert_array_equal(np.stack(colors), rgb)
    assert (recording.about.sensor, recording.fps) == ("dtof", 5)
    np.testing.assert_array_equal(recording.depth.read(0), depths[0])


def test_depth_video_is_millimetres_and_can_be_read_in_any_order(tmp_path):
    codes = np.random.default_rng(2).integers(400, 9000, (2, 576, 640)).astype(np.uint16)
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "d.mkv"), "w") as container:
        stream = container.add_stream("ffv1", 30)
        stream.width, stream.height, stream.pix_fmt = 640, 576, "gray16le"
        for i, frame in enumerate(codes):
            picture = av.VideoFrame.from_ndarray(frame, format="gray16le")
            picture.pts = i
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    reader = open_depth(tmp_path / "d.mkv", DepthCoding())
    for i in (1, 0, 1):
        np.testing.assert_allclose(reader.read(i), codes[i] / 1000, rtol=1e-6)


def test_a_video_of_pictures_of_depth_is_refused(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "d.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", 30)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb_clip(1, 24, 32)[0], "rgb24")))
        container.mux(stream.encode())
    with pytest.raises(ValueError, match="must be 16-bit grey .* got yuv420p"):
        open_depth(tmp_path / "d.mp4", DepthCoding())

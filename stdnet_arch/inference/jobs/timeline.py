"""A clip and its result on the recording's own time line, for Rerun; needs the extra ``rerun``.

A file ``.rrd`` holds, for each frame, under ``camera``: ``rgb``, ``lq``, ``prediction`` and
``expected_error`` with their pinhole cameras, ``points``, and the pose of the camera.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.data.recordings.track.track import Pose
from stdnet_arch.utils.input_errors import InputError
from stdnet_arch.utils.whole_file import whole_file
from stdnet_arch.visual.point_cloud import unproject

SUFFIXES = (".rrd",)
APPLICATION = "stdnet_arch"
CAMERA, RGB, LQ, PREDICTION, EXPECTED_ERROR, POINTS = (
    "camera", "camera/rgb", "camera/lq", "camera/prediction", "camera/expected_error",
    "camera/points",
)  # fmt: skip
FRAME, TIME = "frame", "time"
"""Time lines: the number of the frame, and its time where the recording says it."""
SINCE_1970_S = 315e6
"""Times from here on (1980) are dates; smaller ones began with the recording."""
MOST_POINTS = 200_000
"""Points of a frame; of more pixels, every second (third, ...) row and column is taken."""
EVERY = 8
"""Frames between two waits for the disk: what is not written yet stays in memory."""
JPEG_QUALITY = 95
AXES = "XYZ"

Depth = NDArray[np.floating]


class TimelineFrame(NamedTuple):
    """One frame."""

    rgb: NDArray[np.uint8]
    """``(H, W, 3)``."""
    lq_m: Depth
    """Depth that the network saw [m], ``(h, w)``; 0 is no depth."""
    pred_m: Depth
    """Prediction [m], ``(H, W)``."""
    error_m: Depth | None
    """Error that the network expects [m], ``(H, W)``."""
    camera: Intrinsics | None
    """Intrinsics of the RGB."""
    block: tuple[float, float]
    """Height and width of a pixel of ``lq_m`` in pixels of the RGB."""
    pose: Pose | None
    """Camera to world."""
    time_s: float | None


def write_timeline(
    path: Path,
    moments: Iterable[TimelineFrame],
    limits_m: tuple[float, float],
    in_mm: bool = False,
) -> None:
    """Write a ``.rrd`` whole or not at all, in constant memory.

    Args:
        path: the file.
        moments: the frames, in order.
        limits_m: depths of the first and the last colour.
        in_mm: store predictions and errors as whole millimetres, as the frames are; else float32.

    Raises:
        ImportError: rerun is not installed.
        InputError: the file could not be written, such as to a full disk.
    """
    rerun = import_rerun()
    stream = rerun.RecordingStream(APPLICATION, send_properties=False)
    stream.set_log_time_enabled(False)
    stream.set_log_tick_enabled(False)
    with whole_file(path) as part:
        with _written(path):
            stream.save(part, default_blueprint=_blueprint())
        try:
            for i, moment in enumerate(moments):
                _log(rerun, stream, i, moment, limits_m, in_mm)
                _wait(stream, path, i % EVERY == 0)
            _wait(stream, path)
        finally:
            stream.disconnect()
        _check_end(part, path)


def up_axis(pose: Pose | None) -> str:
    """Say which axis of the world points up, in Rerun's words, or the viewer lays the scene down.

    Recordings do not say it. Most cameras are held upright, so it is the one that is nearest to
    the upward direction of the first picture.

    Args:
        pose: camera to world, of the first frame; None: the world is that of the camera, x to the
            right and y down.
    """
    up = np.array([0.0, -1, 0]) if pose is None else -pose[:3, 1]
    nearest = int(np.abs(up).argmax())
    return f"RIGHT_HAND_{AXES[nearest]}_{'UP' if up[nearest] > 0 else 'DOWN'}"


def lq_camera(camera: Intrinsics, block: tuple[float, float]) -> Intrinsics:
    """Scale the camera of the RGB to the low-resolution depth.

    Args:
        camera: camera of the RGB.
        block: height and width of a pixel of the depth in pixels of the RGB.
    """
    fx, fy, cx, cy = camera
    height, width = block
    return Intrinsics(fx / width, fy / height, (cx + 0.5) / width - 0.5, (cy + 0.5) / height - 0.5)


def _log(  # noqa: PLR0913, PLR0917  a frame, where it goes, and how
    rerun: Any,  # noqa: ANN401  an optional library
    stream: Any,  # noqa: ANN401
    i: int,
    moment: TimelineFrame,
    limits_m: tuple[float, float],
    in_mm: bool,
) -> None:
    if i == 0:
        stream.log("/", getattr(rerun.ViewCoordinates, up_axis(moment.pose)), static=True)
    stream.reset_time()
    stream.set_time(FRAME, sequence=i)
    if moment.time_s is not None:
        kind = "timestamp" if moment.time_s >= SINCE_1970_S else "duration"
        stream.set_time(TIME, **{kind: moment.time_s})
    stream.log(RGB, rerun.Image(moment.rgb).compress(jpeg_quality=JPEG_QUALITY))
    depths: Sequence[tuple[str, Depth | None, bool]] = (
        (LQ, moment.lq_m, False),
        (PREDICTION, moment.pred_m, in_mm),
        (EXPECTED_ERROR, moment.error_m, in_mm),
    )
    for place, depth_m, whole_mm in depths:
        if depth_m is not None:
            limits = None if place == EXPECTED_ERROR else limits_m
            stream.log(place, _depth_image(rerun, depth_m, whole_mm, limits))
    if moment.camera is not None:
        _log_camera(rerun, stream, moment, moment.camera)
    if moment.pose is not None:
        turn, place_m = moment.pose[:3, :3], moment.pose[:3, 3]
        stream.log(CAMERA, rerun.Transform3D(translation=place_m, mat3x3=turn))


def _log_camera(rerun: Any, stream: Any, moment: TimelineFrame, camera: Intrinsics) -> None:  # noqa: ANN401
    """Log the pinhole camera of each picture, and the points that they show."""
    cameras = {RGB: camera, LQ: lq_camera(camera, moment.block), PREDICTION: camera}
    if moment.error_m is not None:
        cameras[EXPECTED_ERROR] = camera
    for place, (fx, fy, cx, cy) in cameras.items():
        size = (moment.lq_m if place == LQ else moment.pred_m).shape[::-1]
        pinhole = rerun.Pinhole(focal_length=(fx, fy), principal_point=(cx, cy), resolution=size)
        stream.log(place, pinhole)
    step = max(1, math.ceil(math.sqrt(moment.pred_m.size / MOST_POINTS)))
    depth_m, colors = moment.pred_m[::step, ::step], moment.rgb[::step, ::step]
    fx, fy, cx, cy = (number / step for number in camera)
    seen = np.isfinite(depth_m) & (depth_m > 0)
    points_m = unproject(depth_m, (fx, fy, cx, cy))[seen]
    stream.log(POINTS, rerun.Points3D(points_m, colors=colors[seen]))


def _depth_image(
    rerun: Any,  # noqa: ANN401
    depth_m: Depth,
    whole_mm: bool,
    limits_m: tuple[float, float] | None,
) -> Any:  # noqa: ANN401
    """Make a depth image; ``meter`` is how many of its units are a metre."""
    meter = 1000.0 if whole_mm else 1.0
    values = np.round(depth_m * 1000).astype(np.uint16) if whole_mm else np.float32(depth_m)
    limits = None if limits_m is None else [meter * limit for limit in limits_m]
    return rerun.DepthImage(np.ascontiguousarray(values), meter=meter, depth_range=limits)


def _blueprint() -> Any:  # noqa: ANN401
    """Lay out the viewer: points in space beside the four pictures."""
    from rerun import blueprint as views

    flat = [
        views.Spatial2DView(origin=place, contents="$origin/**", name=place.partition("/")[2])
        for place in (RGB, LQ, PREDICTION, EXPECTED_ERROR)
    ]
    # The expected error is no surface, and three surfaces in one place hide one another.
    contents = ["$origin/**", *(f"- /{place}/**" for place in (LQ, PREDICTION, EXPECTED_ERROR))]
    space = views.Spatial3DView(origin="/", contents=contents, name="points")
    return views.Blueprint(views.Horizontal(space, views.Grid(*flat)), collapse_panels=True)


def _wait(stream: Any, path: Path, now: bool = True) -> None:  # noqa: ANN401
    """Wait until all that was logged is in the file, if it is time to."""
    if now:
        with _written(path):
            stream.flush()


def _check_end(part: Path, path: Path) -> None:
    """Refuse a file without its end, which the SDK writes last and reads first."""
    from rerun.chunk import RrdReader

    with _written(path):
        RrdReader(part).store()


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn what the SDK says of a file that it cannot write into an error about it.

    Raises:
        InputError: the disk is full, or the file cannot be written.
    """
    try:
        yield
    except RuntimeError as error:
        raise InputError(
            f"{path}: the file could not be written (is the disk full?): {error}"
        ) from error


def import_rerun() -> Any:  # noqa: ANN401  an optional library
    """Import rerun, or raise an error that says how to get it."""
    try:
        import rerun
    except ImportError as error:
        raise ImportError(
            "--rerun needs rerun-sdk (Python 3.11 or newer): pip install 'stdnet_arch[rerun]'; "
            f"{error}"
        ) from error
    return rerun

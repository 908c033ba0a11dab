"""Depth and RGB from two readers -> one recording: paired, turned, described."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from stdnet_arch.data.recordings.depth_io import (
    DepthFiles,
    DepthReader,
    DepthVideo,
    PickedDepth,
    TurnedDepth,
)
from stdnet_arch.data.recordings.pairing import (
    Pairing,
    pair_by_order,
    pair_by_time,
    pair_frames,
)
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import (
    About,
    FileRecording,
    Intrinsics,
    check_camera,
)
from stdnet_arch.data.recordings.rgb_io import (
    PickedRGB,
    RGBFiles,
    RGBReader,
    RGBVideo,
    TurnedRGB,
)
from stdnet_arch.data.recordings.stored_depth import DepthCoding, holds_whole_numbers
from stdnet_arch.data.recordings.track.track import Late, Pose, Track, times_in_names, turn_pose

Camera = Callable[[int], Intrinsics | None]


def pair_readers(depth: DepthReader, rgb: RGBReader, reading: Reading) -> Pairing:
    """Pair the frames of two readers by what they know: names, times, or the order.

    Raises:
        ValueError: they cannot be paired.
    """
    count = len(depth) if rgb.count is None else rgb.count
    if reading.pair != "order" and isinstance(depth, DepthFiles) and isinstance(rgb, RGBFiles):
        names = [path.stem for path in rgb.files]
        return pair_frames(depth.names, names, reading.pair, reading.within_s)
    if isinstance(depth, DepthVideo) and isinstance(rgb, RGBVideo):
        if reading.pair == "time" or (reading.pair == "auto" and len(depth) != count):
            return pair_by_time(depth.times_s, rgb.times_s(), reading.within_s)
    elif reading.pair == "time":
        raise ValueError("times are read from names of frames and from videos only; got neither")
    return pair_by_order(len(depth), count)


def assemble(  # noqa: PLR0913  what a recording consists of
    depth: DepthReader,
    rgb: RGBReader,
    pairing: Pairing,
    reading: Reading,
    *,
    places: tuple[str, str],
    about: About,
    camera: Camera | None = None,
    track: Track | None = None,
    names: Sequence[str] | None = None,
    keep: object = None,
) -> FileRecording:
    """Make a recording.

    Args:
        depth: all depth frames.
        rgb: all RGB frames, turned by no option yet.
        pairing: pairs of frames; the others are left out.
        reading: the user's choices.
        places: names of depth and RGB in errors.
        about: layout and unit; the pairing and notes on turned frames are added.
        camera: the camera of the RGB frame at a place of ``rgb``.
        track: when and where the RGB frame at a place of ``rgb`` was taken; None: nothing is known
            but what names, video and rate say.
        names: names of the pairs; None: those of the depth.
        keep: objects that must live as long as the recording.
    """
    depth_at, rgb_at = ([pair[side] for pair in pairing.pairs] for side in (0, 1))
    if depth_at != list(range(len(depth))) or names is not None:
        depth = PickedDepth(depth, depth_at, names)
    notes = (*pairing.notes, *about.notes, *_turn_notes(rgb, reading))
    stored = rgb
    if rgb.count is None or rgb_at != list(range(rgb.count)):
        rgb = PickedRGB(rgb, rgb_at)
    if reading.rotate_depth:
        depth = TurnedDepth(depth, reading.rotate_depth)
    if reading.rotate_rgb:
        rgb = TurnedRGB(rgb, reading.rotate_rgb)
    return FileRecording(
        depth,
        rgb,
        *places,
        _camera(camera, rgb_at, stored, reading.rotate_rgb or 0),
        replace(about, pairing=pairing, notes=notes),
        _track(track or Track(), rgb_at, stored, reading.rotate_rgb or 0),
        keep,
    )


def say_unit_of(files: Sequence[Path], coding: DepthCoding) -> str:
    """Say the unit of depth files, and why, by the first one."""
    return coding.say(files[0], holds_whole_numbers(files[0], coding))


def with_unit(reading: Reading, unit: str | float | None, layout: str) -> Reading:
    """Take the unit of a layout, unless the user has named one."""
    coding = reading.coding
    if unit is None or coding.unit is not None or coding.disparity is not None:
        return reading
    return replace(reading, coding=replace(coding, unit=unit, layout=layout))


def _turn_notes(rgb: RGBReader, reading: Reading) -> tuple[str, ...]:
    """Say what the tags of RGB ask for, and what was done."""
    if reading.rotate_rgb is not None:
        return ()
    if isinstance(rgb, RGBFiles) and rgb.tag_degrees:
        return (
            f"RGB has a tag that asks viewers to turn it by {rgb.tag_degrees} degrees clockwise; "
            f"it is taken as stored, like the depth (--rotate-rgb {rgb.tag_degrees} turns it)",
        )
    degrees = rgb.turned_degrees() if isinstance(rgb, RGBVideo) and rgb.upright else 0
    if degrees:
        return (
            f"the video is turned by {degrees} degrees clockwise, as its tag asks players to "
            "(--rotate-rgb 0 leaves it as stored)",
        )
    return ()


def _camera(camera: Camera | None, places: Sequence[int], rgb: RGBReader, degrees: int) -> Camera:
    """Choose the camera of each pair, turned with its picture."""
    if camera is None:
        return lambda _: None
    known = camera

    def of_pair(i: int) -> Intrinsics | None:
        found = known(places[i])
        if found is None:
            return None
        check_camera(found, f"the camera of RGB frame {places[i]}")
        if not degrees:
            return found
        height, width = next(iter(rgb.frames(places[i]))).shape[:2]
        return turn_camera(found, degrees, height, width)

    return of_pair


def _track(track: Track, places: Sequence[int], rgb: RGBReader, degrees: int) -> Track:
    """Choose time and pose of each pair; times come from the RGB where nothing else says them."""
    other_s = _times_of(rgb)

    def time_s(i: int) -> float | None:
        known_s = track.time_s(places[i])
        return other_s(places[i]) if known_s is None else known_s

    def pose(i: int) -> Pose | None:
        known = track.pose(places[i])
        return None if known is None else turn_pose(known, degrees)

    return Track(time_s, pose)


def _times_of(rgb: RGBReader) -> Callable[[int], float | None]:
    """Read times from names or the video; else count by the rate, if that is known."""
    if isinstance(rgb, RGBVideo):
        return Late(rgb.times_s)
    if isinstance(rgb, RGBFiles):
        named_s = times_in_names([path.stem for path in rgb.files])
        if named_s is not None:
            return named_s.__getitem__
    fps = rgb.fps
    return (lambda _: None) if not fps else (lambda place: place / fps)


def turn_camera(camera: Intrinsics, degrees: int, height: int, width: int) -> Intrinsics:
    """Turn a camera with its picture.

    Args:
        camera: before.
        degrees: clockwise; 0, 90, 180 or 270.
        height: height of the picture before it is turned [px].
        width: width of the picture before it is turned [px].
    """
    for _ in range(degrees // 90):
        fx, fy, cx, cy = camera
        camera = Intrinsics(fy, fx, height - 1 - cy, cx)
        height, width = width, height
    return camera

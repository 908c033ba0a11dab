"""Recordings of the Azure Kinect (``.mkv`` of k4arecorder); need the extra ``video``.

Tracks COLOR (MJPG, NV12, YUY2), DEPTH (16-bit grey, mm) and the factory calibration. Depth is moved
to the view of the color camera with both lenses' distortion. Each block of color pixels takes the
lower median of what falls into it.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.data.recordings.assemble import assemble
from stdnet_arch.data.recordings.bags.azure_calibration import AzureCalibration, read_calibration
from stdnet_arch.data.recordings.depth_registration import register_rays
from stdnet_arch.data.recordings.pairing import Pairing, pair_by_time
from stdnet_arch.data.recordings.reading import Reading
from stdnet_arch.data.recordings.recording import About, FileRecording
from stdnet_arch.data.recordings.sequential import SequentialDepth
from stdnet_arch.data.recordings.track.track import Late, Track
from stdnet_arch.data.recordings.video_stream import (
    VideoStream,
    decoding,
    gray16_frames,
    open_container,
)
from stdnet_arch.utils.input_errors import InputError, is_regular

CALIBRATION = "calibration.json"
METRES_PER_CODE = np.float32(1e-3)


class AzureKinect:
    """A recording on the disk.

    Args:
        path: the ``.mkv``.

    Raises:
        ValueError: color, depth or the calibration is missing.
        ImportError: PyAV is not installed.
    """

    def __init__(self, path: Path) -> None:
        with closing(open_container(path)) as container, decoding(path):
            titles = {s.metadata.get("title"): s for s in container.streams.video}
            files = {s.name: s.data for s in container.streams if s.type == "attachment"}
            if not {"COLOR", "DEPTH"} <= titles.keys() or CALIBRATION not in files:
                raise InputError(
                    f"{path}: expected the tracks COLOR and DEPTH and {CALIBRATION}; got "
                    f"{', '.join(map(str, titles))} and {', '.join(files) or 'no attachment'}"
                )
            places = {name: container.streams.video.index(s) for name, s in titles.items()}
            color, depth = titles["COLOR"], titles["DEPTH"]
            self.size = color.codec_context.height, color.codec_context.width
            self.depth_size = depth.codec_context.height, depth.codec_context.width
            mode = str(depth.metadata.get("K4A_DEPTH_MODE", ""))
            self.fps = float(color.average_rate) if color.average_rate else None
        self.color = VideoStream(path, places["COLOR"])
        self.depth = VideoStream(path, places["DEPTH"])
        self.calibration: AzureCalibration = read_calibration(
            bytes(files[CALIBRATION]), self.depth_size[::-1], self.size[::-1], mode
        )
        self.rays = self.calibration.depth.rays(*self.depth_size)

    def pairing(self, within_s: float | None = None) -> Pairing:
        """Pair depth and color by their times."""
        return pair_by_time(self.depth.times_s(), self.color.times_s(), within_s)

    def depth_frames(self, block: int, start: int) -> Generator[NDArray[np.float32], None, None]:
        """Yield depth [m] in the view of the color, in blocks, from frame ``start`` on."""
        size = self.size[0] // block, self.size[1] // block
        move = partial(
            register_rays, self.rays, self.calibration.color, self.calibration.pose, size, block
        )
        for codes in gray16_frames(self.depth, start):
            yield move(codes * METRES_PER_CODE)


def open_azure_kinect(path: Path, reading: Reading, scale: int) -> FileRecording:
    """Open a recording.

    Args:
        path: the ``.mkv``.
        reading: pairing and turns.
        scale: the network's; the depth comes so many times smaller than the color.

    Raises:
        ValueError: color, depth or the calibration is missing.
        ImportError: PyAV is not installed.
    """
    if reading.min_confidence > 0:
        raise ValueError("an Azure Kinect writes no confidence; leave the least confidence out")
    kinect = AzureKinect(path)
    names = [f"{i:06d}" for i in range(len(kinect.depth.times_s()))]
    camera = kinect.calibration.color.pinhole
    return assemble(
        SequentialDepth(partial(kinect.depth_frames, scale), names),
        AzureColors(kinect, scale),
        kinect.pairing(reading.within_s),
        reading,
        places=(f"DEPTH of {path}", f"COLOR of {path}"),
        about=About("Azure Kinect, depth moved to the color camera", "mm (of this sensor)", "dtof"),
        camera=lambda _: camera,
        track=Track(Late(kinect.color.times_s)),
    )


class AzureColors:
    """The color of a recording, cut to whole blocks; its distortion is not taken out.

    Args:
        kinect: the recording.
        block: color pixels along a side of a depth pixel.
    """

    def __init__(self, kinect: AzureKinect, block: int) -> None:
        self._kinect = kinect
        self._height, self._width = (side // block * block for side in kinect.size)
        self.count: int | None = len(kinect.color.times_s())
        self.fps = kinect.fps

    def frames(self, start: int = 0) -> Iterator[NDArray[np.uint8]]:
        """Yield RGB ``(H, W, 3)`` from frame ``start`` on."""
        for rgb in self._kinect.color.frames(start):
            yield np.asarray(rgb, np.uint8)[: self._height, : self._width]


def is_azure_kinect(path: Path) -> bool:
    """Tell whether a file is a recording of an Azure Kinect."""
    if path.suffix.lower() != ".mkv" or not is_regular(path):
        return False
    try:
        with closing(open_container(path)) as container:
            return any("K4A_DEPTH_MODE" in stream.metadata for stream in container.streams.video)
    except ValueError:
        return False

"""A RealSense camera, or a bag that the SDK plays in real time; needs the extra ``realsense``."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic

from stdnet_arch.data.recordings.bags.realsense import decode_pair
from stdnet_arch.data.recordings.bags.realsense_playback import LiveDevice, Playback
from stdnet_arch.data.recordings.recording import Intrinsics
from stdnet_arch.live.cameras import Shot


class RealSenseCamera:
    """Depth in the view of the color camera, a block of color pixels per depth pixel.

    Args:
        block: color pixels along a side of a depth pixel; the network's scale.
        bag: a recording of the SDK to play in real time; None: the first camera that is there.

    Raises:
        ValueError: no camera is there, or the bag cannot be read.
        ImportError: pyrealsense2 is not installed.
    """

    def __init__(self, block: int, bag: Path | None = None) -> None:
        self.block = block
        self._device = LiveDevice() if bag is None else Playback(bag, real_time=True)
        cameras = self._device.cameras
        self.intrinsics: Intrinsics | None = cameras.color
        what = "RealSense camera" if bag is None else f"RealSense recording {bag.name}"
        self.about = f"{what}, {cameras.fps:g} frames/s"

    def shots(self, stop: threading.Event) -> Iterator[Shot]:
        """See :class:`stdnet_arch.live.cameras.Camera`; a frame is taken when both parts came."""
        with self._device as device:
            for i, (depth, color) in enumerate(device.pairs(stop)):
                read = partial(decode_pair, depth, color, device.cameras, self.block)
                yield Shot(i, monotonic(), read)

"""Stage 1 that is there already: depth of a sensor, or of another program."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.stereodiff.matcher import MATCHER_REGISTRY
from stdnet_arch.stereodiff.posed_video import PosedVideo


@MATCHER_REGISTRY.register()
class SensorDepth:
    """The depth that comes with the video. No poses, no cameras.

    Depth made by MonST3R or the like, saved as a file per frame, comes in this way, too.

    Args:
        max_m: greatest known depth [m].
    """

    def __init__(self, max_m: float = math.inf) -> None:
        if not max_m > 0:
            raise ValueError(f"max_m must be above 0, got {max_m}")
        self.max_m = max_m

    def check(self, video: PosedVideo) -> None:
        """See :class:`~stdnet_arch.stereodiff.matcher.Matcher`."""
        if video.depth is None:
            raise ValueError(
                f"the matcher SensorDepth needs depth, which {video.where} does not hold; give "
                "depth, or take the matcher PlaneSweep"
            )

    def depths(self, video: PosedVideo, start: int) -> Iterator[NDArray[np.float32]]:
        """See :class:`~stdnet_arch.stereodiff.matcher.Matcher`."""
        self.check(video)
        for i in range(start, len(video)):
            depth_m = np.asarray(video.depth.read(i), np.float32)  # type: ignore[union-attr]
            known = np.isfinite(depth_m) & (depth_m > 0) & (depth_m <= self.max_m)
            yield np.where(known, depth_m, np.float32(0))

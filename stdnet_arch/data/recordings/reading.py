"""A user's choices of how a recording is read."""

from dataclasses import dataclass

from stdnet_arch.data.recordings.pairing import MODES
from stdnet_arch.data.recordings.stored_depth import DepthCoding

TURNS = (0, 90, 180, 270)


@dataclass(frozen=True)
class Reading:
    """Choices that apply to any recording, as far as it has what they are about."""

    coding: DepthCoding = DepthCoding()
    min_confidence: int = 0
    """Pixels of less confidence (0, 1, 2) are holes, where a recording holds any."""
    pair: str = "auto"
    """Rule that pairs frames of two folders; see :func:`pairing.pair_frames`."""
    within_s: float | None = None
    """Greatest distance of the times of a pair [s]; None: see :func:`pairing.nearness_s`."""
    rotate_rgb: int | None = None
    """Degrees clockwise that RGB is turned by, whatever its tags say; None: see ``open_rgb``."""
    rotate_depth: int = 0
    """Degrees clockwise that depth is turned by."""
    depth_topic: str | None = None
    """Topic of a ROS bag; None: see :mod:`bags.rosbag_topics`."""
    rgb_topic: str | None = None
    register: bool = False
    """RGB is moved onto the depth where edges say that it lies beside it."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.pair not in MODES:
            raise ValueError(f"frames are paired by {', '.join(MODES)}; got {self.pair!r}")
        if self.within_s is not None and not 0 < self.within_s < float("inf"):
            raise ValueError(f"the times of a pair need seconds > 0; got {self.within_s}")
        for degrees in (self.rotate_rgb or 0, self.rotate_depth):
            if degrees not in TURNS:
                raise ValueError(f"frames are turned by one of {TURNS} degrees; got {degrees}")
        if not isinstance(self.register, bool):
            raise TypeError(f"register must be true or false; got {self.register!r}")

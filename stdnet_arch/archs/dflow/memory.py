"""State that DFlowDepth keeps from frame to frame."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Memory:
    """State that the next frame needs of all frames before it."""

    frame: Tensor
    """Small RGB of the last frame, ``(b, 3, H/4, W/4)``."""
    state: Tensor
    """``(b, c, H/4, W/4)``."""

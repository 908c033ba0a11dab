"""RGB pixel of its block that a depth pixel shows, as edges tell it."""

import logging
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.utils.depth_maps import EDGE, neighbour_steps

LOGGER = logging.getLogger(__name__)
Origin = Literal["middle", "first"]
ORIGINS: tuple[Origin, ...] = get_args(Origin)
STRONGEST = 0.2
"""Steps of colour beyond it count as it: a few bright lights are not all that is seen."""
FEWEST = 100
"""Depth edges, in each direction, below which nothing can be told."""
ADVICE = (
    "edges of the RGB lie half a depth pixel before those of the depth, in both directions: if "
    "each depth pixel is the first one of its RGB block (depth[::4, ::4], nearest of cv2 or "
    "PyTorch), say so: --lq-origin first"
)


class OriginAdvice:
    """Looks at the first frame with depth of a clip, and warns if its blocks begin earlier.

    Args:
        needed: False if the origin is known, so that nothing is looked at.
    """

    def __init__(self, needed: bool) -> None:
        self.seen = not needed

    def see(self, lq: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
        """Look at a frame, and return it; arguments as :func:`looks_first`."""
        if not self.seen and bool((lq > 0).any()):
            self.seen = True
            if looks_first(lq, guide):
                LOGGER.warning(ADVICE)
        return lq, guide


def looks_first(lq: Tensor, guide: Tensor) -> bool:
    """Tell whether depth pixels seem to be the first ones of their blocks of RGB pixels.

    Between two depth pixels that differ lies an edge, and mostly one of colour, too: within the
    block's length around their border if each shows the middle of its block, half a block earlier
    if each shows its first pixel.

    Args:
        lq: depth in any unit, ``(1, h, w)``; 0: a hole.
        guide: RGB in [0, 1], ``(3, scale * h, scale * w)``.
    """
    depth, colour = lq[0].cpu().numpy(), guide.cpu().numpy()
    both = ((depth, colour), (depth.T, colour.swapaxes(1, 2)))
    return all(_is_earlier(*pair) for pair in both)


def _is_earlier(depth: NDArray[np.float32], colour: NDArray[np.float32]) -> bool:
    """Compare the colour steps around borders of columns with those half a block to the left."""
    scale = colour.shape[1] // depth.shape[0]
    steps = np.minimum(np.abs(np.diff(colour, axis=2)).max(0), STRONGEST)
    steps = steps.reshape(len(depth), scale, -1).mean(1)  # (h, W - 1), between columns i and i + 1
    rows, columns = np.nonzero(neighbour_steps(depth) > EDGE)  # NaN is not larger
    inside = (columns >= 1) & (columns < depth.shape[1] - 2)
    rows, columns = rows[inside], columns[inside]
    if len(rows) < FEWEST:
        return False
    # Colour step j lies between pixels j and j + 1; the border, before pixel scale * (column + 1).
    offsets = np.arange(-scale, scale + 1)
    profile = steps[rows[:, None], scale * (columns[:, None] + 1) - 1 + offsets].mean(0)
    profile -= profile.min()
    half = scale // 2
    around_border = profile[np.abs(offsets) <= half].mean()
    around_earlier = profile[np.abs(offsets + half) <= half].mean()
    return bool(around_earlier > around_border)

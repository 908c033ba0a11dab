"""Depth and RGB of any two sizes: what the network gets, and what becomes of its answer."""

from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stdnet_arch.inference.lq_origin import Origin
from stdnet_arch.ops.resize import pad_to_multiple, resample, unpad

Size = tuple[int, int]
SCALES = (4, 8, 16)
"""Those that networks are trained for."""
ASPECT_TOLERANCE = 0.02
"""Difference of H / h and W / w beyond which depth and RGB cannot show the same view."""
TURN_ADVICE = " (one of them turned fits: --rotate-rgb 90 or 270, or --rotate-depth)"


@dataclass(frozen=True)
class SizePlan:
    """Sizes of one clip.

    The network needs RGB at exactly ``scale`` times the depth. RGB of another size is resampled to
    that (bicubic, antialiased). The prediction is resampled back to the size of the RGB: bilinear,
    so that no depth is invented beyond its neighbours'. Both have half-pixel centres.

    Networks take a depth pixel for the middle of its block of RGB pixels. One that is the block's
    first pixel (``depth[::4, ::4]``) becomes that of a block which begins half a block earlier: the
    RGB gets so many more rows and columns in front, copies of the first one.
    """

    lq: Size
    """Height and width of the depth."""
    rgb: Size
    """Height and width of the RGB, and of the result."""
    scale: int
    multiple_of: int = 1
    """The network's; the last row and column of depth are repeated, and the result cropped."""
    origin: Origin = "middle"
    """Pixel of its RGB block that a depth pixel shows."""

    @property
    def net(self) -> Size:
        """Height and width of the guide that the network needs."""
        return self.lq[0] * self.scale, self.lq[1] * self.scale

    @property
    def shift(self) -> int:
        """Rows and columns of the guide by which blocks begin earlier."""
        if self.origin == "middle":
            return 0
        # The first pixel's centre, once resampled, comes to lie on the middle pixel's.
        return self.scale // 2 + round(0.5 - 0.5 * self.net[0] / self.rgb[0])

    @property
    def note(self) -> str | None:
        """Message that says what is resampled; None if nothing is."""
        if self.net == self.rgb:
            return None
        ratio = self.rgb[0] / self.lq[0]
        return (
            f"RGB {_name(self.rgb)} is {ratio:g} times the depth {_name(self.lq)}, the network is "
            f"x{self.scale}: RGB is resampled to {_name(self.net)} (bicubic) and the prediction "
            f"back to {_name(self.rgb)} (bilinear)"
        )

    def to_network(self, lq: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
        """Depth ``(1, h, w)`` and RGB ``(3, H, W)`` in [0, 1] as the network needs them."""
        guide = resample(guide, self.net, "bicubic", antialias=True).clamp(0, 1)
        if self.shift:
            sides = 2 * (self.shift, self.scale - self.shift)
            guide = F.pad(guide, sides, mode="replicate")
            lq = F.pad(lq, (0, 1, 0, 1), mode="replicate")
        lq, _ = pad_to_multiple(lq, self.multiple_of)
        guide, _ = pad_to_multiple(guide, self.multiple_of * self.scale)
        return lq, guide

    def from_network(self, pred: Tensor) -> Tensor:
        """The network's ``(1, ..)`` as ``(1, H, W)`` of the RGB's size, float32."""
        more = int(self.shift > 0)
        blocks = pred.new_empty(self.lq[0] + more, self.lq[1] + more)
        _, padding = pad_to_multiple(blocks, self.multiple_of)
        pred = unpad(pred.float(), padding, self.scale)
        rows, columns = (slice(self.shift, self.shift + side) for side in self.net)
        pred = pred[..., rows, columns]
        # A little shrinking skips no pixel, and the plain kernel keeps slopes exactly where they
        # are. The wide one moves them by up to 0.1 pixel.
        shrinks = self.net[0] >= 2 * self.rgb[0]
        return resample(pred, self.rgb, "bilinear", antialias=shrinks)


def plan_sizes(
    lq: Size,
    rgb: Size,
    scale: int,
    multiple_of: int = 1,
    any_ratio: bool = False,
    origin: Origin = "middle",
) -> SizePlan:
    """Plan a clip.

    Args:
        lq: height and width of the depth.
        rgb: height and width of the RGB.
        scale: the network's.
        multiple_of: the network's.
        any_ratio: resample also where the sizes are just those of a network of another scale.
        origin: pixel of its RGB block that a depth pixel shows, of :data:`ORIGINS`.

    Raises:
        ValueError: the sizes ask for a network of another scale, RGB is not larger than the depth,
            or shows another view.
    """
    vertical, horizontal = rgb[0] / lq[0], rgb[1] / lq[1]
    if abs(vertical / horizontal - 1) > ASPECT_TOLERANCE:
        raise ValueError(
            f"depth and RGB must show the same view: depth is {_name(lq)}, RGB is {_name(rgb)}, "
            f"{vertical:.3g} times as high but {horizontal:.3g} times as wide; register or crop "
            "them first" + (TURN_ADVICE if _fits_turned(lq, rgb) else "")
        )
    if vertical <= 1:
        raise ValueError(
            f"RGB must be larger than the depth (x{scale} for this network); depth is "
            f"{_name(lq)}, RGB is {_name(rgb)}"
            + ("; --refine fills and cleans depth of the RGB's size" if lq == rgb else "")
        )
    if not any_ratio and vertical == horizontal != scale and vertical in SCALES:
        raise ValueError(
            f"the network is x{scale}, the recording x{vertical:g}: depth is {_name(lq)}, RGB is "
            f"{_name(rgb)}; use a checkpoint for x{vertical:g}, or --any-ratio to resample the RGB"
        )
    return SizePlan(lq, rgb, scale, multiple_of, origin)


def _fits_turned(lq: Size, rgb: Size) -> bool:
    return abs((rgb[1] / lq[0]) / (rgb[0] / lq[1]) - 1) <= ASPECT_TOLERANCE


def _name(size: Size) -> str:
    """As cameras are described: width first."""
    return f"{size[1]}x{size[0]}"


def enlarge_mask(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Enlarge a mask ``(h, w)`` to ``size``: each pixel takes the one that its centre lies in."""
    rows, columns = (
        ((np.arange(large) + 0.5) * small / large).astype(np.intp)
        for large, small in zip(size, mask.shape, strict=True)
    )
    return mask[rows[:, None], columns]

"""Crop boxes, flip, transpose, reverse and colour jitter of a clip: functions on its arrays.

A clip is a dict of arrays ``(t, rows, columns)`` or ``(t, rows, columns, channels)``. ``lq`` lies
on the LR grid, everything else on the HR grid, ``scale`` times finer; every function keeps them
aligned. ``flow_px``, ``(t - 1, rows, columns, 2)``, is turned with the frames; it cannot be
reversed, since the flow back is another one. None changes its input (results may be views of it).
"""

from typing import NamedTuple, Protocol

import numpy as np
import torch

Clip = dict[str, np.ndarray]

FLOW = "flow_px"

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class CropBox(NamedTuple):
    """A rectangle on the LR grid, in LR pixels.

    Corners on the LR grid keep LR and HR aligned. The authors of STDNet draw an HR corner and
    divide it. That moves LR against HR by 1.5, 3.5 and 7.2 px on average at x4, x8 and x16.
    """

    top: int
    left: int
    height: int
    width: int

    def lr(self) -> tuple[slice, slice]:
        """Rows and columns of the box in an LR frame."""
        return self.hr(1)

    def hr(self, scale: int) -> tuple[slice, slice]:
        """Rows and columns of the box in an HR frame."""
        top, left, height, width = (side * scale for side in self)
        return slice(top, top + height), slice(left, left + width)

    def grown(self, margin: int, h: int, w: int) -> "CropBox":
        """The box with ``margin`` LR pixels around it, as far as an LR frame of ``h x w`` goes."""
        top, left = max(self.top - margin, 0), max(self.left - margin, 0)
        bottom = min(self.top + self.height + margin, h)
        right = min(self.left + self.width + margin, w)
        return CropBox(top, left, bottom - top, right - left)

    def within(self, outer: "CropBox") -> "CropBox":
        """The same pixels, counted from the corner of a box that contains this one."""
        return self._replace(top=self.top - outer.top, left=self.left - outer.left)


def hflip(clip: Clip) -> Clip:
    """Swap left and right."""
    return _turn_flow({name: frames[:, :, ::-1] for name, frames in clip.items()}, (-1, 1))


def vflip(clip: Clip) -> Clip:
    """Swap top and bottom."""
    return _turn_flow({name: frames[:, ::-1] for name, frames in clip.items()}, (1, -1))


def transpose(clip: Clip) -> Clip:
    """Swap rows and columns."""
    turned = {name: frames.swapaxes(1, 2) for name, frames in clip.items()}
    return {**turned, FLOW: turned[FLOW][..., ::-1]} if FLOW in clip else turned


def reverse(clip: Clip) -> Clip:
    """Swap first and last frame, second and last but one, and so on; not with ``flow_px``."""
    if FLOW in clip:
        raise ValueError("a reversed clip needs the flow back; got flow_px to the next frame")
    return {name: frames[::-1] for name, frames in clip.items()}


def mirror_in_time(clip: Clip) -> Clip:
    """The clip and behind it its reverse: twice as many frames."""
    return {name: np.concatenate((frames, frames[::-1])) for name, frames in clip.items()}


def _turn_flow(clip: Clip, signs: tuple[int, int]) -> Clip:
    """The clip with the signs of (dx, dy) changed, if it has a flow."""
    return {**clip, FLOW: clip[FLOW] * np.array(signs, np.float32)} if FLOW in clip else clip


class Switches(Protocol):
    """Changes that a dataset's options allow."""

    @property
    def use_hflip(self) -> bool:
        """Mirror left and right."""

    @property
    def use_vflip(self) -> bool:
        """Mirror top and bottom."""

    @property
    def use_transpose(self) -> bool:
        """Swap rows and columns."""

    @property
    def use_reverse(self) -> bool:
        """Turn time round."""


def change_at_random(clip: Clip, switches: Switches) -> Clip:
    """Each allowed change with probability 1/2, drawn from torch's generator."""
    for wanted, change in (
        (switches.use_hflip, hflip),
        (switches.use_vflip, vflip),
        (switches.use_transpose, transpose),
        (switches.use_reverse, reverse),
    ):
        if wanted and draw_below(2):
            clip = change(clip)
    return clip


def draw_below(limit: int) -> int:
    """A whole number in ``[0, limit)`` from torch's generator.

    A DataLoader seeds that one again for each worker and epoch.
    """
    return int(torch.randint(limit, ()))


def draw_box(h: int, w: int, side: int) -> CropBox:
    """A square of ``side`` anywhere in ``h x w``, drawn from torch's generator."""
    return CropBox(draw_below(h - side + 1), draw_below(w - side + 1), side, side)


def jitter_color(
    guide: np.ndarray, brightness: float, contrast: float, saturation: float
) -> np.ndarray:
    """Change the colours of all frames alike; factors of 1 change nothing.

    Args:
        guide: RGB in [0, 1], ``(t, H, W, 3)``.
        brightness: factor on every value.
        contrast: factor on the distance from the clip's mean luma.
        saturation: factor on the distance from each pixel's luma.

    Returns:
        RGB in [0, 1], the shape of ``guide``.
    """
    bright = guide * np.float32(brightness)
    mean = (bright @ _LUMA).mean()
    contrasted = mean + (bright - mean) * np.float32(contrast)
    luma = (contrasted @ _LUMA)[..., None]
    return np.clip(luma + (contrasted - luma) * np.float32(saturation), 0, 1)


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """Make a tensor of an array that may have been flipped.

    An axis of length 1 counts as contiguous whatever its stride, and PyTorch takes no negative one.
    """
    whole = np.ascontiguousarray(array)
    return torch.from_numpy(whole if min(whole.strides, default=0) >= 0 else whole.copy())

"""x-t slices: one image row over time; flicker shows as a comb, steady depth as smooth bands."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.visual import figure as sheet
from stdnet_arch.visual.colorize import DEPTH_COLOURS, colorize_depth, depth_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN = 5.2  # of a slice, and of the frame above it
LINE_IN = 0.05  # height of one frame's line, at least
MIN_SLICE_IN, MAX_SLICE_IN = 0.7, 4.0


def time_slice(clip: NDArray[Any], row: int) -> NDArray[Any]:
    """One row of every frame: ``(t, H, W, ...)`` to ``(t, W, ...)``, time downwards."""
    if not 0 <= row < clip.shape[1]:
        raise ValueError(f"row must be in 0..{clip.shape[1] - 1}, got {row}")
    return clip[:, row]


def draw_profile(
    guide: NDArray[np.uint8],
    depths_m: Mapping[str, NDArray[np.floating]],
    row: int | None = None,
    title: str = "",
) -> NDArray[np.uint8]:
    """Draw the first frame with the row marked, and below it the row over time.

    Args:
        guide: RGB, ``(t, H, W, 3)``, uint8.
        depths_m: name to depth [m], ``(t, H, W)``, from top to bottom; one colour range for all,
            that of the last one (put the truth there).
        row: which image row; None takes the middle one.
        title: printed above.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    if not depths_m:
        raise ValueError("a profile needs at least one depth clip (t, H, W), got none")
    for name, depth_m in depths_m.items():
        if depth_m.shape != guide.shape[:3]:
            raise ValueError(f"{name} must be {guide.shape[:3]} as guide, got {depth_m.shape}")
    row = guide.shape[1] // 2 if row is None else row
    slices = {name: time_slice(depth_m, row) for name, depth_m in depths_m.items()}
    return draw_slices(guide[0], time_slice(guide, row), slices, row, title)


def draw_slices(
    frame: NDArray[np.uint8],
    guide: NDArray[np.uint8],
    depths_m: Mapping[str, NDArray[np.floating]],
    row: int,
    title: str = "",
) -> NDArray[np.uint8]:
    """As :func:`draw_profile`, from slices that were taken already, of a clip of any length.

    Args:
        frame: RGB of the first frame, ``(H, W, 3)``, uint8.
        guide: the row of every frame, RGB, ``(t, W, 3)``, uint8.
        depths_m: name to depth [m] of the row, ``(t, W)``; the last one's colour range for all.
        row: which row it is.
        title: printed above.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    H, W = frame.shape[:2]
    t = len(guide)
    limits = depth_range(list(depths_m.values())[-1])
    slices = {"RGB": guide}
    for name, depth_m in depths_m.items():
        slices[name] = colorize_depth(depth_m, limits)

    frame_in = WIDTH_IN * H / W
    slice_in = min(max(MIN_SLICE_IN, LINE_IN * t), MAX_SLICE_IN)
    left, top = 1.1, 0.15 + 0.32 * bool(title)
    height = top + frame_in + len(slices) * (slice_in + 0.08) + 0.9
    figure = sheet.new_figure(left + WIDTH_IN + 0.25, height, title)
    axes = sheet.place(figure, left, top, WIDTH_IN, frame_in)
    axes.imshow(frame, interpolation="nearest", aspect="auto")
    axes.axhline(row, color="white", linewidth=2.4)
    axes.axhline(row, color="#d02020", linewidth=1.2)
    _label(axes, f"frame 0\nrow {row}")
    top += frame_in + 0.12
    for name, image in slices.items():
        axes = sheet.place(figure, left, top, WIDTH_IN, slice_in)
        axes.imshow(image, interpolation="nearest", aspect="auto")
        _label(axes, f"{name}\nover time")
        top += slice_in + 0.08
    bar = sheet.place(figure, left, top + 0.06, WIDTH_IN, 0.12)
    sheet.colour_bar(bar, DEPTH_COLOURS, limits, f"depth [m]; {t} frames from top to bottom")
    return sheet.to_image(figure)


def _label(axes: "Axes", text: str) -> None:
    """Write to the left of an image."""
    axes.set_ylabel(text, size=9, color=sheet.TEXT, rotation=0, ha="right", va="center")

"""x-t and y-t slices: a row or column over time; flicker is a comb, steady depth smooth bands."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stdnet_arch.visual import figure as sheet
from stdnet_arch.visual.colorize import DEPTH_COLOURS, colorize_depth, depth_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = ("row", "column")
WIDTH_IN = 5.2  # of a slice, and of the frame above it
LINE_IN = 0.05  # height of one frame's line, at least
MIN_SLICE_IN, MAX_SLICE_IN = 0.7, 4.0


def time_slice(clip: NDArray[Any], place: int, line: str = "row") -> NDArray[Any]:
    """One row or column of every frame, time downwards.

    Args:
        clip: ``(t, H, W, ...)``.
        place: index of the row or column.
        line: ``row`` gives an x-t slice, ``(t, W, ...)``; ``column`` a y-t slice, ``(t, H, ...)``.
    """
    if line not in LINES:
        raise ValueError(f"line must be one of {', '.join(LINES)}, got {line!r}")
    axis = 1 + LINES.index(line)
    if not 0 <= place < clip.shape[axis]:
        raise ValueError(f"{line} must be in 0..{clip.shape[axis] - 1}, got {place}")
    return clip.take(place, axis)


def busiest(depth_m: NDArray[np.floating], line: str = "row") -> int:
    """The row (or column) whose depth changes most from frame to frame: the slice that says most.

    Args:
        depth_m: true depth [m], ``(t, H, W)``; what is not finite does not count.
        line: ``row`` or ``column``.

    Returns:
        Its number; the middle one where nothing changes.
    """
    change = np.nan_to_num(np.abs(np.diff(depth_m.astype(np.float64), axis=0)), posinf=0.0)
    by_line = change.sum(axis=(0, 2 - LINES.index(line)))
    return int(by_line.argmax()) if by_line.any() else len(by_line) // 2


def draw_profile(
    guide: NDArray[np.uint8] | None,
    depths_m: Mapping[str, NDArray[np.floating]],
    row: int | None = None,
    title: str = "",
    line: str = "row",
) -> NDArray[np.uint8]:
    """Draw the first frame with the row marked, and below it the row over time.

    Args:
        guide: RGB, ``(t, H, W, 3)``, uint8; None draws only depth, the first clip's.
        depths_m: name to depth [m], ``(t, H, W)``, from top to bottom; one colour range for all,
            that of the last one (put the truth there).
        row: index of the image row (or column); None takes the middle one.
        title: printed above.
        line: ``row`` or ``column``, see :func:`time_slice`.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    if not depths_m:
        raise ValueError("a profile needs at least one depth clip (t, H, W), got none")
    first = next(iter(depths_m.values()))
    shape = first.shape if guide is None else guide.shape[:3]
    for name, depth_m in depths_m.items():
        if depth_m.shape != shape:
            other = "the first clip" if guide is None else "guide"
            raise ValueError(f"{name} must be {shape} as {other}, got {depth_m.shape}")
    row = shape[1 + LINES.index(line)] // 2 if row is None else row
    slices = {name: time_slice(depth_m, row, line) for name, depth_m in depths_m.items()}
    if guide is None:
        limits = depth_range(list(slices.values())[-1])
        return draw_slices(colorize_depth(first[0], limits), None, slices, row, title, line)
    return draw_slices(guide[0], time_slice(guide, row, line), slices, row, title, line)


def draw_slices(
    frame: NDArray[np.uint8],
    guide: NDArray[np.uint8] | None,
    depths_m: Mapping[str, NDArray[np.floating]],
    row: int,
    title: str = "",
    line: str = "row",
) -> NDArray[np.uint8]:
    """As :func:`draw_profile`, from slices that were taken already, of a clip of any length.

    Args:
        frame: RGB of the first frame, ``(H, W, 3)``, uint8.
        guide: the row of every frame, RGB, ``(t, W, 3)``, uint8; None leaves it out.
        depths_m: name to depth [m] of the row, ``(t, W)``; the last one's colour range for all.
        row: index of the row (or column).
        title: printed above.
        line: ``row`` or ``column``.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    H, W = frame.shape[:2]
    t = len(next(iter(depths_m.values())))
    limits = depth_range(list(depths_m.values())[-1])
    slices = {} if guide is None else {"RGB": guide}
    for name, depth_m in depths_m.items():
        slices[name] = colorize_depth(depth_m, limits)

    frame_in = WIDTH_IN * H / W
    slice_in = min(max(MIN_SLICE_IN, LINE_IN * t), MAX_SLICE_IN)
    left, top = 1.1, 0.15 + 0.32 * bool(title)
    height = top + frame_in + len(slices) * (slice_in + 0.08) + 0.9
    figure = sheet.new_figure(left + WIDTH_IN + 0.25, height, title)
    axes = sheet.place(figure, left, top, WIDTH_IN, frame_in)
    axes.imshow(frame, interpolation="nearest", aspect="auto")
    mark = axes.axhline if line == "row" else axes.axvline
    mark(row, color="white", linewidth=2.4)
    mark(row, color="#d02020", linewidth=1.2)
    _label(axes, f"frame 0\n{line} {row}")
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

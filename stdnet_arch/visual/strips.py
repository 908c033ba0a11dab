"""Picture strips: colours, low-resolution depth, predictions, truth and errors side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stdnet_arch.utils.whole_file import write_whole
from stdnet_arch.visual import figure as sheet
from stdnet_arch.visual.colorize import (
    DEPTH_COLOURS,
    ERROR_COLOURS,
    colorize_depth,
    colorize_error,
    depth_range,
    error_cm,
    rms_cm,
)

CELL_IN = 2.3  # width of an image
GAP_IN = 0.06
LABEL_IN = 0.32  # left margin with the frame numbers
BAR_IN = 0.12

Depth = NDArray[np.floating]


class Column(NamedTuple):
    """One column of a strip."""

    title: str
    images: list[NDArray[np.uint8]]  # RGB, one per row
    unit: str  # of its colours: "", "m" or "cm"


def upsample_bilinear(lq_m: Depth, size: tuple[int, int]) -> NDArray[np.float32]:
    """Every frame of ``(t, h, w)`` at ``size = (H, W)``: the baseline of a strip."""
    H, W = size
    return np.stack(
        [
            cv2.resize(frame.astype(np.float32), (W, H), interpolation=cv2.INTER_LINEAR)
            for frame in lq_m
        ]
    )


def draw_strip(
    guide: NDArray[np.uint8] | None,
    lq_m: Depth,
    predictions: Mapping[str, Depth],
    gt_m: Depth | None = None,
    *,
    valid: NDArray[np.bool_] | None = None,
    frames: Sequence[int] | None = None,
    title: str = "",
    first_frame: int = 0,
) -> NDArray[np.uint8]:
    """Draw a clip as rows of frames; colours mean the same in all of them.

    Columns: RGB, low-resolution depth, each prediction, the truth, each prediction's error. Depth
    range, error range and the RMSE in the titles belong to the whole clip, not to the rows shown.

    Args:
        guide: RGB, ``(t, H, W, 3)``, uint8. None draws only results, predictions and errors: for
            data whose licence does not let them be shown.
        lq_m: low-resolution depth [m], ``(t, h, w)``.
        predictions: name to depth [m], ``(t, H, W)``, in the order of the columns.
        gt_m: true depth [m], ``(t, H, W)``; None leaves truth and errors out.
        valid: mask of known truth, ``(t, H, W)``; None: where it is finite and > 0.
        frames: indices of the frames to show; None picks up to three, first, middle and last.
        title: printed above.
        first_frame: number of the clip's first frame, for the labels of the rows.

    Returns:
        RGB, ``(height, width, 3)``.
    """
    rows = _pick_frames(frames, len(lq_m))
    _check_strip(guide, lq_m, predictions, gt_m)
    limits = depth_range(lq_m if gt_m is None else gt_m)
    columns, depths = [], dict(predictions)
    if guide is not None:
        columns.append(Column("RGB", [guide[i] for i in rows], ""))
        depths = {"LR depth": lq_m, **predictions}
        depths |= {} if gt_m is None else {"ground truth": gt_m}
    for name, depth_m in depths.items():
        columns.append(Column(name, [colorize_depth(depth_m[i], limits) for i in rows], "m"))

    limit_cm = 1.0
    if gt_m is not None:
        errors = {name: error_cm(pred, gt_m, valid) for name, pred in predictions.items()}
        limit_cm = _error_limit_cm(errors)
        for name, error in errors.items():
            images = [colorize_error(error[i], limit_cm) for i in rows]
            columns.append(Column(f"|error| {name}\nRMSE {rms_cm(error):.1f} cm", images, "cm"))
    bars = {
        "m": (DEPTH_COLOURS, limits, "depth [m]"),
        "cm": (ERROR_COLOURS, (0.0, limit_cm), "absolute error [cm]"),
    }
    labels = [first_frame + i for i in rows]
    H, W = columns[-1].images[0].shape[:2]
    return _draw_columns(columns, labels, bars, title, H / W)


def save_png(path: str | Path, image: NDArray[np.uint8]) -> None:
    """Write an RGB image ``(height, width, 3)``; folders are made."""
    # Not cv2.imwrite: it answers False instead of saying why.
    write_whole(Path(path), cv2.imencode(".png", image[..., ::-1])[1].tobytes())


def _draw_columns(
    columns: list[Column],
    labels: list[int],
    bars: Mapping[str, tuple[str, tuple[float, float], str]],
    title: str,
    aspect: float,
) -> NDArray[np.uint8]:
    """Lay columns out on a sheet, titles above, frame numbers left and colour bars below."""
    cell_height = CELL_IN * aspect
    lines = 1 + max(column.title.count("\n") for column in columns)
    top = 0.14 + 0.28 * bool(title) + 0.16 * lines
    width = LABEL_IN + len(columns) * (CELL_IN + GAP_IN) + 0.1
    bottom = top + len(labels) * (cell_height + GAP_IN)
    figure = sheet.new_figure(width, bottom + BAR_IN + 0.62, title)
    for c, column in enumerate(columns):
        left = LABEL_IN + c * (CELL_IN + GAP_IN)
        for r, image in enumerate(column.images):
            axes = sheet.place(figure, left, top + r * (cell_height + GAP_IN), CELL_IN, cell_height)
            axes.imshow(image, interpolation="nearest", aspect="auto")
            if r == 0:
                axes.set_title(column.title, size=9.5, color=sheet.TEXT, pad=4)
            if c == 0:
                axes.set_ylabel(f"frame {labels[r]}", size=9, color=sheet.TEXT)
    for unit, (colours, limits, label) in bars.items():
        places = [c for c, column in enumerate(columns) if column.unit == unit]
        if places:
            left = LABEL_IN + places[0] * (CELL_IN + GAP_IN)
            length = min(len(places), 2) * CELL_IN
            axes = sheet.place(figure, left, bottom + 0.08, length, BAR_IN)
            sheet.colour_bar(axes, colours, limits, label)
    return sheet.to_image(figure)


def _error_limit_cm(errors: Mapping[str, Depth]) -> float:
    """A round number above 95 % of the worst prediction's errors: most colours are used."""
    known = [error[~np.isnan(error)] for error in errors.values()]
    return sheet.round_up(max((float(np.percentile(e, 95)) for e in known if e.size), default=1.0))


def _pick_frames(frames: Sequence[int] | None, num_frames: int) -> list[int]:
    """The frames asked for, or up to three spread over the clip."""
    if frames is None:
        return sorted({0, num_frames // 2, num_frames - 1})
    wrong = [i for i in frames if not 0 <= i < num_frames]
    if wrong or not frames:
        raise ValueError(f"frames must be some of 0..{num_frames - 1}, got {list(frames)}")
    return list(frames)


def _check_strip(
    guide: NDArray[np.uint8] | None,
    lq_m: Depth,
    predictions: Mapping[str, Depth],
    gt_m: Depth | None,
) -> None:
    """Raise unless all arrays are the same clip."""
    if guide is None:
        if not predictions:
            raise ValueError("a strip without guide needs at least one prediction, got none")
        guide = np.zeros((*next(iter(predictions.values())).shape, 3), np.uint8)
    if guide.ndim != 4 or guide.shape[3] != 3 or guide.dtype != np.uint8 or len(guide) == 0:
        raise ValueError(f"guide must be uint8 (t, H, W, 3), got {guide.dtype} {guide.shape}")
    if lq_m.ndim != 3 or len(lq_m) != len(guide):
        raise ValueError(f"lq_m must be ({len(guide)}, h, w) as guide, got {lq_m.shape}")
    high = dict(predictions) | ({} if gt_m is None else {"gt_m": gt_m})
    for name, depth_m in high.items():
        if depth_m.shape != guide.shape[:3]:
            raise ValueError(f"{name} must be {guide.shape[:3]} as guide, got {depth_m.shape}")
